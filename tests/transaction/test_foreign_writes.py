"""Writes of others: undo leaves them alone, and what was seen of them is written down."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from stratus_sim.adapters.simulated import SimulatedCluster
from stratus_sim.cluster import api
from stratus_sim.cluster.actions import Action
from stratus_sim.cluster.configuration import Field, Value
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.kernel import SECOND_US
from stratus_sim.transaction import records as r
from stratus_sim.transaction.cluster import Grant
from stratus_sim.transaction.driver import (
    validate_trace,
)
from stratus_sim.transaction.journal import MemoryJournal
from stratus_sim.transaction.outcome import Verdict
from stratus_spec import Phase, SpecViolation
from tests.transaction import small

CREATED = ObjectKey("ConfigMap", small.NAMESPACE, "new")


def test_a_foreign_write_survives_undo_and_is_reported() -> None:
    cluster = small.simulated()
    manager = small.begun(cluster)
    manager.act(small.greet("bye"))
    manager.act(small.scale(0))
    small.human(cluster.world, small.SETTINGS, data={"greeting": "moin", "more": "1"})
    decision = manager.submit()
    assert decision.verdict is Verdict.ABORTED
    assert [(w.field, w.before, w.after) for w in decision.kept] == [(small.GREETING, "hello", "moin")]
    read = cluster.configuration()
    assert read(small.GREETING) == "moin" and read(small.REPLICAS) == 2
    validate_trace(manager.trace)


def test_a_foreign_write_to_an_object_takes_none_of_its_other_fields_from_us() -> None:
    cluster = small.simulated()
    manager = small.begun(cluster)
    manager.act(small.greet("bye"))
    small.human(cluster.world, small.SETTINGS, data={"greeting": "bye", "more": "1"})
    assert manager.abandon("enough").kept == ()
    read = cluster.configuration()
    assert (read(small.GREETING), read(Field(small.SETTINGS, ("data", "more")))) == ("hello", "1")


class Busy(SimulatedCluster):
    """Somebody writes each time something has been put back."""

    def restore(self, values: Mapping[Field, Value], grant: Grant) -> None:
        super().restore(values, grant)
        if values:
            small.human(self.world, small.SETTINGS, data={"greeting": "moin"})


def test_what_others_write_after_the_last_action_was_undone_is_no_mistake_of_ours() -> None:
    cluster = Busy(small.world())
    manager = small.begun(cluster)
    manager.act(small.greet("bye"))
    assert manager.abandon("enough").verdict is Verdict.ABORTED
    assert cluster.configuration()(small.GREETING) == "moin"
    validate_trace(manager.trace)


def test_a_field_written_again_after_a_foreign_write_goes_back_to_the_foreign_value() -> None:
    cluster = small.simulated()
    manager = small.begun(cluster)
    manager.act(small.greet("bye"))
    small.human(cluster.world, small.SETTINGS, data={"greeting": "moin"})
    manager.act(small.greet("ciao"))
    decision = manager.abandon("enough")
    assert cluster.configuration()(small.GREETING) == "moin"
    assert [write.field for write in decision.kept] == [small.GREETING]


def test_an_object_somebody_else_adopted_is_left_whole() -> None:
    cluster = small.simulated()
    manager = small.begun(cluster)
    manager.act(small.create_settings("new", a="1"))
    manager.act(small.greet("bye"))
    small.human(cluster.world, CREATED, data={"a": "1", "theirs": "2"})
    assert {write.field.object for write in manager.abandon("enough").kept} == {CREATED}
    assert cluster.configuration()(small.GREETING) == "hello", "what they did not touch is undone"
    found = cluster.world.store.get(CREATED)
    assert found is not None and found.manifest["kind"] == "ConfigMap"
    assert found.manifest["data"] == {"a": "1", "theirs": "2"}


def test_an_object_somebody_else_deleted_stays_deleted() -> None:
    cluster = small.simulated()
    manager = small.begun(cluster)
    manager.act(Action("patch", "configmap/web", {"patch": {"data": {"greeting": None}}}, small.NAMESPACE))
    api.delete(cluster.world, small.SETTINGS, "human")
    manager.abandon("enough")
    assert cluster.world.store.get(small.SETTINGS) is None


def test_what_was_seen_is_written_down_with_the_next_step_and_only_news_is() -> None:
    cluster, journal = small.simulated(), MemoryJournal()
    manager = small.begun(cluster, journal)
    written = journal.records()
    small.human(cluster.world, small.SETTINGS, data={"greeting": "moin"})
    cluster.wait(SECOND_US)
    manager.measure()
    manager.ledger.sync()
    assert journal.records() == written
    manager.act(small.scale(3))
    news = [type(record) for record in journal.records()[len(written) :]]
    assert news == [r.Ticked, r.Foreign, r.Observed, r.Acted, r.Applied]


def test_a_foreign_write_between_two_undo_steps_survives() -> None:
    class Interrupted(SimulatedCluster):
        def restore(self, values: Mapping[Field, Value], grant: Grant) -> None:
            super().restore(values, grant)
            if small.REPLICAS in values:
                small.human(self.world, small.SETTINGS, data={"greeting": "moin"})

    cluster = Interrupted(small.world())
    manager = small.begun(cluster)
    manager.act(small.greet("bye"))
    manager.act(small.scale(3))
    assert [write.field for write in manager.abandon("enough").kept] == [small.GREETING]
    assert cluster.configuration()(small.GREETING) == "moin"
    with pytest.raises(SpecViolation, match=r"again\.no_conflict"):
        manager.again()
    manager.escalate()
    assert manager.phase is Phase.ESCALATED


def test_what_others_write_while_the_system_settles_is_known_at_the_decision() -> None:
    class Meddled(SimulatedCluster):
        def wait(self, duration_us: int) -> None:
            super().wait(duration_us)
            small.human(self.world, small.SETTINGS, data={"greeting": "moin"})

    cluster = Meddled(small.world())
    manager = small.begun(cluster)
    manager.act(small.scale(3))
    assert manager.submit().verdict is Verdict.COMMITTED
    told = [type(record) for record in manager.trace]
    assert r.Foreign in told[: told.index(r.Observed)]
    assert manager.ledger.driver.state["c"][small.GREETING] == "moin"
