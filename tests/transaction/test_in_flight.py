"""A process dies between its journal and the cluster: what has happened is told by what the cluster shows."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from stratus_sim.adapters.simulated import SimulatedCluster
from stratus_sim.cluster import api
from stratus_sim.cluster.actions import Action
from stratus_sim.cluster.configuration import ABSENT, Field, Value
from stratus_sim.kernel import SECOND_US
from stratus_sim.transaction import records as r
from stratus_sim.transaction.cluster import Grant
from stratus_sim.transaction.driver import validate_trace
from stratus_sim.transaction.journal import MemoryJournal
from stratus_sim.transaction.ledger import UNKNOWN_WRITER, RefinementError
from stratus_sim.transaction.manager import TransactionManager
from stratus_sim.transaction.recovery import Recovery, recover
from stratus_spec import Phase
from tests.transaction import small

MORE = Field(small.SETTINGS, ("data", "more"))
BOTH = Action("patch", "configmap/web", {"patch": {"data": {"greeting": "bye", "more": "1"}}}, small.NAMESPACE)


def begun() -> tuple[SimulatedCluster, MemoryJournal, TransactionManager]:
    cluster, journal = small.simulated(), MemoryJournal()
    return cluster, journal, small.begun(cluster, journal)


def written(cluster: SimulatedCluster, by: str, **data: str) -> None:
    manifest = cluster.world.store.state.objects[small.SETTINGS].manifest
    api.put(cluster.world, {**manifest, "data": data}, by)


def data(cluster: SimulatedCluster) -> tuple[object, object]:
    read = cluster.configuration()
    return read(small.GREETING), read(MORE)


@pytest.mark.parametrize("earlier", [0, 1])
def test_an_action_that_ran_and_was_not_noted_down_is_undone(earlier: int) -> None:
    cluster, journal, manager = begun()
    if earlier:
        manager.act(small.scale(3))
    manager.ledger.log(manager.undo_entries(BOTH))
    assert manager.grant is not None
    cluster.perform(BOTH, manager.grant)
    cluster.wait(SECOND_US)
    manager.ledger.log(r.Ticked(cluster.now_us))
    assert recover(journal.reopen(), cluster) == Recovery(True, 1 + earlier, (), Phase.RETRY)
    assert data(cluster) == ("hello", ABSENT)
    assert cluster.configuration()(small.REPLICAS) == 2
    assert not any(isinstance(record, r.Foreign) for record in journal.records())
    validate_trace(journal.records())


def test_of_an_action_that_ran_in_part_that_part_is_undone() -> None:
    """The grant's own writer, so that no audit log tells it from the action."""
    cluster, journal, manager = begun()
    manager.ledger.log(manager.undo_entries(BOTH))
    written(cluster, "agent:mitigator", greeting="bye")
    assert recover(journal.reopen(), cluster).kept == ()
    assert data(cluster) == ("hello", ABSENT)
    (applied,) = [record for record in journal.records() if isinstance(record, r.Applied)]
    assert [write.field for write in applied.writes] == [small.GREETING]


def test_what_others_wrote_while_nobody_looked_is_theirs_by_name() -> None:
    cluster, journal, manager = begun()
    manager.act(BOTH)
    written(cluster, "human", greeting="moin", more="1", news="of a field no record speaks of")
    recovery = recover(journal.reopen(), cluster)
    assert [(write.field, write.after) for write in recovery.kept] == [(small.GREETING, "moin")]
    assert data(cluster) == ("moin", ABSENT)
    assert [record.writer for record in journal.records() if isinstance(record, r.Foreign)] == ["human"]


def undoing(ghost: dict[str, str]) -> tuple[SimulatedCluster, MemoryJournal, Recovery]:
    """Undo died after it put `BOTH` back and before it said so; then a writer nobody hears of came."""
    cluster, journal, manager = begun()
    manager.act(BOTH)
    manager.abandon("enough")
    last = next(n for n, record in enumerate(journal.records()) if isinstance(record, r.Undone))
    if ghost:
        written(cluster, "agent:ghost", **ghost)
    unfinished = MemoryJournal(journal.records()[:last])
    return cluster, unfinished, recover(unfinished, cluster)


