"""Where requests go and how they fare: one solution per epoch, callees before callers.

Between two changes that matter (endpoints, ports, addresses, capacity, partitions, load) flows are constant, so the
success and latency of every workload follow bottom-up over the call graph. Cycles are iterated a few times.

Queues are as short here as an epoch is long: what does not fit fails. Those that last are in `application.dynamics`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from immutables import Map

from stratus_sim.application.answers import PLAIN, Answers, again_us, ask, behaviours, remembered, restless
from stratus_sim.application.behaviours.flags import load_permille
from stratus_sim.application.behaviours.registry import Served
from stratus_sim.application.errors import REFUSAL_US, REFUSED, UPSTREAM, found_out_us
from stratus_sim.application.graph import Plan, plan_of
from stratus_sim.application.routes import Hop, Hops, Routes, Serving
from stratus_sim.application.routing import Router
from stratus_sim.application.throttling import loaded_us
from stratus_sim.manifests.application import Application
from stratus_sim.manifests.calls import Call
from stratus_sim.manifests.sizing import DEFAULT_LOAD_RPS
from stratus_sim.manifests.traffic import USERS

if TYPE_CHECKING:
    from stratus_sim.world import World

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
    """All flows of an epoch, keyed by `namespace/name` of workloads, in order of name.

    `memory` is what behaviours want to know next time; `restless` says that the next epoch differs by itself,
    `again_us` that one does after so many microseconds, if not 0.
    """

    workloads: Mapping[str, WorkloadFlow]
    calls: tuple[CallFlow, ...]
    entries: tuple[EntryFlow, ...]
    memory: Map[str, Any] = Map()
    restless: bool = False
    again_us: int = 0


class _Health(msgspec.Struct, frozen=True):
    success: float = 1.0
    latency_us: float = 0.0
    error: str = ""


class Fare(NamedTuple):
    """How requests fare at a workload, `health` and `flow`, and what it follows from: its pods, the rate, how it
    answers, and how its calls fare."""

    serving: Serving
    rate: int
    answer: Served
    outcomes: tuple[_Health, ...]
    health: _Health
    flow: WorkloadFlow

    def lasts(self, serving: Serving, rate: int, answer: Served, outcomes: tuple[_Health, ...]) -> bool:
        """Whether requests fare so still."""
        same = self.serving is serving and self.rate == rate and self.answer == answer
        return same and self.outcomes == outcomes


class Entrance(NamedTuple):
    """How users fare at an entry Service, and what it follows from: where they land, how it is there, their rate."""

    hops: Hops
    fares: tuple[Fare | None, ...]
    rate: int
    flow: EntryFlow


class _Epoch(msgspec.Struct, frozen=True):
    """What the flows of an epoch follow from; `fares` and `seen` fill up, callees first. `before` is the last one's."""

    world: World
    router: Router
    plan: Plan
    rates: Mapping[str, int]
    answers: Answers
    before: Routes
    fares: dict[str, Fare]
    seen: dict[Call, _Health]


def solve(world: World) -> tuple[Flows, Routes]:
    """The flows that follow from the world as it is, a pure function of its state, and the routes they take.

    Where nothing that its flow follows from has changed since the last epoch, a workload has the same again.
    """
    plan, before = plan_of(world.application), world.traffic.routes
    router, entering = Router(world, plan.keys), _entry_rate(world)
    rates = dict(_rates(world.application, entering))
    answers = ask(world, behaviours(world), router.serving, rates)
    epoch = _Epoch(world, router, plan, rates, answers, before or router.routes(), {}, {})
    for _ in range(_PASSES_WITH_CYCLES if plan.cyclic else 1):
        for name in plan.order:
            epoch.fares[name] = _fare(epoch, name)
    entrances = {service: _entrance(epoch, service, entering) for service in world.application.entrypoints}
    return _flows(epoch, entrances), router.routes()._replace(fares=epoch.fares, entrances=entrances)


def _flows(epoch: _Epoch, entrances: Mapping[str, Entrance]) -> Flows:
    world, fares, rates = epoch.world, epoch.fares, epoch.rates
    return Flows(
        workloads={name: fares[name].flow for name in epoch.plan.names},
        calls=tuple([_call_flow(call, rates[call.source_key], epoch.seen[call]) for call in world.application.calls]),
        entries=tuple([entrance.flow for entrance in entrances.values()]),
        memory=remembered(world.traffic.memory, epoch.answers),
        restless=restless(epoch.answers),
        again_us=again_us(epoch.answers),
    )


