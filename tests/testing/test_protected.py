"""Under the runtime: rivals and crashes come at the step they say, and what the runtime gets wrong is a finding."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from stratus_sim.cluster.actions import Action
from stratus_sim.kernel import SECOND_US
from stratus_sim.testing.execution import Decision
from stratus_sim.testing.judge import ABORT_CLAUSE
from stratus_sim.testing.protected import CLOSED_CLAUSE, SPEC_CLAUSE, Protected
from stratus_sim.testing.scenario import Disruption, Scenario
from stratus_sim.transaction.journal import read_journal
from stratus_sim.transaction.ledger import RefinementError
from stratus_sim.transaction.manager import TransactionManager
from stratus_sim.transaction.outcome import Outcome
from stratus_sim.transaction.records import Header, Moved
from stratus_sim.world import World
from tests.application.mesh import key, mesh, scale


def resize(replicas: int) -> Action:
    return Action("scale", "deployment/b", {"replicas": replicas})


def attempt(execution: Protected, world: World, count: int = 3) -> tuple[list[str], Decision]:
    """What is told of so many actions, and the decision."""
    execution.begin()
    told = [execution.act(resize(2 + number)).partition(":")[0] for number in range(count)]
    return told, execution.decide(world.run_for)


def replicas(world: World) -> int:
    found: int = world.store.state.objects[key("b")].spec.replicas
    return found


def protected(world: World, disruption: Disruption | None = None, kind: type[Protected] = Protected) -> Protected:
    return kind(world, Scenario("none", "none", disruption=disruption))


@pytest.mark.parametrize(
    ("at", "told", "kind", "left"),
    [(0, ["refused"] * 3, "abort", 1), (1, ["done", "refused", "refused"], "abort", 1), (3, ["done"] * 3, "commit", 4)],
)
def test_a_rival_takes_over_during_the_action_named(at: int, told: list[str], kind: str, left: int) -> None:
    world = mesh("a>b")
    heard, decision = attempt(protected(world, Disruption("rival", at)), world)
    assert (heard, decision.kind, decision.finding.clause) == (told, kind, "")
    assert (replicas(world), world.cluster.lease.holder) == (left, "")


@pytest.mark.parametrize("at", range(14))
def test_a_crash_at_any_write_leaves_all_or_nothing_and_nobody_holding_the_lock(at: int) -> None:
    world = mesh("a>b")
    execution = protected(world, Disruption("crash", at))
    _, decision = attempt(execution, world)
    assert decision.finding.clause == ""
    assert replicas(world) == (4 if decision.kind == "commit" else 1)
    assert world.cluster.lease.holder == ""
    assert attempt(execution, world)[1].kind == "commit", "the next process is not disrupted any more"


def test_a_crash_comes_and_an_agent_that_died_does_nothing_more() -> None:
    world = mesh("a>b")
    told, decision = attempt(protected(world, Disruption("crash", 4)), world)
    assert "refused" in told
    assert told == sorted(told), "done, then refused"
    assert decision.told.startswith("recovered after a crash")


@pytest.mark.parametrize("ends", [Protected.give_up, Protected.all_clear])
@pytest.mark.parametrize("at", range(4))
def test_a_crash_of_a_run_that_writes_nothing_is_no_matter(ends: Callable[[Protected], None], at: int) -> None:
    world = mesh("a>b")
    execution = protected(world, Disruption("crash", at))
    ends(execution)
    assert world.cluster.lease.holder == ""
    assert attempt(execution, world)[1].finding.clause == ""


class Lying(TransactionManager):
    def act(self, action: Action) -> Outcome:
        raise RefinementError("a step nobody allows")


class Runtime(Protected):
    manager_type = Lying


def test_a_step_that_is_none_is_a_finding() -> None:
    world = mesh("a>b")
    told, decision = attempt(protected(world, kind=Runtime), world)
    assert told == ["refused"] * 3
    assert decision.kind == "abort"
    assert decision.finding.clause.startswith(f"{SPEC_CLAUSE}: ")


def test_a_lock_that_is_kept_is_a_finding() -> None:
    world = mesh("a>b")
    execution = protected(world)
    execution.cluster.release = lambda grant: None  # type: ignore[method-assign]  # a cluster that forgets to
    assert attempt(execution, world)[1].finding.clause == CLOSED_CLAUSE


def test_what_else_is_broken_is_not_hidden_by_a_lock_that_is_kept() -> None:
    world = mesh("a>b")
    execution = protected(world)
    execution.begin()
    scale(world, "b", 0)
    harm = Decision("commit", "", execution.judge.aborted())
    assert harm.finding.clause == ABORT_CLAUSE
    assert execution._checked(harm) == harm


def test_the_records_of_an_attempt_are_told_once_and_time_passes_where_it_is_watched() -> None:
    world = mesh("a>b")
    execution = protected(world)
    execution.begin()
    first = execution.steps()
    execution.act(resize(2))
    second = execution.steps()
    assert first
    assert second
    assert execution.steps() == []
    passed: list[int] = []
    decision = execution.decide(lambda duration_us: (passed.append(duration_us), world.run_for(duration_us))[1])
    assert (decision.kind, sum(passed) >= 90 * SECOND_US) == ("commit", True)


@pytest.mark.parametrize(("least", "told", "left"), [(1, "refused", 2), (3, "done", 3)])
@pytest.mark.parametrize("verb", ["create", "autoscale"])
def test_what_an_autoscaler_of_the_policy_s_own_has_set_stays_and_is_never_less(
    verb: str, least: int, told: str, left: int
) -> None:
    """Undo takes the autoscaler away again; the size it has set by then is a write of somebody else."""
    world = mesh("a>b", replicas=2)
    execution = protected(world)
    execution.begin()
    assert execution.act(raised(verb, least)).startswith(told)
    world.run_for(60 * SECOND_US)
    execution.act(Action("scale", "deployment/a", {"replicas": 0}))
    decision = execution.decide(world.run_for)
    assert (decision.kind, decision.finding.clause, replicas(world)) == ("abort", "", left)
    assert not world.store.list("HorizontalPodAutoscaler")


def raised(verb: str, least: int) -> Action:
    if verb == "autoscale":
        return Action("autoscale", "deployment/b", {"min": least, "max": least})
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "b"}
    spec = {"scaleTargetRef": reference, "minReplicas": least, "maxReplicas": least}
    manifest = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "b"}}
    return Action("create", "hpa/b", {"manifest": {**manifest, "spec": spec}})


def test_a_journal_on_disk_holds_as_many_attempts_as_there_may_be(tmp_path: Path) -> None:
    world = mesh("a>b")
    scale(world, "b", 0)
    path = tmp_path / "run.journal"
    execution = Protected(world, Scenario("none", "none"), path, attempts=5)
    for _ in range(5):
        execution.begin()
        assert execution.decide(world.run_for).kind == "commit"
    records = read_journal(path)
    assert sum(isinstance(record, Header) for record in records) == 1
    assert [record.step for record in records if isinstance(record, Moved)].count("commit") == 5
