"""Recovery reports what it found; a stored cluster comes back as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from stratus_sim.adapters.durable import DurableCluster, open_durable, recover_files, store_path
from stratus_sim.adapters.simulated import SimulatedCluster
from stratus_sim.cluster import api, lease
from stratus_sim.errors import UserError
from stratus_sim.kernel import SECOND_US
from stratus_sim.transaction import records as r
from stratus_sim.transaction.cluster import Grant, StaleToken
from stratus_sim.transaction.driver import validate_trace
from stratus_sim.transaction.journal import FileJournal, MemoryJournal
from stratus_sim.transaction.recovery import PATIENCE_US, Recovery, acquire_patiently, recover
from stratus_sim.transaction.undo import LockHeld
from stratus_spec import Phase
from tests.transaction import small


def test_conflicts_found_before_the_crash_are_reported_after_it() -> None:
    cluster, journal = small.simulated(), MemoryJournal()
    manager = small.begun(cluster, journal)
    manager.act(small.greet("bye"))
    small.human(cluster.world, small.SETTINGS, data={"greeting": "moin"})
    manager.abandon("enough")
    unfinished = MemoryJournal(journal.records()[:-1])
    recovery = recover(unfinished, cluster)
    assert recovery == Recovery(True, 0, (r.Write(small.GREETING, "hello", "moin"),), Phase.RETRY)
    assert recovery.as_json()["kept"] == [{"field": str(small.GREETING), "before": "hello", "now": "moin"}]
    told = "transaction aborted: 0 action(s) undone; the write lock is free\nleft alone, written by somebody else: "
    assert str(recovery) == f"{told}{small.GREETING}"
    assert recover(unfinished, cluster) == Recovery(False, phase=Phase.RETRY)
    validate_trace(unfinished.records())


@pytest.mark.parametrize("value", ("ghost", "hello"))
def test_a_write_nobody_accounts_for_is_kept_and_reported(value: str) -> None:
    """A rival's write under a grant is no foreign write in the audit log; recovery sees the value all the same."""
    cluster, journal = small.simulated(), MemoryJournal()
    small.begun(cluster, journal).act(small.greet("bye"))
    manifest = cluster.world.store.state.objects[small.SETTINGS].manifest
    api.put(cluster.world, {**manifest, "data": {"greeting": value}}, "agent:ghost")
    recovery = recover(journal, cluster)
    assert [(w.field, w.after) for w in recovery.kept] == [(small.GREETING, value)]
    assert cluster.configuration()(small.GREETING) == value
    validate_trace(journal.records())


def test_an_action_that_was_announced_and_never_ran_is_nobody_elses_write() -> None:
    cluster, journal = small.simulated(), MemoryJournal()
    manager = small.begun(cluster, journal)
    manager.ledger.log(manager.undo_entries(small.greet("bye")))
    recovery = recover(journal.reopen(), cluster)
    assert recovery == Recovery(True, 1, (), Phase.RETRY)
    assert cluster.configuration()(small.GREETING) == "hello"


def test_a_living_holder_is_fenced_by_recovery() -> None:
    cluster, journal = small.simulated(), MemoryJournal()
    manager = small.begun(cluster, journal)
    recover(journal.reopen(), cluster)
    assert not manager.act(small.scale(0)).performed and manager.fenced
    assert cluster.configuration()(small.REPLICAS) == 2


def test_recovery_waits_for_a_lease_it_has_no_record_of() -> None:
    cluster, journal = small.simulated(), MemoryJournal()
    small.begun(cluster, journal)
    died_before_grant = MemoryJournal(journal.records()[:3])
    assert recover(died_before_grant, cluster) == Recovery(False, phase=Phase.DIAGNOSIS)
    assert cluster.now_us >= lease.DURATION_US
    assert not cluster.world.cluster.lease.holder


def test_recovery_does_not_wait_for_ever() -> None:
    class Renewed(SimulatedCluster):
        def acquire(self, agent: str) -> Grant | None:
            return None

    cluster = Renewed(small.world())
    since_us = cluster.now_us
    with pytest.raises(LockHeld, match="renewed"):
        acquire_patiently(cluster, "undoer")
    assert cluster.now_us == since_us + PATIENCE_US


def test_nothing_to_recover_in_an_empty_journal(tmp_path: Path) -> None:
    path = tmp_path / "run.journal"
    FileJournal(path)
    assert recover_files(path) == recover(MemoryJournal(), small.simulated()) == Recovery(False)
    assert Recovery(False).as_json() == {"open": False, "undone": 0, "kept": [], "phase": "idle"}
    assert "no transaction was open" in str(Recovery(False))


def test_a_stored_cluster_comes_back(tmp_path: Path) -> None:
    world, path = small.world(), tmp_path / "cluster"
    world.run_for(1000 * SECOND_US)
    small.human(world, small.SETTINGS, data={"greeting": "moin"})
    cluster = DurableCluster.create(path, world)
    grant = cluster.acquire("mitigator")
    assert grant is not None
    cluster.perform(small.scale(5), grant)
    small.human(world, small.SETTINGS, data={"greeting": "servus"})
    cluster.wait(7 * SECOND_US)
    again = open_durable(path)
    assert small.everything(again.world) == small.everything(world)
    assert again.last_change() == cluster.last_change()
    assert again.changes(1)[-1] == cluster.changes(1)[-1]
    assert again.changes(again.last_change() - 2) == cluster.changes(cluster.last_change() - 2)
    assert again.now_us >= cluster.now_us
    assert again.world.cluster.lease == world.cluster.lease
    assert again.healthy()
    again.restore({small.REPLICAS: 2}, grant)
    with pytest.raises(StaleToken):
        cluster.wait(SECOND_US)


def test_a_file_holds_one_cluster(tmp_path: Path) -> None:
    DurableCluster.create(tmp_path / "cluster", small.world())
    with pytest.raises(UserError, match="already holds a cluster"):
        DurableCluster.create(tmp_path / "cluster", small.world())


def test_a_missing_or_strange_store_is_the_users_error(tmp_path: Path) -> None:
    path = tmp_path / "run.journal"
    cluster = DurableCluster.create(store_path(path), small.world())
    small.begun(cluster, FileJournal(path))
    stored = store_path(path).read_bytes().splitlines(keepends=True)
    store_path(path).write_bytes(b"".join(stored[1:]))
    with pytest.raises(UserError, match=r"run\.journal\.cluster:1: .* first line"):
        recover_files(path)
    store_path(path).write_bytes(b"")
    with pytest.raises(UserError, match="empty"):
        recover_files(path)
    store_path(path).unlink()
    with pytest.raises(UserError, match="no such file"):
        recover_files(path)


def test_an_old_grant_means_nothing_to_a_stored_cluster(tmp_path: Path) -> None:
    cluster = DurableCluster.create(tmp_path / "cluster", small.world())
    before = (tmp_path / "cluster").read_bytes()
    with pytest.raises(StaleToken):
        cluster.perform(small.scale(0), Grant("mitigator", 0))
    assert (tmp_path / "cluster").read_bytes() == before


@pytest.mark.parametrize("read", ("configuration", "last_change"))
def test_what_was_seen_is_on_disk(tmp_path: Path, read: str) -> None:
    cluster = DurableCluster.create(tmp_path / "cluster", small.world())
    small.human(cluster.world, small.SETTINGS, data={"greeting": "moin"})
    getattr(cluster, read)()
    assert open_durable(tmp_path / "cluster").configuration()(small.GREETING) == "moin"
