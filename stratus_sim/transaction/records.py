"""What a journal says: every step of the specification that was taken, with the data it was taken with.

The journal of a run is its trace: replaying the records through the compiled specification rebuilds its state.
`agent` and `token` name the grant of the write lock a step was taken under.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from stratus_sim.cluster.configuration import Field, Value
from stratus_sim.telemetry.severity import Severity
from stratus_sim.transaction.limits import Agents, Limits

VERSION = 1


class Write(msgspec.Struct, frozen=True, array_like=True):
    """One field and its value before and after; values are frozen JSON (`configuration.freeze`) or ABSENT."""

    field: Field
    before: Value
    after: Value

    def __post_init__(self) -> None:
        # JSON has no tuples; frozen values have no lists.
        msgspec.structs.force_setattr(self, "before", _tuples(self.before))
        msgspec.structs.force_setattr(self, "after", _tuples(self.after))


class Record(msgspec.Struct, frozen=True, tag_field="type", tag=str.lower):
    """Base of all records."""


class Header(Record, frozen=True):
    """The first record. `change` numbers the newest write at that moment, `live` and `healthy` say how the system
    was; `run` is whatever the caller needs to know of the run."""

    version: int
    limits: Limits
    agents: Agents
    now_us: int
    change: int
    live: Severity
    healthy: bool
    run: dict[str, Any]


class Ticked(Record, frozen=True):
    """Time has passed."""

    now_us: int


class Observed(Record, frozen=True):
    """A measurement: severity as it is and as it would be without the open transaction."""

    now_us: int
    live: Severity
    shadow: Severity
    healthy: bool


class Foreign(Record, frozen=True):
    """Somebody else wrote configuration. `number` is the cluster's number for the write."""

    number: int
    writer: str
    writes: tuple[Write, ...]


class Granted(Record, frozen=True):
    """The write lock was granted; `step` is acquire or take_over."""

    step: str
    agent: str
    token: int


class Acted(Record, frozen=True):
    """An action is about to run: the undo entries of all fields it will write. Durable before the action runs."""

    action: dict[str, Any]
    permitted: bool
    writes: tuple[Write, ...]
    agent: str
    token: int


class Applied(Record, frozen=True):
    """The action is over and these writes happened; none did when the cluster refused it."""

    writes: tuple[Write, ...]
    agent: str
    token: int


class Undone(Record, frozen=True):
    """The undo entries of the latest action not undone yet, newest first: `steps` says undo or skip for each.

    `kept` are the skipped ones: the before-image that was not restored, and what somebody else left there.
    """

    steps: tuple[str, ...]
    kept: tuple[Write, ...]
    agent: str
    token: int


class Moved(Record, frozen=True):
    """A step that carries no data beyond who took it; `reason` is for people."""

    step: str
    agent: str = ""
    token: int = 0
    reason: str = ""


AnyRecord = Header | Ticked | Observed | Foreign | Granted | Acted | Applied | Undone | Moved


def to_plain(record: Record) -> Any:
    """The record as plain JSON data."""
    return msgspec.to_builtins(record)


def from_plain(data: Any) -> AnyRecord:
    """The record `to_plain` made the data of.

    Raises:
        msgspec.ValidationError: the data is no record.
    """
    return msgspec.convert(data, AnyRecord)  # type: ignore[no-any-return]


def writes_of(record: Record) -> Iterable[Write]:
    """The writes a record announces first, with their before-images."""
    return record.writes if isinstance(record, (Acted, Foreign)) else ()


def _tuples(value: Any) -> Value:
    return tuple(_tuples(item) for item in value) if isinstance(value, (list, tuple)) else value
