"""Trace validation: a log, of whatever run, read as steps of the specification.

A log is a recorded episode (`stratus run --out`) or a journal (`stratus run --journal`, `stratus apply --journal`). Its
records must be a behaviour of the specification, record by record; an episode must also agree with what it says of the
clock, the policy's actions and the decisions.

Each line of a recording is linked to those before it, and each line of a journal numbered and checksummed, so that
a line dropped, moved or edited is found where it stands. Of a log whose links were made anew, what cannot be seen
is what leaves a behaviour of the specification: a missing tick or foreign write that nothing after it rests on, a
shorter journal (a prefix of a behaviour is one), a missing `submit` before a rejection, `escalate` in place of a
final `again`, two undo records in the other order. An episode's first value of a field is taken on trust.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from stratus_sim.cluster.configuration import ABSENT
from stratus_sim.errors import UserError
from stratus_sim.testing.events import linked
from stratus_sim.transaction import records as r
from stratus_sim.transaction.driver import replaying
from stratus_sim.transaction.journal import read_journal
from stratus_spec import SpecViolation

LAST = "verdict"
"""The kind of a recording's last line."""
JOURNAL_START = b'{"crc":'
ENDS = {"commit": "commit", "abort": "abort", "begin": ""}
"""Steps after which a transaction is committed, aborted or undecided."""


class Rejected(Exception):
    """The log is no behaviour of the specification. `line` is the first offending line, counted from 1."""

    def __init__(self, path: Path, line: int, why: str) -> None:
        super().__init__(f"{path}:{line}: {why}")
        self.path, self.line, self.why = path, line, why


class Line(NamedTuple):
    """A record and where it stands; `time_us` is the simulated time at which it was logged, if the log says so."""

    number: int
    record: r.AnyRecord
    time_us: int | None = None


@dataclass(frozen=True)
class Checked:
    """A log that was accepted: how many runs, records and records that change no state (stutters) it has, and the
    phase each run ends in."""

    runs: int
    records: int
    stutters: int
    phases: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {"ok": True, "runs": self.runs, "records": self.records, "stutters": self.stutters,
                "phases": list(self.phases)}  # fmt: skip

    def __str__(self) -> str:
        return (
            f"{self.records} records of {self.runs} run(s), {self.stutters} of them stutters: a behaviour of the "
            f"specification, ending in {', '.join(self.phases)}"
        )


def check_log(path: Path) -> Checked:
    """Check a log against the specification.

    Raises:
        Rejected: it is no behaviour of the specification, or was altered.
        UserError: the file cannot be read, or holds no transaction.
    """
    if _is_journal(path):
        records = read_journal(path)
        return check_lines(path, [Line(number, record) for number, record in enumerate(records, 1)])
    events = _events(path)
    _check_links(path, events)
    lines = [Line(n, _record(path, n, e), e.get("time_us")) for n, e in events if e.get("kind") == "machine"]
    checked = check_lines(path, lines)
    _check_story(path, events)
    return checked


def _check_links(path: Path, events: list[tuple[int, dict[str, Any]]]) -> None:
    """Every line follows the one before it as it was written, and the last one is there."""
    before = ""
    for number, event in events:
        link = event.pop("link", None)
        if link != linked(before, event):
            raise Rejected(path, number, "this line was edited or moved, or one before it was dropped")
        before = link
    if events[-1][1].get("kind") != LAST:
        raise Rejected(path, len(events), f"the log was cut: it does not end with the {LAST}")


def check_lines(path: Path, lines: list[Line]) -> Checked:
    """Check records that stand in these lines. Raises as `check_log`."""
    if not lines:
        raise UserError(f"{path}: no transaction in it; expected a protected run or a journal")
    runs = list(_runs(lines))
    ends = [_follow(path, run) for run in runs]
    return Checked(len(runs), len(lines), sum(stutters for stutters, _ in ends), tuple(phase for _, phase in ends))


def _runs(lines: list[Line]) -> Iterator[list[Line]]:
    """A process that starts anew begins with a header."""
    starts = [i for i, line in enumerate(lines) if isinstance(line.record, r.Header)]
    for start, end in zip([0, *starts[1:]], [*starts[1:], len(lines)], strict=True):
        yield lines[start:end]


def _follow(path: Path, run: list[Line]) -> tuple[int, str]:
    """How many stutters a run has and the phase it ends in."""
    stutters, before, phase, position = 0, None, "", 0
    try:
        for driver, _record in replaying([line.record for line in run], lambda _field: ABSENT):
            stutters += driver.state == before
            before, phase = driver.state, str(driver.state["phase"])
            _check_clock(path, run[position], driver.state["now"])
            position += 1
    except SpecViolation as violation:
        raise Rejected(path, run[position].number, str(violation)) from None
    return stutters, phase


def _check_clock(path: Path, line: Line, now_us: int) -> None:
    if line.time_us is not None and now_us > line.time_us:
        raise Rejected(path, line.number, f"a record from {now_us} us cannot be logged at {line.time_us} us")


def _check_story(path: Path, events: list[tuple[int, dict[str, Any]]]) -> None:
    """What the episode says was done and decided is what the records say."""
    done: list[Any] = []
    acted: list[Any] = []
    end = ""
    for number, event in events:
        kind = event.get("kind")
        if kind == "attempt.begin":
            done, acted, end = [], [], ""
        elif kind == "policy.action" and event["told"].startswith("done"):
            done.append(event["action"])
        elif kind == "machine":
            record = event["record"]
            acted += [record["action"]] if record["type"] == "acted" else []
            end = ENDS.get(record.get("step", ""), end)
        elif kind == "attempt.decision":
            if missing := [action for action in done if action not in acted]:
                raise Rejected(path, number, f"by what the policy was told {missing[0]} was done, by the records not")
            if event["decision"] != (end or "abort"):
                raise Rejected(path, number, f"the decision is {event['decision']}, by the records {end or 'abort'}")


def _is_journal(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(JOURNAL_START)) == JOURNAL_START
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); expected a recorded run or a journal") from None


def _events(path: Path) -> list[tuple[int, dict[str, Any]]]:
    found = []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            found.append((number, msgspec.json.decode(line, type=dict[str, Any])))
        except msgspec.MsgspecError as error:
            if not found:
                raise UserError(f"{path}:{number}: no event ({error}); expected a recorded run or a journal") from None
            raise Rejected(path, number, f"no event ({error})") from None
    if not found:
        raise UserError(f"{path}: is empty; expected a recorded run or a journal")
    return found


def _record(path: Path, number: int, event: dict[str, Any]) -> r.AnyRecord:
    try:
        return r.from_plain(event.get("record"))
    except msgspec.ValidationError as error:
        raise Rejected(path, number, f"no record of this version ({error})") from None
