"""Transactions end in commit, or leave no trace; what is forbidden does not run."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pytest

from stratus_sim.adapters.simulated import SimulatedCluster
from stratus_sim.cluster import api, lease
from stratus_sim.cluster.actions import Action, InvalidAction
from stratus_sim.cluster.configuration import ABSENT, Field, Value
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.kernel import SECOND_US
from stratus_sim.telemetry.severity import Severity
from stratus_sim.transaction import records as r
from stratus_sim.transaction.cluster import Grant, StaleToken
from stratus_sim.transaction.driver import (
    Measurement,
    healthy,
    no_worse_or_same,
    severity_of,
    validate_trace,
)
from stratus_sim.transaction.journal import MemoryJournal
from stratus_sim.transaction.ledger import RefinementError
from stratus_sim.transaction.limits import Limits
from stratus_sim.transaction.manager import TransactionManager
from stratus_sim.transaction.outcome import Verdict
from stratus_sim.transaction.recovery import recover
from stratus_sim.transaction.undo import LockHeld
from stratus_spec import Phase, SpecViolation, TotalMap
from tests.transaction import small

CREATED = ObjectKey("ConfigMap", small.NAMESPACE, "new")

BARE_POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "x"},
    "spec": {"containers": [{"name": "x", "image": "x:1"}]},
}


def lock_is_free(cluster: SimulatedCluster) -> bool:
    grant = cluster.acquire("probe")
    if grant is not None:
        cluster.release(grant)
    return grant is not None


def test_a_repair_commits_and_resolves() -> None:
    cluster = small.simulated()
    api.put(cluster.world, _scaled(cluster, 0), "fault")
    cluster.wait(120 * SECOND_US)
    manager = small.begun(cluster)
    assert manager.act(small.scale(2)).performed
    decision = manager.submit()
    assert decision.verdict is Verdict.COMMITTED
    assert decision.live is not None and decision.shadow is not None
    assert decision.live.scalar == 0 < decision.shadow.scalar
    assert cluster.configuration()(small.REPLICAS) == 2
    assert manager.conclude() is Phase.RESOLVED
    assert lock_is_free(cluster)
    validate_trace(manager.trace)


def _scaled(cluster: SimulatedCluster, replicas: int) -> dict[str, object]:
    manifest = cluster.world.store.state.objects[small.WEB].manifest
    return {**manifest, "spec": {**manifest["spec"], "replicas": replicas}}


HARMFUL = (
    [small.scale(0)],
    [small.scale(5), small.scale(0)],
    [small.greet("bye"), small.delete("deployment/web"), small.delete("configmap/web")],
    [small.create_settings("new", a="1"), small.delete("service/web")],
    [small.scale(0), Action("set-env", "deployment/web", {"env": {"NEW": "1"}}, small.NAMESPACE)],
    [small.scale(0), Action("set-image", "deployment/web", {"image": "shop/web:none"}, small.NAMESPACE)],
)


@pytest.mark.parametrize("actions", HARMFUL, ids=lambda actions: "+".join(a.verb for a in actions))
def test_harm_is_undone_field_by_field(actions: list[Action]) -> None:
    cluster = small.simulated()
    before = small.everything(cluster.world)
    manager = small.begun(cluster)
    for action in actions:
        assert manager.act(action) == (True, "")
    assert small.everything(cluster.world) != before
    decision = manager.submit()
    assert decision.verdict is Verdict.ABORTED and "severity" in decision.reason
    assert small.everything(cluster.world) == before
    assert decision.kept == ()
    assert lock_is_free(cluster)
    cluster.wait(120 * SECOND_US)
    assert cluster.healthy()
    assert manager.conclude() is Phase.RESOLVED
    validate_trace(manager.trace)


def test_abandon_undoes_without_measuring() -> None:
    cluster = small.simulated()
    before = small.everything(cluster.world)
    manager = small.begun(cluster)
    manager.act(small.scale(3))
    assert manager.abandon("the agent gave up").verdict is Verdict.ABORTED
    assert small.everything(cluster.world) == before
    assert not any(isinstance(record, r.Observed) for record in manager.trace)


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


FORBIDDEN = {
    "irreversible": (Action("delete", "namespace/shop"), "cannot be taken back"),
    "unknown verb": (Action("obliterate", "deployment/web", {}, small.NAMESPACE), "verb 'obliterate'"),
    "unlisted": (Action("patch", "namespace/shop", {"patch": {"spec": {"x": 1}}}), "cannot be taken back"),
    "missing": (Action("scale", "deployment/nope", {"replicas": 1}, small.NAMESPACE), "not found"),
    "kind in disguise": (
        Action("delete", "namespace/shop", {"manifest": {"kind": "ConfigMap", "metadata": {"name": "shop"}}}),
        "cannot be taken back",
    ),
    "hidden kind": (
        Action("apply", "configmap/x", {"manifest": BARE_POD}),
        "cannot be taken back",
    ),
}


@pytest.mark.parametrize(("action", "reason"), FORBIDDEN.values(), ids=FORBIDDEN)
def test_what_is_forbidden_is_refused_and_does_not_run(action: Action, reason: str) -> None:
    cluster = small.simulated()
    before, number = small.everything(cluster.world), cluster.last_change()
    manager = small.begun(cluster)
    outcome = manager.act(action)
    assert not outcome.performed and reason in outcome.reason
    assert small.everything(cluster.world) == before and cluster.last_change() == number
    assert manager.act(small.scale(3)).performed
    validate_trace(manager.trace)


def test_a_pod_is_deleted_only_while_it_can_be_replaced() -> None:
    cluster = small.simulated()
    manager = small.begun(cluster)
    first, second = (f"pod/{pod.key.name}" for pod in cluster.world.store.list("Pod"))
    assert manager.act(small.delete(first)).performed
    assert "cannot be taken back" in manager.act(small.delete(second)).reason


def test_the_number_of_actions_is_bounded() -> None:
    manager = small.begun(small.simulated())
    outcomes = [manager.act(small.scale(n)).performed for n in (3, 4, 5, 6)]
    assert outcomes == [True] * 4
    assert "4 actions" in manager.act(small.scale(7)).reason


def test_the_number_of_fields_an_action_writes_is_bounded() -> None:
    manager = small.begun(small.simulated(), limits=msgspec.structs.replace(small.LIMITS, writes=5))
    one = len(manager.undo_entries(small.create_settings("probe", a="1")).writes)
    two, three = ({f"k{i}": "x" for i in range(5 - one + 1 + extra)} for extra in (0, 1))
    assert manager.act(small.create_settings("two", **two)).performed
    refused = manager.act(small.create_settings("three", **three))
    assert not refused.performed and "writes 6 fields, 5 at most" in refused.reason


def test_after_the_window_nothing_runs_and_nothing_commits() -> None:
    cluster = small.simulated()
    before = small.everything(cluster.world)
    manager = small.begun(cluster)
    assert manager.act(small.scale(3)).performed
    cluster.wait(small.LIMITS.window_us + 1)
    assert "window" in manager.act(small.scale(4)).reason
    decision = manager.submit()
    assert decision.verdict is Verdict.ABORTED and "window" in decision.reason
    assert small.everything(cluster.world) == before


class RefusedLate(SimulatedCluster):
    """An API server whose admission refuses what its dry-run accepted."""

    def perform(self, action: Action, grant: Grant) -> None:
        raise InvalidAction("quota exceeded")


def test_an_action_refused_by_the_cluster_leaves_the_transaction_usable() -> None:
    cluster = RefusedLate(small.world())
    before = small.everything(cluster.world)
    manager = small.begun(cluster)
    assert manager.act(small.scale(3)) == (False, "quota exceeded")
    assert manager.submit().verdict is Verdict.COMMITTED
    assert small.everything(cluster.world) == before
    validate_trace(manager.trace)


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


def test_attempts_are_bounded() -> None:
    cluster = small.simulated()
    api.put(cluster.world, _scaled(cluster, 0), "fault")
    cluster.wait(120 * SECOND_US)
    manager = small.begun(cluster)
    phases = []
    for _ in range(small.LIMITS.attempts + 1):
        manager.submit()
        phases.append(manager.conclude())
        if phases[-1] is Phase.DIAGNOSIS:
            manager.begin()
    assert phases == [Phase.DIAGNOSIS, Phase.DIAGNOSIS, Phase.ESCALATED]


def test_steps_out_of_order_are_violations() -> None:
    cluster = small.simulated()
    manager = TransactionManager(cluster, MemoryJournal(), small.LIMITS)
    with pytest.raises(SpecViolation, match="acquire"):
        manager.begin()
    with pytest.raises(SpecViolation, match="submit"):
        manager.submit()
    assert lock_is_free(cluster)


def test_a_cluster_that_writes_something_else_is_noticed() -> None:
    class Sloppy(SimulatedCluster):
        def perform(self, action: Action, grant: Grant) -> None:
            super().perform(small.scale(4), grant)

    manager = small.begun(Sloppy(small.world()))
    with pytest.raises(RefinementError, match="replicas"):
        manager.act(small.scale(3))


def test_giving_up_hands_over_to_a_human() -> None:
    manager = TransactionManager(small.simulated(), MemoryJournal(), small.LIMITS)
    manager.start()
    manager.localise()
    manager.give_up()
    assert manager.phase is Phase.ESCALATED


def test_a_healthy_system_ends_the_run_in_detection() -> None:
    cluster = small.simulated()
    well, ill = (TransactionManager(cluster, MemoryJournal(), small.LIMITS) for _ in range(2))
    well.start()
    well.all_clear()
    assert well.phase is Phase.RESOLVED
    ill.start()
    api.put(cluster.world, _scaled(cluster, 0), "fault")
    cluster.wait(120 * SECOND_US)
    with pytest.raises(SpecViolation, match="all_clear"):
        ill.all_clear()


@pytest.mark.parametrize("records", ([], [r.Moved("start")]), ids=("nothing", "no header"))
def test_a_trace_begins_with_its_header(records: list[r.AnyRecord]) -> None:
    with pytest.raises(SpecViolation, match="header"):
        validate_trace(records)


def test_a_second_header_and_an_unknown_grant_are_no_steps() -> None:
    trace = small.begun(small.simulated()).trace
    validate_trace(trace[:1])
    for lie in ([*trace, trace[0]], [*trace, r.Granted("seize", "mitigator", 9)]):
        with pytest.raises(SpecViolation):
            validate_trace(lie)


def test_a_lying_trace_is_caught() -> None:
    manager = small.begun(small.simulated())
    manager.act(small.scale(3))
    manager.act(small.scale(4))
    manager.submit()
    trace = manager.trace
    validate_trace(trace)
    acted = [i for i, record in enumerate(trace) if isinstance(record, r.Acted)]
    lies = [trace[: acted[0]] + trace[acted[0] + 1 :], _other_before(trace, acted[1])]
    for lie in [*lies, _no_measurement(trace), _old_token(trace), _backdated(trace)]:
        with pytest.raises(SpecViolation):
            validate_trace(lie)


def _other_before(trace: list[r.AnyRecord], at: int) -> list[r.AnyRecord]:
    acted = trace[at]
    assert isinstance(acted, r.Acted)
    write = r.Write(acted.writes[0].field, 99, acted.writes[0].after)
    lie = r.Acted(acted.action, acted.permitted, (write,), acted.agent, acted.token)
    return [*trace[:at], lie, *trace[at + 1 :]]


def _old_token(trace: list[r.AnyRecord]) -> list[r.AnyRecord]:
    return [r.Granted(t.step, t.agent, 0) if isinstance(t, r.Granted) else t for t in trace]


def _backdated(trace: list[r.AnyRecord]) -> list[r.AnyRecord]:
    return [msgspec.structs.replace(t, now_us=0) if isinstance(t, r.Observed) else t for t in trace]


def _no_measurement(trace: list[r.AnyRecord]) -> list[r.AnyRecord]:
    return [record for record in trace if not isinstance(record, r.Observed)]


def test_a_committed_field_is_not_undone_by_the_next_transaction() -> None:
    cluster = small.simulated()
    manager = small.begun(cluster, limits=Limits(actions=4, attempts=3, settle_us=90 * SECOND_US))
    manager.act(small.greet("bye"))
    assert manager.submit().verdict is Verdict.COMMITTED
    manager.again()
    manager.begin()
    manager.act(small.scale(0))
    assert manager.submit().verdict is Verdict.ABORTED
    read = cluster.configuration()
    assert (read(small.GREETING), read(small.REPLICAS)) == ("bye", 2)
    assert read(small.GREETING) != ABSENT


def test_harm_to_the_environment_alone_is_no_commit() -> None:
    """Configuration is untouched, so the specification has no objection; the measurement has."""

    class Sicker(SimulatedCluster):
        def severity(self) -> Severity:
            return self.shadow_severity()._replace(components=1)

    decision = small.begun(Sicker(small.world())).submit()
    assert decision.verdict is Verdict.ABORTED and "severity" in decision.reason


def test_an_undo_that_does_not_work_is_noticed() -> None:
    class Deaf(SimulatedCluster):
        def restore(self, values: Mapping[Field, Value], grant: Grant) -> None:
            super().restore({}, grant)

    manager = small.begun(Deaf(small.world()))
    manager.act(small.scale(3))
    with pytest.raises(RefinementError, match="replicas"):
        manager.abandon("enough")


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


def test_the_order_of_arguments_makes_no_new_action() -> None:
    manager = small.begun(small.simulated())
    data = {"greeting": "bye", "more": "1"}
    again = dict(reversed(data.items()))
    first, second = (Action("patch", "configmap/web", {"patch": {"data": d}}, small.NAMESPACE) for d in (data, again))
    assert manager.act(first) == (True, "")
    manager.abandon("enough")
    manager.again()
    manager.begin()
    assert "undone before in this situation" in manager.act(second).reason


def test_what_was_undone_is_not_done_again_in_the_same_situation() -> None:
    manager = small.begun(small.simulated())
    assert manager.act(small.scale(5)) == (True, "")
    manager.abandon("enough")
    manager.again()
    manager.begin()
    refused, why = manager.act(small.scale(5))
    assert not refused and "undone before in this situation" in why
    assert manager.act(small.scale(4)) == (True, "")
    assert manager.act(small.scale(5)) == (True, "")


def test_what_was_undone_may_be_done_again_when_somebody_else_has_written() -> None:
    cluster = small.simulated()
    manager = small.begun(cluster)
    manager.act(small.scale(5))
    manager.abandon("enough")
    manager.again()
    small.human(cluster.world, small.SETTINGS, data={"greeting": "moin"})
    manager.ledger.sync()
    manager.begin()
    assert manager.act(small.scale(5)) == (True, "")


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


def test_settling_comes_before_the_measurement() -> None:
    cluster = small.simulated()
    manager = small.begun(cluster)
    manager.act(Action("set-image", "deployment/web", {"image": "shop/web:none"}, small.NAMESPACE))
    begun_us = cluster.now_us
    decision = manager.submit()
    assert decision.verdict is Verdict.ABORTED
    assert cluster.now_us == begun_us + small.LIMITS.settle_us


def test_health_and_severity_are_known_only_of_what_was_measured() -> None:
    c, other = TotalMap.constant(1), TotalMap.constant(2)
    e = Measurement(Severity(5, 0, 0), Severity(9, 0, 0), True, c, TotalMap.constant(3))
    assert healthy(c, e) and not healthy(other, e)
    assert no_worse_or_same(severity_of(c, e), severity_of(e.shadow_configuration, e))
    assert not no_worse_or_same(severity_of(other, e), severity_of(e.shadow_configuration, e))
    assert not no_worse_or_same(severity_of(c, e), severity_of(other, e))
    assert no_worse_or_same(severity_of(other, e), severity_of(other, e))
