"""A plan in one environment: run as a transaction in the twin, judged against the fork in which it never happened."""

from __future__ import annotations

from typing import NamedTuple

from stratus_sim.adapters.simulated import SimulatedCluster
from stratus_sim.gate.attempt import attempt
from stratus_sim.gate.perturbation import HORIZON_US, Perturbation, schedule
from stratus_sim.gate.plan import Plan
from stratus_sim.gate.twin import Twin
from stratus_sim.testing.execution import Unprotected
from stratus_sim.testing.judge import Finding, Judge
from stratus_sim.transaction.driver import validate_trace
from stratus_sim.transaction.journal import MemoryJournal
from stratus_sim.transaction.ledger import RefinementError
from stratus_sim.transaction.limits import Limits
from stratus_sim.transaction.manager import TransactionManager
from stratus_sim.transaction.outcome import Verdict
from stratus_sim.transaction.undo import LockHeld
from stratus_sim.world import World
from stratus_spec import SpecViolation

CARRIED_OUT = "every action of the plan is carried out"
COMMITS = "with nothing else going on, the plan commits"
ROBUST = "once things have settled: μ(with the plan) ≤ μ(without it)"
RUNTIME = "the runtime keeps its word"


class Result(NamedTuple):
    """What became of the plan in one environment; `clause` is what broke or "", `reason` says how."""

    perturbation: Perturbation
    committed: bool
    clause: str
    reason: str
    finding: Finding | None = None


def try_plan(twin: Twin, plan: Plan, limits: Limits, what: Perturbation) -> Result:
    """Run the plan. Where the runtime undoes it because of what struck, it is also judged as if it had not."""
    world = twin.world(what.seed)
    schedule(world, what)
    apart = world.fork()
    judge = Judge(world)
    manager = TransactionManager(SimulatedCluster(world), MemoryJournal(), limits)
    try:
        tried = attempt(manager, plan)
        validate_trace(manager.trace)
    except (SpecViolation, RefinementError, LockHeld) as error:
        return Result(what, False, RUNTIME, str(error))
    if tried.refused:
        action = tried.told[-1][0]
        return Result(what, False, CARRIED_OUT, f"{action}: {tried.refused}")
    if tried.decision.verdict is Verdict.COMMITTED:
        return _committed(what, judge, world)
    return _undone(what, judge, apart, plan, tried.decision.reason)


def _committed(what: Perturbation, judge: Judge, world: World) -> Result:
    at_decision = judge.committed()
    if at_decision.clause:
        return Result(what, True, at_decision.clause, _compared(at_decision), at_decision)
    settled = _settled(judge, world)
    return Result(what, True, ROBUST if settled.clause else "", _compared(settled), settled)


def _undone(what: Perturbation, judge: Judge, apart: World, plan: Plan, reason: str) -> Result:
    restored = judge.aborted()
    if restored.clause:
        return Result(what, False, restored.clause, str(restored.differences), restored)
    if what.calm:
        return Result(what, False, COMMITS, f"it was undone: {reason}", restored)
    settled = _forced(apart, plan)
    return Result(what, False, ROBUST if settled.clause else "", f"{_compared(settled)}; undone: {reason}", settled)


def _forced(world: World, plan: Plan) -> Finding:
    """The plan without anybody to undo it."""
    forced = Unprotected(world)
    forced.begin()
    for action in plan.actions:
        forced.act(action)
    return _settled(forced.judge, world)


def _settled(judge: Judge, world: World) -> Finding:
    world.run_for(HORIZON_US)
    return judge.committed()


def _compared(finding: Finding) -> str:
    worse = {name: share for name, share in finding.sick_with.items() if share > finding.sick_without.get(name, 0)}
    missing = ", ".join(f"{name} lacks {share / 10:g} % of its replicas" for name, share in worse.items())
    return f"severity {finding.severity_with}, without the plan {finding.severity_without}" + (
        f"; {missing}" if missing else ""
    )
