"""What was counted so far: sums of epochs, and of the flows that held while nothing moved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import add
from typing import TYPE_CHECKING, TypeVar

import msgspec
from immutables import Map
from msgspec.structs import replace

from stratus_sim.application.dynamics.plan import Plan, plan_of
from stratus_sim.application.dynamics.state import WORKLOAD_FIELDS, Tally, durations_of
from stratus_sim.application.errors import REFUSED, UPSTREAM
from stratus_sim.application.flow import CallFlow, EntryFlow, Flows, WorkloadFlow
from stratus_sim.kernel import SECOND_US

if TYPE_CHECKING:
    from stratus_sim.world import World

_MANY = 16
_K = TypeVar("_K")


class Ledger(msgspec.Struct, frozen=True):
    """Sums of tallies up to `until_us`, and the `rest` not yet summed: flows that held for so many microseconds."""

    counts: tuple[int, ...] = ()
    errors: Map[tuple[int, str], int] = Map()
    durations: Map[tuple[int, int], int] = Map()
    until_us: int = 0
    rest: tuple[tuple[Flows, int], ...] = ()


NOTHING_COUNTED = Ledger()


def arrivals_of(tally: Tally | None, plan: Plan) -> dict[str, int]:
    """Requests per 1,000 s that came to each workload in an epoch; none before the first."""
    width = len(WORKLOAD_FIELDS)
    return {name: tally.counts[width * place] if tally else 0 for place, name in enumerate(plan.workloads)}


def since_begun(world: World) -> Ledger:
    """The ledger when the flows of the last epoch have held until now."""
    ledger, begun = world.traffic.ledger, world.traffic.begun
    if begun is None:
        return Ledger(until_us=world.now_us)
    rest = (*ledger.rest, (begun, world.now_us - ledger.until_us))
    longer = replace(ledger, until_us=world.now_us, rest=rest)
    return longer if len(rest) < _MANY else summed(longer, plan_of(world.application))


def book(ledger: Ledger, tally: Tally, times: int = 1) -> Ledger:
    """The ledger after an epoch has gone by so many times."""
    if not times:
        return ledger
    counts = tally.counts if times == 1 else [count * times for count in tally.counts]
    return Ledger(
        tuple(map(add, ledger.counts or (0,) * len(tally.counts), counts)),
        _added(ledger.errors, [tally.errors], times),
        _added(ledger.durations, [tally.durations], times),
        ledger.until_us + times * SECOND_US,
        ledger.rest,
    )


def _added(sums: Map[_K, int], parts: Iterable[Mapping[_K, int]], times: int = 1) -> Map[_K, int]:
    """The sums with so many times the counts of each part on top."""
    more: dict[_K, int] = {}
    for counts in parts:
        for key, count in counts.items():
            more[key] = more.get(key, 0) + count
    return sums.update({key: sums.get(key, 0) + count * times for key, count in more.items()}) if more else sums


def summed(ledger: Ledger, plan: Plan) -> Ledger:
    """The same ledger with nothing left to sum."""
    if not ledger.rest:
        return ledger
    tallies = [_tally(plan, flows, elapsed_us) for flows, elapsed_us in ledger.rest]
    counts = [tally.counts for tally in tallies]
    return Ledger(
        tuple(map(sum, zip(ledger.counts or (0,) * len(counts[0]), *counts, strict=True))),
        _added(ledger.errors, [tally.errors for tally in tallies]),
        _added(ledger.durations, [tally.durations for tally in tallies]),
        ledger.until_us,
    )


def _tally(plan: Plan, flows: Flows, elapsed_us: int) -> Tally:
    """What flows come to in some time."""
    counts: list[int] = []
    errors: dict[tuple[int, str], int] = {}
    calls = {flow.call: flow for flow in flows.calls}
    entries = {flow.service: flow for flow in flows.entries}
    for place, name in enumerate(plan.workloads):
        counts += _worked(flows.workloads[name], elapsed_us, place, errors)
    for place, link in enumerate(plan.links, len(plan.workloads)):
        flow = calls[link.call] if link.call else entries[link.service]
        counts += _tried(flow, flows, elapsed_us, place, errors)
    return Tally(tuple(counts), errors, durations_of(counts, len(plan.workloads)))


def _worked(flow: WorkloadFlow, elapsed_us: int, place: int, errors: dict[tuple[int, str], int]) -> tuple[int, ...]:
    arrived = flow.rate * elapsed_us // SECOND_US
    if flow.success_permille == 1000:
        return arrived, arrived, 0, arrived * flow.latency_us
    good = arrived * flow.success_permille // 1000
    over = max(0, flow.load_permille - 1000)
    shed = min(arrived - good, arrived * over // (1000 + over)) if flow.pods else 0
    if failed := arrived - good - shed:
        errors[place, UPSTREAM if flow.pods else REFUSED] = failed
    return arrived, good, shed, arrived * flow.latency_us


def _tried(
    flow: CallFlow | EntryFlow, flows: Flows, elapsed_us: int, place: int, errors: dict[tuple[int, str], int]
) -> tuple[int, ...]:
    """A caller without pods calls nobody."""
    silent = isinstance(flow, CallFlow) and not flows.workloads[flow.call.source_key].pods
    tried = 0 if silent else flow.rate * elapsed_us // SECOND_US
    good = tried * flow.success_permille // 1000
    if tried > good:
        errors[place, flow.error] = tried - good
    return tried, good, tried * flow.latency_us
