"""`kill -9` at every write to the journal and to the cluster's store; recovery in another process mends it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from stratus_sim.adapters.durable import DurableCluster, open_durable, recover_files, store_path
from stratus_sim.cluster.configuration import Field, Value
from stratus_sim.errors import UserError
from stratus_sim.transaction.driver import replay
from stratus_sim.transaction.journal import FileJournal, read_journal
from stratus_sim.transaction.outcome import Verdict
from stratus_sim.transaction.records import Acted, Moved
from tests.transaction import small
from tests.transaction.killing import AFTER, BEFORE, TORN, killed

Configuration = dict[Field, Value]


def commits(journal: Path) -> None:
    """A transaction whose two actions do no harm."""
    manager = small.begun(DurableCluster.create(store_path(journal), small.world()), FileJournal(journal))
    assert manager.act(small.scale(3)).performed
    assert manager.act(small.greet("bye")).performed
    assert manager.submit().verdict is Verdict.COMMITTED


def aborts(journal: Path) -> None:
    """A transaction that does harm, with a foreign write on the way."""
    cluster = DurableCluster.create(store_path(journal), small.world())
    manager = small.begun(cluster, FileJournal(journal))
    assert manager.act(small.greet("bye")).performed
    assert manager.act(small.create_settings("new", a="1")).performed
    small.human(cluster.world, small.SETTINGS, data={"greeting": "moin"})
    assert manager.act(small.scale(3)).performed
    assert manager.act(small.delete("deployment/web")).performed
    assert manager.submit().verdict is Verdict.ABORTED


def committed(journal: Path) -> bool:
    return any(isinstance(record, Moved) and record.step == "commit" for record in read_journal(journal))


def stored(journal: Path) -> Configuration:
    return small.everything(open_durable(store_path(journal)).world)


def assert_clean(journal: Path) -> None:
    """No open transaction, a free lock, and the configuration of the checkpoint or of the commit."""
    records = read_journal(journal)
    if records:
        assert not replay(records, lambda _field: None).state["open"]
    cluster = open_durable(store_path(journal))
    assert not cluster.world.cluster.lease.holder
    expected = small.everything(small.world())
    if committed(journal):
        expected |= {small.REPLICAS: 3, small.GREETING: "bye"}
    elif any(change.writer == "human" for change in cluster.changes(0)):
        expected |= {small.GREETING: "moin"}
    assert small.everything(cluster.world) == expected


def recovered(journal: Path) -> None:
    """Recover as `stratus recover` does, twice: the second time there is nothing left to do."""
    if not journal.exists():
        with pytest.raises(UserError, match="no such journal"):
            recover_files(journal)
        return
    recovery = recover_files(journal)
    assert {write.field for write in recovery.kept} <= {small.GREETING}
    assert_clean(journal)
    assert not recover_files(journal).open
    assert_clean(journal)


@pytest.mark.parametrize("moment", (BEFORE, TORN, AFTER))
@pytest.mark.parametrize("work", (commits, aborts), ids=lambda work: work.__name__)
def test_killed_at_every_write(work: Callable[[Path], None], moment: str, tmp_path: Path) -> None:
    opened = []
    for at in count():
        journal = tmp_path / f"{at}.journal"
        if not killed(work, journal, at, moment):
            break
        opened.append(journal.exists() and _open(journal))
        recovered(journal)
    assert_clean(journal)
    assert committed(journal) == (work is commits)
    assert sum(opened) >= 8, "most positions lie within the transaction"


def _open(journal: Path) -> bool:
    records = read_journal(journal)
    return bool(records) and bool(replay(records, lambda _field: None).state["open"])


@pytest.mark.parametrize("moment", (BEFORE, TORN, AFTER))
def test_killed_at_every_write_of_a_recovery(moment: str, tmp_path: Path) -> None:
    for at in count():
        journal = tmp_path / f"{at}.journal"
        assert killed(aborts, journal, _AFTER_THE_LAST_ACTION, AFTER)
        assert _open(journal)
        if not killed(recover_files, journal, at, moment):
            break
        recovered(journal)
    assert_clean(journal)
    assert at >= 10


_AFTER_THE_LAST_ACTION = 18


def test_the_position_of_the_last_action_is_right(tmp_path: Path) -> None:
    journal = tmp_path / "run.journal"
    killed(aborts, journal, _AFTER_THE_LAST_ACTION, AFTER)
    assert small.WEB not in {field.object for field in stored(journal)}
    assert len([record for record in read_journal(journal) if isinstance(record, Acted)]) == 4
