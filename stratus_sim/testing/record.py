"""Episodes on disk: a header that says how to play it again, then the events it gave.

Replay plays it again and compares byte for byte. Nothing is taken from the file but the header and, for a policy that
a model drives, the model's replies.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from stratus_sim import extensions
from stratus_sim.errors import UserError
from stratus_sim.extensions import Extension
from stratus_sim.files import write_atomically
from stratus_sim.testing.episode import Limits
from stratus_sim.testing.events import chained
from stratus_sim.testing.policy import PolicyFactory
from stratus_sim.testing.provenance import Build, Origin, build
from stratus_sim.testing.scenario import Scenario
from stratus_sim.testing.stage import Source, Stage
from stratus_sim.testing.trial import Mode, Outcome, Setup, run_trial
from stratus_sim.transaction.driver import validate_trace
from stratus_sim.transaction.records import Header as Journal
from stratus_sim.transaction.records import from_plain

FORMAT = 2


class Header(msgspec.Struct, frozen=True, kw_only=True, tag="header", tag_field="kind"):
    """First line of a recorded episode. `manifests_sha256` tells a changed application from a changed simulator.

    `extensions` were loaded when it was recorded, and are loaded again before it is played; unset for none.
    """

    format: int = FORMAT
    policy: str
    mode: Mode
    source: Source
    scenario: Scenario
    limits: Limits
    manifests_sha256: str
    build: Build = Build()
    origin: Origin | None = None
    extensions: tuple[Extension, ...] | msgspec.UnsetType = msgspec.UNSET


LoadRecorded = Callable[[Header, list[dict[str, Any]]], PolicyFactory]
"""Makes the policy of a recorded episode from its header and events."""


def save(path: Path, header: Header, outcome: Outcome) -> None:
    """Write an episode, all or nothing.

    Raises:
        UserError: the file cannot be written.
    """
    write_atomically(path, contents(header, outcome))


def contents(header: Header, outcome: Outcome) -> bytes:
    """The bytes of a recorded episode."""
    verdict = {"kind": "verdict", "problem": outcome.problem}
    return chained([msgspec.to_builtins(header), *outcome.episode.events, verdict])


def header_for(setup: Setup, policy: str, outcome: Outcome) -> Header:
    stage = setup.stage
    return Header(
        policy=policy,
        mode=outcome.mode,
        source=stage.source,
        scenario=outcome.scenario,
        limits=setup.limits,
        manifests_sha256=digest(stage),
        build=build(),
        origin=getattr(setup.factory, "origin", None),
        extensions=extensions.loaded() or msgspec.UNSET,
    )


def digest(stage: Stage) -> str:
    return hashlib.sha256(msgspec.json.encode(stage.manifests.objects, order="deterministic")).hexdigest()


def read_header(path: Path) -> Header:
    """The header of a recorded episode.

    Raises:
        UserError: the file cannot be read or is no recording of this format.
    """
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.readline(), type=Header)
    except OSError as error:
        raise UserError(
            f"{path}: {error.strerror}; expected a file written by `stratus run --out` or `check`"
        ) from None
    except msgspec.MsgspecError as error:
        raise UserError(
            f"{path}:1: not a recorded episode ({error}); expected a file written by `stratus run --out`"
        ) from None


def replay(path: Path, load_policy: LoadRecorded) -> tuple[Header, Outcome]:
    """Play a recorded episode again.

    Raises:
        UserError: the file is unusable, its inputs have changed, or the bytes differ.
    """
    header = read_header(path)
    extensions.load_all(header.extensions or ())
    factory = load_policy(header, _events(path))
    setup = Setup(Stage(header.source), factory, header.limits)
    if digest(setup.stage) != header.manifests_sha256:
        raise UserError(f"{path}: the manifests have changed since this was recorded: check them out as they were")
    outcome = run_trial(setup, header.scenario, header.mode, watch=True)
    _compare(path, path.read_bytes(), contents(header, outcome))
    return header, outcome


def validate(events: Iterable[Mapping[str, Any]]) -> int:
    """How many journal records an episode holds; every journal among them is a behaviour of the specification.

    Raises:
        SpecViolation: one is not; names the step and the guards that fail.
    """
    records = [from_plain(event["record"]) for event in events if event["kind"] == "machine"]
    later = [number for number, record in enumerate(records) if number and isinstance(record, Journal)]
    for begin, end in pairwise([0, *later, len(records)] if records else []):
        validate_trace(records[begin:end])
    return len(records)


def _events(path: Path) -> list[dict[str, Any]]:
    try:
        return [msgspec.json.decode(line, type=dict[str, Any]) for line in path.read_bytes().splitlines()]
    except msgspec.MsgspecError as error:
        raise UserError(f"{path}: damaged ({error}); expected one JSON object a line") from None


def _compare(path: Path, recorded: bytes, again: bytes) -> None:
    if recorded == again:
        return
    pairs = enumerate(zip(recorded.splitlines(), again.splitlines(), strict=False), 1)
    line = next((number for number, (a, b) in pairs if a != b), "end")
    raise UserError(
        f"{path}:{line}: playing it again gives other events; expected the same policy and version as recorded"
    )