def test_what_undo_has_put_back_already_is_its_own() -> None:
    cluster, journal, recovery = undoing({})
    assert recovery == Recovery(True, 1, (), Phase.RETRY)
    assert data(cluster) == ("hello", ABSENT)
    assert not any(isinstance(record, r.Foreign) for record in journal.records())


@pytest.mark.parametrize(
    ("ghost", "kept"),
    [({"greeting": "moin"}, small.GREETING), ({"greeting": "hello", "more": "hello"}, MORE)],
    ids=["another value", "the value of another field"],
)
def test_a_value_undo_did_not_put_there_is_not(ghost: dict[str, str], kept: Field) -> None:
    cluster, journal, recovery = undoing(ghost)
    assert [write.field for write in recovery.kept] == [kept]
    assert data(cluster) == (ghost["greeting"], ghost.get("more", ABSENT))
    assert [record.writer for record in journal.records() if isinstance(record, r.Foreign)] == [UNKNOWN_WRITER]
    validate_trace(journal.records())


def test_a_write_nobody_accounts_for_after_all_was_undone_stays() -> None:
    cluster, journal, manager = begun()
    manager.act(small.greet("bye"))
    manager.abandon("enough")
    unfinished = MemoryJournal(journal.records()[:-1])
    written(cluster, "agent:ghost", greeting="moin")
    recovery = recover(unfinished, cluster)
    assert recovery == Recovery(True, 0, (r.Write(small.GREETING, "hello", "moin"),), Phase.RETRY)
    assert data(cluster)[0] == "moin"


@pytest.mark.parametrize(
    ("step", "left"), [("acquire", Phase.DIAGNOSIS), ("commit", Phase.RETRY)], ids=["before it began", "after it ended"]
)
def test_a_lock_left_without_a_transaction_is_given_back_at_once(step: str, left: Phase) -> None:
    cluster, journal, manager = begun()
    cluster.release = lambda _grant: None  # type: ignore[method-assign]  # the process dies before it comes to that
    manager.act(small.scale(3))
    manager.submit()
    last = next(n for n, record in enumerate(journal.records()) if getattr(record, "step", "") == step)
    again, since_us = SimulatedCluster(cluster.world), cluster.now_us
    assert again.world.cluster.lease.holder
    assert recover(MemoryJournal(journal.records()[: last + 1]), again) == Recovery(False, phase=left)
    assert (again.world.cluster.lease.holder, again.now_us) == ("", since_us)


@pytest.mark.parametrize("ended", ["committed", "aborted", "recovered"])
def test_recovering_what_is_over_changes_nothing(ended: str) -> None:
    cluster, journal, manager = begun()
    manager.act(small.scale(3))
    if ended == "recovered":
        recover(journal.reopen(), cluster)
    else:
        _ = manager.submit() if ended == "committed" else manager.abandon("enough")
    written_, lease, number = journal.records(), cluster.world.cluster.lease, cluster.last_change()
    assert recover(journal.reopen(), cluster) == Recovery(False, phase=Phase.RETRY)
    assert (journal.records(), cluster.world.cluster.lease, cluster.last_change()) == (written_, lease, number)


def test_an_undo_that_did_not_take_is_no_abort() -> None:
    """A cluster that accepts what it does not do: the transaction stays open, and recovery says what is left."""

    class Deaf(SimulatedCluster):
        def restore(self, values: Mapping[Field, Value], grant: Grant) -> None:
            super().restore({}, grant)

    cluster, journal = Deaf(small.world()), MemoryJournal()
    manager = small.begun(cluster, journal)
    manager.act(small.scale(3))
    with pytest.raises(RefinementError, match=r"spec\.replicas"):
        manager.abandon("enough")
    recovery = recover(journal.reopen(), SimulatedCluster(cluster.world))
    assert recovery == Recovery(True, 0, (r.Write(small.REPLICAS, 2, 3),), Phase.RETRY)
