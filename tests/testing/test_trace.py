"""Logs of real runs are behaviours of the specification; altered ones are rejected at the line that was altered."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stratus_agents.policies import load_policy
from stratus_sim.errors import UserError
from stratus_sim.testing.events import chained
from stratus_sim.testing.record import contents, header_for
from stratus_sim.testing.scenario import Disruption, Scenario
from stratus_sim.testing.trace import Rejected, check_log
from stratus_sim.testing.trial import Setup, run_trial
from stratus_sim.transaction.journal import FileJournal
from tests.conftest import stage
from tests.transaction import small

FAULT = ("scale-to-zero", "Deployment/profile")
LOGS = {
    "repaired": ("runbook", None),
    "reckless": ("reckless", None),
    "crashed": ("runbook", Disruption("crash", 3)),
    "overtaken": ("runbook", Disruption("rival", 0)),
}
UNSEEN = {"ticked", "observed", "foreign"}
"""Records that a shorter or coarser behaviour does without: time, measurements nothing rests on, others' writes that
the transaction never meets."""


def unseen(one: dict, two: dict | None) -> bool:
    """Whether the log is as good a behaviour without `one`, which `two` follows in its run.

    A prefix of a behaviour is one, a transaction may be rejected before it is submitted, and undoing nothing stutters.
    """
    if one["type"] == "undone" and not one["steps"]:
        return True
    return one["type"] in UNSEEN or two is None or (one.get("step"), two.get("step")) == ("submit", "reject")


@cache
def log(name: str) -> tuple[bytes, ...]:
    policy, disruption = LOGS[name]
    setup = Setup(stage(), load_policy(policy))
    outcome = run_trial(setup, Scenario(*FAULT, disruption=disruption), "protected", watch=False)
    return tuple(contents(header_for(setup, policy, outcome), outcome).splitlines(keepends=True))


def check(lines):
    """Check these lines with their links made anew: what must be seen is in what they say."""
    events = [json.loads(line) for line in lines]
    for event in events:
        event.pop("link", None)
    return as_they_are([*chained(events).splitlines(keepends=True)])


def as_they_are(lines):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "run.jsonl"
        path.write_bytes(b"".join(lines))
        return check_log(path)


def rejected(lines) -> int | None:
    """The first offending line, None when the log is accepted."""
    try:
        check(lines)
    except Rejected as error:
        return error.line
    return None


def records(name: str) -> list[tuple[int, dict]]:
    """The machine's records with the number of their line, counted from 0."""
    events = [(number, json.loads(line)) for number, line in enumerate(log(name))]
    return [(number, event["record"]) for number, event in events if event["kind"] == "machine"]


def following(name: str, number: int) -> dict | None:
    """The next record of the same run that is no mere remark."""
    later = [record for line, record in records(name) if line > number and record["type"] not in UNSEEN]
    return later[0] if later and later[0]["type"] != "header" else None


def matters(name: str, number: int) -> bool:
    """Whether dropping the record must show."""
    return not unseen(dict(records(name))[number], following(name, number))


@pytest.mark.parametrize("name", LOGS)
def test_every_run_is_a_behaviour(name):
    checked = check(log(name))
    assert checked.records == len(records(name)) and checked.runs >= 1


@pytest.mark.parametrize("name", LOGS)
def test_every_dropped_record_that_matters_is_missed(name):
    lines = list(log(name))
    for number, record in records(name):
        if matters(name, number):
            line = rejected(lines[:number] + lines[number + 1 :])
            assert line is not None and line > number, record


@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(st.data())
def test_swapped_neighbours_are_seen(data):
    name = data.draw(st.sampled_from(sorted(LOGS)))
    found = records(name)
    at = data.draw(st.integers(0, len(found) - 2))
    (first, one), (second, two) = found[at : at + 2]
    undone = one["type"] == two["type"] == "undone"  # either order pops the same entries
    if matters(name, first) and matters(name, second) and two["type"] != "header" and not undone:
        lines = list(log(name))
        lines[first], lines[second] = lines[second], lines[first]
        line = rejected(lines)
        assert line is not None and line > first, (one, two)


EDITS = {
    "step": "escalate",
    "token": 7,
    "agent": "stranger",
    "now_us": 10**12,
}


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(st.data())
def test_edited_records_are_seen(data):
    name = data.draw(st.sampled_from(sorted(LOGS)))
    number, record = data.draw(st.sampled_from([r for r in records(name) if r[1]["type"] != "header"]))
    editable = [key for key in EDITS if record.get(key)]
    if editable and following(name, number):
        key = data.draw(st.sampled_from(editable))
        event = json.loads(log(name)[number])
        if event["record"][key] == EDITS[key]:
            return
        event["record"][key] = EDITS[key]
        lines = [*log(name)[:number], json.dumps(event).encode() + b"\n", *log(name)[number + 1 :]]
        line = rejected(lines)
        assert line is not None and line > number, (key, record)


def edited(name, change):
    """The log with every event passed through `change`."""
    events = [json.loads(line) for line in log(name)]
    for event in events:
        change(event)
    return [json.dumps(event).encode() + b"\n" for event in events]


