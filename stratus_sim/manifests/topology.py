"""What manifests cannot say, declared by the user: calls, entry points, ports listened on, and profiles."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from stratus_sim.errors import UserError, unknown_name
from stratus_sim.manifests.reader import read_documents


class DeclaredCall(msgspec.Struct, frozen=True, rename={"source": "from", "target": "to"}):
    """A workload calls a Service; both by `name`, or `namespace/name` where a name is used twice."""

    source: str
    target: str
    port: int | None = None
    hard: bool = True


class Profile(msgspec.Struct, frozen=True):
    """What one process of a workload needs; absent figures are derived from its resources."""

    memory_mib: int | None = None
    cpu_us_per_request: int | None = None
    latency_us: int | None = None


class _File(msgspec.Struct, frozen=True):
    calls: list[DeclaredCall] = []
    entrypoints: list[str] = []
    listens: dict[str, list[int]] = {}
    profiles: dict[str, Profile] = {}


@dataclass(frozen=True, slots=True)
class Topology:
    """A topology file; `file` leads the messages about names that do not exist."""

    file: Path = Path("topology")
    calls: tuple[DeclaredCall, ...] = ()
    entrypoints: tuple[str, ...] = ()
    listens: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    profiles: Mapping[str, Profile] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Score:
    """How well inferred edges match expected ones; a ratio is 1 where there is nothing to get wrong."""

    precision: float
    recall: float
    extra: tuple[tuple[str, str], ...]
    missing: tuple[tuple[str, str], ...]


def load_topology(path: Path) -> Topology:
    """Read a topology: a mapping of `calls`, `entrypoints`, `listens` and `profiles`, all optional.

    Raises UserError for an unreadable file, an unknown key (with the nearest known one) or a wrong type.
    """
    documents = read_documents(path)
    if len(documents) != 1 or not isinstance(documents[0].value, dict):
        raise UserError(f"{path}: expected one mapping with the keys {', '.join(_File.__struct_fields__)}")
    _known_keys(documents[0].value, path)
    try:
        content = msgspec.convert(documents[0].value, _File)
    except msgspec.ValidationError as error:
        raise UserError(f"{path}: {str(error).replace('`$.', '`')}") from None
    listens = {name: tuple(ports) for name, ports in content.listens.items()}
    return Topology(path, tuple(content.calls), tuple(content.entrypoints), listens, content.profiles)


def resolve_name(name: str, keys: Collection[str], what: str, where: str) -> str:
    """The key `namespace/name` that a name in a topology stands for. `where` is the file and field.

    Raises UserError for a name nobody has (with the nearest) or several have.
    """
    matches = [key for key in sorted(keys) if name in (key, key.partition("/")[2])]
    if len(matches) > 1:
        raise UserError(f"{where}: {name!r} could be any of {', '.join(matches)}: write namespace/name")
    if not matches:
        known = sorted({key.partition("/")[2] for key in keys})
        raise UserError(f"{where}: {unknown_name(what, name, known)}")
    return matches[0]


def compare(inferred: Iterable[tuple[str, str]], expected: Iterable[tuple[str, str]]) -> Score:
    """Precision and recall of inferred (caller, Service) pairs against expected ones."""
    found, wanted = set(inferred), set(expected)
    right = len(found & wanted)
    return Score(
        right / len(found) if found else 1.0,
        right / len(wanted) if wanted else 1.0,
        tuple(sorted(found - wanted)),
        tuple(sorted(wanted - found)),
    )


def _known_keys(content: Mapping[str, Any], path: Path) -> None:
    _check_keys(content, _File, f"{path}")
    calls, profiles = content.get("calls"), content.get("profiles")
    for index, call in enumerate(calls if isinstance(calls, list) else ()):
        _check_keys(call, DeclaredCall, f"{path}: calls[{index}]")
    for name, profile in (profiles if isinstance(profiles, dict) else {}).items():
        _check_keys(profile, Profile, f"{path}: profiles.{name}")


def _check_keys(value: Any, shape: type[msgspec.Struct], where: str) -> None:
    known = shape.__struct_encode_fields__
    for key in value if isinstance(value, dict) else ():
        if key not in known:
            raise UserError(f"{where}: {unknown_name('key', str(key), known)}")
