"""Where requests go and how they fare: one solution per epoch, callees before callers.

Between two changes that matter (endpoints, ports, addresses, capacity, partitions, load) flows are constant, so the
success and latency of every workload follow bottom-up over the call graph. Cycles are iterated a few times.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from stratus_sim.application.graph import Plan, plan_of
from stratus_sim.application.routes import Hop, Hops, Routes
from stratus_sim.application.routing import Router
from stratus_sim.manifests.calls import Call
from stratus_sim.manifests.sizing import DEFAULT_LOAD_RPS

if TYPE_CHECKING:
    from stratus_sim.world import World

TIMEOUT_US = 1_000_000
REFUSAL_US = 1_000
_PASSES_WITH_CYCLES = 4


class WorkloadFlow(msgspec.Struct, frozen=True):
    """Requests at one workload: rate in requests per 1,000 s, success in permille, mean latency in microseconds.

    `load_permille` is the offered rate against what its ready pods can carry; 0 ready pods carry nothing.
    """

    rate: int
    success_permille: int
    latency_us: int
    load_permille: int
    pods: int


class CallFlow(msgspec.Struct, frozen=True):
    """One call as its caller sees it; `error` is what the caller's log would say, empty when all succeed."""

    call: Call
    rate: int
    success_permille: int
    latency_us: int
    error: str


class EntryFlow(msgspec.Struct, frozen=True):
    """Requests of users at one entry Service."""

    service: str
    rate: int
    success_permille: int
    latency_us: int
    error: str


class Flows(msgspec.Struct, frozen=True):
    """All flows of an epoch, keyed by `namespace/name` of workloads, in order of name."""

    workloads: Mapping[str, WorkloadFlow]
    calls: tuple[CallFlow, ...]
    entries: tuple[EntryFlow, ...]


class _Health(msgspec.Struct, frozen=True):
    success: float = 1.0
    latency_us: float = 0.0
    error: str = ""


def solve(world: World) -> tuple[Flows, Routes]:
    """The flows that follow from the world as it is, a pure function of its state, and the routes they take."""
    plan = plan_of(world.application)
    router = Router(world, plan.keys)
    rates = _rates(plan, world)
    loads = {name: _load(router, name, rates[name]) for name in plan.order}
    health = {name: _Health() for name in plan.order}
    seen: dict[Call, _Health] = {}
    for _ in range(_PASSES_WITH_CYCLES if plan.cyclic else 1):
        for name in plan.order:
            health[name] = _workload(world, router, plan, name, loads[name], health, seen)
    flows = Flows(
        workloads={n: _workload_flow(rates[n], loads[n], health[n], router.pods(n)) for n in sorted(plan.order)},
        calls=tuple(_call_flow(call, rates[call.source_key], seen[call]) for call in world.application.calls),
        entries=tuple(_entry_flow(world, router, service, health) for service in world.application.entrypoints),
    )
    return flows, router.routes()


def _rates(plan: Plan, world: World) -> dict[str, int]:
    """Requests per 1,000 s at each workload: every request makes each hard call of a workload once.

    What comes into a circle of calls visits each of its members once: how often it goes round, no manifest says.
    """
    rates = dict.fromkeys(plan.order, 0)
    for name in plan.entries:
        rates[name] += _entry_rate(world)
    for knot in reversed(plan.knots):
        rates.update(dict.fromkeys(knot, sum(rates[name] for name in knot)))
        for name in knot:
            for callee in plan.callees[name]:
                if callee not in knot:
                    rates[callee] += rates[name]
    return rates


def _entry_rate(world: World) -> int:
    """Requests per 1,000 s at one entry point."""
    return DEFAULT_LOAD_RPS * world.traffic.load_permille


def _load(router: Router, name: str, rate: int) -> int:
    """Offered load in permille of capacity."""
    capacity = router.capacity(name)
    return 1000 * rate // capacity if capacity else (1000 if rate else 0)


def _workload(
    world: World,
    router: Router,
    plan: Plan,
    name: str,
    load: int,
    health: dict[str, _Health],
    seen: dict[Call, _Health],
) -> _Health:
    """A request succeeds when its pod has room and every hard call succeeds."""
    success = 1000 / load if load > 1000 else 1.0
    latency = world.application.workloads[name].latency_us * 1000 / (1000 - min(load, 950))
    latency += router.throttled_us(name)
    for call in plan.calls[name]:
        outcome = _through(router.call(call), health)
        seen[call] = outcome
        if call.hard:
            success *= outcome.success
            latency += outcome.latency_us
    return _Health(success, latency) if router.pods(name) else _Health(0.0, REFUSAL_US)


def _through(hops: Hops, health: dict[str, _Health]) -> _Health:
    """The mean over where a call may land."""
    if not hops:
        return _Health(0.0, REFUSAL_US, "connection refused")
    outcomes = [(_land(hop, health), count) for hop, count in hops.items()]
    if len(outcomes) == 1:
        return outcomes[0][0]
    total = sum(hops.values())
    error = next((o.error for o, _ in outcomes if o.error), "")
    success = sum([o.success * count for o, count in outcomes]) / total
    return _Health(success, sum([o.latency_us * count for o, count in outcomes]) / total, error)


def _land(hop: Hop, health: dict[str, _Health]) -> _Health:
    if hop.error:
        return _Health(0.0, TIMEOUT_US if hop.error == "deadline exceeded" else REFUSAL_US, hop.error)
    found = health.get(hop.workload, _Health())
    return _Health(found.success, found.latency_us, "503 from upstream" if found.success < 1 else "")


def _workload_flow(rate: int, load: int, health: _Health, pods: int) -> WorkloadFlow:
    return WorkloadFlow(rate, _permille(health.success), round(health.latency_us), load, pods)


def _call_flow(call: Call, rate: int, health: _Health) -> CallFlow:
    return CallFlow(call, rate, _permille(health.success), round(health.latency_us), health.error)


def _entry_flow(world: World, router: Router, service: str, health: dict[str, _Health]) -> EntryFlow:
    outcome = _through(router.enter(service), health)
    rate = _entry_rate(world)
    return EntryFlow(service, rate, _permille(outcome.success), round(outcome.latency_us), outcome.error)


def _permille(share: float) -> int:
    return round(1000 * share)
