"""Transactions end in commit, or leave no trace."""

from __future__ import annotations

import pytest

from stratus_sim.adapters.simulated import SimulatedCluster
from stratus_sim.cluster import api
from stratus_sim.cluster.actions import Action
from stratus_sim.cluster.configuration import ABSENT
from stratus_sim.kernel import SECOND_US
from stratus_sim.telemetry.severity import Severity
from stratus_sim.transaction import records as r
from stratus_sim.transaction.driver import (
    validate_trace,
)
from stratus_sim.transaction.journal import MemoryJournal
from stratus_sim.transaction.limits import Limits
from stratus_sim.transaction.manager import TransactionManager
from stratus_sim.transaction.outcome import Verdict
from stratus_spec import Phase, SpecViolation
from tests.transaction import small


def test_a_repair_commits_and_resolves() -> None:
    cluster = small.simulated()
    api.put(cluster.world, small.scaled(cluster, 0), "fault")
    cluster.wait(120 * SECOND_US)
    manager = small.begun(cluster)
    assert manager.act(small.scale(2)).performed
    decision = manager.submit()
    assert decision.verdict is Verdict.COMMITTED
    assert decision.live is not None and decision.shadow is not None
    assert decision.live.scalar == 0 < decision.shadow.scalar
    assert cluster.configuration()(small.REPLICAS) == 2
    assert manager.conclude() is Phase.RESOLVED
    assert manager.grant is None and small.lock_is_free(cluster)
    validate_trace(manager.trace)


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
    assert decision.verdict is Verdict.ABORTED and decision.live is not None and manager.grant is None
    assert decision.reason == f"severity {decision.live}, without the transaction {decision.shadow}"
    assert small.everything(cluster.world) == before
    assert decision.kept == ()
    assert small.lock_is_free(cluster)
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


def test_without_a_transaction_there_is_one_severity() -> None:
    cluster = small.simulated()
    api.put(cluster.world, small.scaled(cluster, 0), "fault")
    cluster.wait(120 * SECOND_US)
    manager = small.begun(cluster)
    manager.act(small.scale(2))
    manager.submit()
    closed = manager.measure()
    assert (closed.live.scalar, closed.shadow) == (0, closed.live)
    observed = [record for record in manager.trace if isinstance(record, r.Observed)]
    assert observed[0].shadow.scalar > observed[0].live.scalar == 0


def test_a_transaction_begins_and_ends_at_the_time_it_is_with_what_is_there() -> None:
    cluster = small.simulated()
    manager = TransactionManager(cluster, MemoryJournal(), small.LIMITS)
    manager.start()
    manager.localise()
    cluster.wait(small.LIMITS.window_us)
    small.human(cluster.world, small.SETTINGS, data={"greeting": "moin"})
    manager.begin()
    assert [type(record) for record in manager.trace[-4:]] == [r.Ticked, r.Foreign, r.Granted, r.Moved]
    cluster.wait(SECOND_US)
    assert manager.act(small.scale(3)).performed, "the window has only begun"
    cluster.wait(SECOND_US)
    manager.submit()
    (submitted,) = [n for n, record in enumerate(manager.trace) if record == r.Moved("submit", "mitigator", 1)]
    assert isinstance(manager.trace[submitted - 1], r.Ticked)
    manager = small.begun(small.simulated())
    manager.cluster.wait(SECOND_US)
    manager.abandon("enough")
    (rejected,) = [n for n, record in enumerate(manager.trace) if getattr(record, "step", "") == "reject"]
    assert isinstance(manager.trace[rejected - 1], r.Ticked)


def test_attempts_are_bounded() -> None:
    cluster = small.simulated()
    api.put(cluster.world, small.scaled(cluster, 0), "fault")
    cluster.wait(120 * SECOND_US)
    manager = small.begun(cluster)
    phases = []
    for _ in range(small.LIMITS.attempts + 1):
        manager.submit()
        phases.append(manager.conclude())
        if phases[-1] is Phase.DIAGNOSIS:
            manager.begin()
    assert phases == [Phase.DIAGNOSIS, Phase.DIAGNOSIS, Phase.ESCALATED]


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
    api.put(cluster.world, small.scaled(cluster, 0), "fault")
    cluster.wait(120 * SECOND_US)
    with pytest.raises(SpecViolation, match="all_clear"):
        ill.all_clear()


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


def test_settling_comes_before_the_measurement() -> None:
    cluster = small.simulated()
    manager = small.begun(cluster)
    manager.act(Action("set-image", "deployment/web", {"image": "shop/web:none"}, small.NAMESPACE))
    begun_us = cluster.now_us
    decision = manager.submit()
    assert decision.verdict is Verdict.ABORTED
    assert cluster.now_us == begun_us + small.LIMITS.settle_us
