"""Each broken manager does its harm on the cluster, in the one situation meant for it; the real one does not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from stratus_sim.cluster.configuration import Field, Value
from stratus_sim.transaction.journal import MemoryJournal
from stratus_sim.transaction.manager import TransactionManager
from stratus_sim.transaction.outcome import Verdict
from stratus_sim.transaction.records import Acted, AnyRecord
from stratus_sim.transaction.recovery import recover
from tests.transaction import broken, small

Configuration = dict[Field, Value]
Manager = type[TransactionManager]


def harmful_transaction(kind: Manager) -> tuple[Configuration, Configuration]:
    """Configuration before and after a transaction that must not leave a trace."""
    cluster = small.simulated()
    before = small.everything(cluster.world)
    manager = small.begun(cluster, kind=kind)
    for replicas in (3, 0):
        assert manager.act(small.scale(replicas)).performed
    manager.submit()
    return before, small.everything(cluster.world)


class Crash(BaseException):
    """The process dies; not an Exception, so that nobody handles it."""


class DiesAtUndoEntry(MemoryJournal):
    """A journal whose process dies when it is about to write an action's undo entries."""

    def append(self, *records: AnyRecord) -> None:
        if any(isinstance(record, Acted) for record in records):
            raise Crash
        super().append(*records)


def crash_at_the_undo_entry(kind: Manager) -> tuple[Configuration, Configuration]:
    cluster, journal = small.simulated(), DiesAtUndoEntry()
    before = small.everything(cluster.world)
    manager = small.begun(cluster, journal, kind)
    with pytest.raises(Crash):
        manager.act(small.scale(0))
    recover(journal.reopen(), cluster)
    return before, small.everything(cluster.world)


def a_rival_takes_over(kind: Manager) -> tuple[Configuration, Configuration]:
    journal = MemoryJournal()
    cluster = small.Rivalled(small.world(), journal)
    before = small.everything(cluster.world)
    manager = small.begun(cluster, journal, kind)
    manager.act(small.scale(0))
    assert manager.submit().verdict is Verdict.FENCED or kind is broken.IgnoreFencing
    return before, small.everything(cluster.world)


SITUATIONS: dict[Manager, Callable[[Manager], tuple[Configuration, Configuration]]] = {
    broken.SkipUndo: harmful_transaction,
    broken.FifoUndo: harmful_transaction,
    broken.CommitWithoutValidation: harmful_transaction,
    broken.JournalAfterWrite: crash_at_the_undo_entry,
    broken.IgnoreFencing: a_rival_takes_over,
    broken.WrongNamespaceSnapshot: harmful_transaction,
}


def test_every_broken_manager_has_its_situation() -> None:
    assert set(SITUATIONS) == set(broken.BROKEN)


@pytest.mark.parametrize("kind", broken.BROKEN, ids=lambda kind: kind.__name__)
def test_a_broken_manager_leaves_a_trace_where_the_real_one_does_not(kind: Manager) -> None:
    situation = SITUATIONS[kind]
    before, after = situation(TransactionManager)
    assert after == before
    before, after = situation(kind)
    assert after != before


def test_fifo_order_is_harmless_while_no_field_is_written_twice() -> None:
    cluster = small.simulated()
    before = small.everything(cluster.world)
    manager = small.begun(cluster, kind=broken.FifoUndo)
    manager.act(small.greet("bye"))
    manager.act(small.scale(0))
    assert manager.submit().verdict is Verdict.ABORTED
    assert small.everything(cluster.world) == before
