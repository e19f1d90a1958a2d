"""What manifests cannot say, declared by the user: calls, entry points, ports listened on, profiles, and traffic."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import msgspec

from stratus_sim.errors import UserError, unknown_name
from stratus_sim.manifests.pod_shapes import Port
from stratus_sim.manifests.reader import read_documents
from stratus_sim.manifests.traffic import BreakerRule
from stratus_sim.manifests.traffic_shapes import DeclaredLoad, DeclaredPolicy, DeclaredRequest, DeclaredStep

_Amount = Annotated[int, msgspec.Meta(ge=0)]


class DeclaredCall(msgspec.Struct, frozen=True, rename={"source": "from", "target": "to"}):
    """A workload calls a Service; both by `name`, or `namespace/name` where a name is used twice."""

    source: str
    target: str
    port: Port | None = None
    hard: bool = True


class Profile(msgspec.Struct, frozen=True):
    """What one process of a workload needs; absent figures are derived from its resources.

    It works on `concurrency` requests at once (as many as its CPU allows, if absent) while `queue` may wait. On the
    wire a request weighs `request_bytes` and its answer `response_bytes`. `behaviour` names what it does with requests
    (docs/extending.md) where its image does not tell; no object of the cluster says so.
    """

    memory_mib: _Amount | None = None
    cpu_us_per_request: _Amount | None = None
    latency_us: _Amount | None = None
    concurrency: int | None = None
    queue: int | None = None
    request_bytes: _Amount | None = None
    response_bytes: _Amount | None = None
    behaviour: str = ""


class _File(msgspec.Struct, frozen=True):
    calls: list[DeclaredCall] = []
    entrypoints: list[str] = []
    listens: dict[str, list[Port]] = {}
    profiles: dict[str, Profile] = {}
    requests: dict[str, DeclaredRequest] = {}
    load: DeclaredLoad | None = None
    policies: list[DeclaredPolicy] = []
    health: dict[str, dict[str, list[str]]] = {}


@dataclass(frozen=True, slots=True)
class Topology:
    """A topology file; `file` leads the messages about names that do not exist.

    `health` names, by workload and path (or gRPC service), the Services its process calls before it says that it is
    well.
    """

    file: Path = Path("topology")
    calls: tuple[DeclaredCall, ...] = ()
    entrypoints: tuple[str, ...] = ()
    listens: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    requests: Mapping[str, DeclaredRequest] = field(default_factory=dict)
    load: DeclaredLoad | None = None
    policies: tuple[DeclaredPolicy, ...] = ()
    health: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Score:
    """How well inferred edges match expected ones; a ratio is 1 where there is nothing to get wrong."""

    precision: float
    recall: float
    extra: tuple[tuple[str, str], ...]
    missing: tuple[tuple[str, str], ...]


def load_topology(path: Path) -> Topology:
    """Read a topology: a mapping of `calls`, `entrypoints`, `listens`, `profiles`, `requests`, `load`, `policies` and
    `health`.

    All are optional.

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
    calls, entrypoints, policies = tuple(content.calls), tuple(content.entrypoints), tuple(content.policies)
    return Topology(
        path, calls, entrypoints, listens, content.profiles, content.requests, content.load, policies, content.health
    )


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
    _check_keys(content.get("load"), DeclaredLoad, f"{path}: load")
    for field_, shape in (("calls", DeclaredCall), ("policies", DeclaredPolicy)):
        for index, item in enumerate(_items(content.get(field_))):
            _check_keys(item, shape, f"{path}: {field_}[{index}]")
    for name, profile in _entries(content.get("profiles")):
        _check_keys(profile, Profile, f"{path}: profiles.{name}")
    for index, policy in enumerate(_items(content.get("policies"))):
        _check_keys(_of(policy, "breaker"), BreakerRule, f"{path}: policies[{index}].breaker")
    for name, request in _entries(content.get("requests")):
        _check_keys(request, DeclaredRequest, f"{path}: requests.{name}")
        _check_steps(request, f"{path}: requests.{name}")


def _check_steps(value: Any, where: str) -> None:
    for index, step in enumerate(_items(_of(value, "calls"))):
        _check_keys(step, DeclaredStep, f"{where}.calls[{index}]")
        _check_steps(step, f"{where}.calls[{index}]")


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _entries(value: Any) -> list[tuple[str, Any]]:
    return list(value.items()) if isinstance(value, dict) else []


def _of(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _check_keys(value: Any, shape: type[msgspec.Struct], where: str) -> None:
    known = shape.__struct_encode_fields__
    for key in value if isinstance(value, dict) else ():
        if key not in known:
            raise UserError(f"{where}: {unknown_name('key', str(key), known)}")
