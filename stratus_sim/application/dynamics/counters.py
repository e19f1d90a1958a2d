"""Cumulative counts of requests, as a server's own metrics have them: exact integers, in thousandths of requests.

At rest nothing is counted: what the last second counted is multiplied by the time gone by.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from immutables import Map

from stratus_sim.application.dynamics.crews import queued
from stratus_sim.application.dynamics.islands import islands_of
from stratus_sim.application.dynamics.ledger import Ledger, book
from stratus_sim.application.dynamics.plan import Plan, plan_of
from stratus_sim.manifests.calls import Call

if TYPE_CHECKING:
    from stratus_sim.world import World

_K = TypeVar("_K")


class WorkloadCount(NamedTuple):
    """What a workload did, in thousandths: `arrived = succeeded + sum(errors) + shed + queued`, exactly.

    It worked on requests that nobody waited for any more like on others. `latency` sums thousandths times microseconds
    over what arrived, `durations` are what arrived by the mean time it took (see `durations.within`).
    """

    arrived: int
    succeeded: int
    shed: int
    latency: int
    queued: int
    errors: Mapping[str, int]
    durations: Mapping[int, int]


class LinkCount(NamedTuple):
    """What a client saw of its tries, in thousandths: `tried = succeeded + sum(errors)`, exactly.

    What a circuit breaker held back counts as tried. `latency` sums thousandths times microseconds, `durations` are
    tries by the mean time they took (see `durations.within`).
    """

    tried: int
    succeeded: int
    latency: int
    errors: Mapping[str, int]
    durations: Mapping[int, int]


class Counts(NamedTuple):
    """Counts since the world began: by workload `namespace/name`, by call, and of users by entry Service."""

    workloads: Mapping[str, WorkloadCount]
    calls: Mapping[Call, LinkCount]
    entries: Mapping[str, LinkCount]


def totals(world: World) -> Counts:
    """The counts at this instant. A pure reading: asking changes nothing."""
    traffic, plan = world.traffic, plan_of(world.application)
    courses = list(zip(islands_of(world.application, traffic.strays), traffic.courses, strict=False))
    ledger = book(traffic.ledger, [(i, *account) for i, course in courses for account in course.accounts(world.now_us)])
    queues: dict[int, int] = {}
    for island, course in courses:
        queues |= {island.workloads[number]: sum(lanes) for number, lanes in queued(island, course).items()}
    return _read(ledger, plan, queues)


def _read(ledger: Ledger, plan: Plan, queues: Mapping[int, int]) -> Counts:
    errors, durations = _by_place(ledger.errors), _by_place(ledger.durations)
    workloads = {}
    for place, name in enumerate(plan.workloads):
        arrived, good, shed, latency = ledger.counts.get(place, (0, 0, 0, 0))
        more = errors.get(place, {}), durations.get(place, {})
        workloads[name] = WorkloadCount(arrived, good, shed, latency, queues.get(place, 0), *more)
    calls: dict[Call, LinkCount] = {}
    entries: dict[str, LinkCount] = {}
    for place, link in enumerate(plan.links, len(plan.workloads)):
        tried, good, latency = ledger.counts.get(place, (0, 0, 0))
        found = LinkCount(tried, good, latency, errors.get(place, {}), durations.get(place, {}))
        if link.call is None:
            entries[link.service] = found
        else:
            calls[link.call] = found
    return Counts(workloads, calls, entries)


def _by_place(sums: Map[tuple[int, _K], int]) -> dict[int, dict[_K, int]]:
    """Sums by text or class of each place, in order of it."""
    found: dict[int, dict[_K, int]] = {}
    for (place, what), count in sorted(sums.items()):
        found.setdefault(place, {})[what] = count
    return found
