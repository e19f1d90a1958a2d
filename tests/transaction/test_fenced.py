"""One writer at a time: who has lost the lock touches nothing any more."""

from __future__ import annotations

import pytest

from stratus_sim.cluster import lease
from stratus_sim.transaction import records as r
from stratus_sim.transaction.cluster import StaleToken
from stratus_sim.transaction.driver import (
    validate_trace,
)
from stratus_sim.transaction.journal import MemoryJournal
from stratus_sim.transaction.outcome import Verdict
from stratus_sim.transaction.recovery import recover
from stratus_sim.transaction.undo import LockHeld
from tests.transaction import small


def test_only_one_writer() -> None:
    cluster = small.simulated()
    manager = small.begun(cluster)
    with pytest.raises(LockHeld):
        small.begun(cluster)
    assert manager.act(small.scale(3)).performed


def test_a_slow_holder_is_fenced() -> None:
    cluster, journal = small.simulated(), MemoryJournal()
    before = small.everything(cluster.world)
    slow = small.begun(cluster, journal)
    assert slow.act(small.scale(3)).performed
    lease.expire(cluster.world)
    recovery = recover(journal.reopen(), cluster)
    assert (recovery.open, recovery.undone) == (True, 1)
    assert small.everything(cluster.world) == before
    number = cluster.last_change()
    assert not slow.act(small.scale(0)).performed
    assert slow.submit().verdict is Verdict.FENCED
    assert slow.abandon("late").verdict is Verdict.FENCED
    with pytest.raises(StaleToken):
        slow.again()
    assert small.everything(cluster.world) == before and cluster.last_change() == number
    validate_trace(journal.records())


def test_who_was_fenced_touches_nothing_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rival keeps another journal, so that nothing but the manager itself keeps a record from this one."""
    cluster, journal = small.simulated(), MemoryJournal()
    slow = small.begun(cluster, journal)
    lease.expire(cluster.world)
    assert cluster.acquire("rival") is not None
    told = slow.act(small.scale(3))
    assert not told.performed and "token" in told.reason
    written = journal.records()
    monkeypatch.setattr(cluster, "changes", lambda _since: pytest.fail("the cluster was asked"))
    assert slow.act(small.scale(4)) == told
    assert slow.submit() == slow.abandon("late") == (Verdict.FENCED, told.reason, None, None, ())
    assert journal.records() == written


@pytest.mark.parametrize("end", ["submit", "abandon"])
def test_who_ends_a_transaction_that_was_taken_over_is_told_so(end: str) -> None:
    cluster, journal = small.simulated(), MemoryJournal()
    slow = small.begun(cluster, journal)
    recover(journal.reopen(), cluster)
    decision = slow.submit() if end == "submit" else slow.abandon("late")
    assert decision.verdict is Verdict.FENCED and decision.reason == slow.fenced != ""


def test_a_late_write_is_refused_by_the_cluster() -> None:
    """The lease runs out between the journal and the write: another agent undoes, then the write arrives."""
    journal = MemoryJournal()
    cluster = small.Rivalled(small.world(), journal)
    before = small.everything(cluster.world)
    slow = small.begun(cluster, journal)
    outcome = slow.act(small.scale(0))
    assert not outcome.performed and "token" in outcome.reason
    assert slow.submit().verdict is Verdict.FENCED
    assert small.everything(cluster.world) == before
    validate_trace(journal.records())


def test_a_commit_needs_the_lock() -> None:
    cluster = small.simulated()
    slow = small.begun(cluster)
    assert slow.act(small.scale(3)).performed
    lease.expire(cluster.world)
    assert cluster.acquire("rival") is not None
    assert slow.submit().verdict is Verdict.FENCED
    assert not any(isinstance(record, r.Moved) and record.step == "commit" for record in slow.trace)