@lru_cache(maxsize=64)
def _rates(application: Application, rate: int) -> Mapping[str, int]:
    """Requests per 1,000 s at each workload where `rate` come to each entry point.

    Every request makes each hard call of a workload once. What comes into a circle of calls visits each of its members
    once: how often it goes round, no manifest says.
    """
    plan = plan_of(application)
    rates = dict.fromkeys(plan.order, 0)
    for name in plan.entries:
        rates[name] += rate
    for knot in reversed(plan.knots):
        if len(knot) > 1:
            rates.update(dict.fromkeys(knot, sum([rates[name] for name in knot])))
        for name in knot:
            for callee in plan.callees[name]:
                if callee not in knot:
                    rates[callee] += rates[name]
    return rates


def _entry_rate(world: World) -> int:
    """Requests per 1,000 s at one entry point."""
    return DEFAULT_LOAD_RPS * load_permille(world)


def _fare(epoch: _Epoch, name: str) -> Fare:
    serving, rate, answer = epoch.router.serving[name], epoch.rates[name], epoch.answers.get(name, PLAIN)
    calls, known = epoch.plan.calls[name], epoch.before.fares.get(name)
    outcomes = tuple([_outcome(epoch, call) for call in calls]) if calls else ()
    if known is not None and known.lasts(serving, rate, answer, outcomes):
        return known
    load = _load(epoch.router, answer, name, rate)
    health = _health(epoch, name, load, answer, outcomes)
    success = _permille(health.success * answer.success)
    flow = WorkloadFlow(rate, success, round(health.latency_us), load, len(serving.pods))
    return Fare(serving, rate, answer, outcomes, health, flow)


def _outcome(epoch: _Epoch, call: Call) -> _Health:
    epoch.seen[call] = found = _through(epoch, epoch.router.call(call), call.source_key)
    return found


def _load(router: Router, answer: Served, name: str, rate: int) -> int:
    """Offered load in permille of capacity."""
    capacity = router.capacity(name)
    work = rate * answer.cpu_permille // 1000
    return 1000 * work // capacity if capacity else (1000 if rate else 0)


def _health(epoch: _Epoch, name: str, load: int, answer: Served, outcomes: tuple[_Health, ...]) -> _Health:
    """A request succeeds when its pod has room and every hard call succeeds."""
    if not epoch.router.pods(name):
        return _Health(0.0, REFUSAL_US)
    success = 1000 / load if load > 1000 else 1.0
    latency = loaded_us(epoch.world.application.workloads[name].latency_us, load)
    latency += epoch.router.throttled_us(name) + answer.latency_us
    for call, outcome in zip(epoch.plan.calls[name], outcomes, strict=True):
        if call.hard:
            success *= outcome.success
            latency += outcome.latency_us
    return _Health(success, latency)


def _through(epoch: _Epoch, hops: Hops, caller: str) -> _Health:
    """The mean over where a call may land."""
    if not hops:
        return _Health(0.0, REFUSAL_US, REFUSED)
    outcomes = [(_land(epoch, hop, caller), count) for hop, count in hops.items()]
    if len(outcomes) == 1:
        return outcomes[0][0]
    total = sum(hops.values())
    error = next((o.error for o, _ in outcomes if o.error), "")
    success = sum([o.success * count for o, count in outcomes]) / total
    return _Health(success, sum([o.latency_us * count for o, count in outcomes]) / total, error)


def _land(epoch: _Epoch, hop: Hop, caller: str) -> _Health:
    if hop.error:
        return _Health(0.0, found_out_us(hop.error), hop.error)
    fare = epoch.fares.get(hop.workload)
    found = _Health() if fare is None else fare.health
    success, complaint = epoch.answers.get(hop.workload, PLAIN).seen_by(caller)
    error = complaint or (UPSTREAM if found.success * success < 1 else "")
    return _Health(found.success * success, found.latency_us, error)


def _call_flow(call: Call, rate: int, health: _Health) -> CallFlow:
    return CallFlow(call, rate, _permille(health.success), round(health.latency_us), health.error)


def _entrance(epoch: _Epoch, service: str, rate: int) -> Entrance:
    hops, known = epoch.router.enter(service), epoch.before.entrances.get(service)
    fares = tuple([epoch.fares.get(hop.workload) for hop in hops])
    if known is not None and known.hops is hops and known.rate == rate and known.fares == fares:
        return known
    outcome = _through(epoch, hops, USERS)
    flow = EntryFlow(service, rate, _permille(outcome.success), round(outcome.latency_us), outcome.error)
    return Entrance(hops, fares, rate, flow)


def _permille(share: float) -> int:
    return round(1000 * share)