def test_a_forged_measurement_is_seen():
    def forge(event):
        if event["kind"] == "machine" and event["record"]["type"] == "observed":
            event["record"]["live"] = [9000, 9000, 9000]

    assert rejected(edited("repaired", forge)) is not None


def test_a_forged_before_image_is_seen():
    def forge(event):
        if event["kind"] == "machine" and event["record"]["type"] == "acted":
            event["record"]["writes"] = [[field, 99, after] for field, _, after in event["record"]["writes"]]

    seen = [n for n, record in records("reckless") if record["type"] == "acted"]
    line = rejected(edited("reckless", forge))
    assert line is not None and line > seen[1]


def test_a_forged_verdict_is_seen():
    def forge(event):
        if event["kind"] == "attempt.decision":
            event["decision"] = {"commit": "abort", "abort": "commit"}[event["decision"]]

    first = next(n for n, line in enumerate(log("repaired")) if b'"attempt.decision"' in line)
    assert rejected(edited("repaired", forge)) == first + 1


def test_an_invented_action_is_seen():
    def forge(event):
        if event["kind"] == "policy.action":
            event["action"]["arguments"] = {"replicas": 17}

    assert rejected(edited("repaired", forge)) is not None


@pytest.mark.parametrize(
    "action",
    [{"verb": 1}, {"verb": "scale", "target": "nothing"}, {"verb": "apply", "target": "cm/x"}, {"verb": "fly"}],
)
def test_what_is_no_action_was_not_done(action):
    def forge(event):
        if event["kind"] == "machine" and event["record"]["type"] == "acted":
            event["record"]["action"] = action

    first = next(n for n, record in records("reckless") if record["type"] == "acted")
    assert rejected(edited("reckless", forge)) == first + 1


@pytest.mark.parametrize("name", LOGS)
@pytest.mark.parametrize("tamper", ["drop", "swap", "edit"])
def test_a_tampered_line_is_found_where_it_stands(name, tamper):
    lines = list(log(name))
    for number in range(0, len(lines) - 1, 7):
        altered = list(lines)
        if tamper == "drop":
            del altered[number]
        elif tamper == "swap":
            altered[number : number + 2] = reversed(lines[number : number + 2])
        else:
            altered[number] = lines[number].replace(b'"kind":', b'"x":0,"kind":', 1)
        with pytest.raises(Rejected, match="edited or moved, or one before it was dropped") as found:
            as_they_are(altered)
        assert found.value.line == number + 1


def test_a_log_that_was_cut_is_rejected():
    with pytest.raises(Rejected, match="was cut"):
        as_they_are(log("reckless")[:-1])


def test_a_log_without_transactions_is_the_users_mistake(tmp_path):
    path = tmp_path / "run.jsonl"
    path.write_bytes(chained([{"kind": "header"}, {"kind": "verdict"}]))
    with pytest.raises(UserError, match="no transaction"):
        check_log(path)
    with pytest.raises(UserError, match="cannot be read"):
        check_log(tmp_path / "nothing")


def test_a_file_that_is_no_log_is_the_users_mistake_and_a_line_that_is_no_event_is_not(tmp_path):
    path = tmp_path / "run.jsonl"
    for content, said in ((b"", "is empty"), (b"hello\n", r":1: no event"), (b"[]\n", r":1: no event")):
        path.write_bytes(content)
        with pytest.raises(UserError, match=f"{said}.*expected a recorded run or a journal"):
            check_log(path)
    path.write_bytes(b"".join([*log("repaired")[:3], b"hello\n"]))
    with pytest.raises(Rejected, match=rf"^{path}:4: no event"):
        check_log(path)


def test_records_that_change_nothing_are_counted():
    """Another look at the same instant is one, and so is a clock that is told twice."""
    found = check(log("repaired"))
    assert (found.runs, found.stutters, found.phases) == (1, 0, ("resolved",))
    lines = list(log("repaired"))
    doubled = [number for number, record in records("repaired") if record["type"] in UNSEEN - {"foreign"}]
    for number in reversed(doubled):
        lines.insert(number, lines[number])
    again = check(lines)
    assert (again.stutters, again.records) == (len(doubled), found.records + len(doubled))
    assert str(again).startswith(f"{again.records} records of 1 run(s), {again.stutters} of them stutters")


def test_a_journal_is_checked_record_by_record(tmp_path):
    path = tmp_path / "journal"
    manager = small.begun(small.simulated(), FileJournal(path))
    manager.act(small.scale(3))
    manager.submit()
    assert check_log(path).records == len(manager.trace)
    forged = FileJournal(tmp_path / "forged")
    forged.append(*manager.trace[:-2], manager.trace[-1])
    with pytest.raises(Rejected, match=rf"forged:{len(manager.trace) - 1}: "):
        check_log(tmp_path / "forged")


def test_a_record_of_another_version_is_none():
    def forge(event):
        if event["kind"] == "machine":
            event["record"]["type"] = "of_tomorrow"

    assert rejected(edited("repaired", forge)) == records("repaired")[0][0] + 1
