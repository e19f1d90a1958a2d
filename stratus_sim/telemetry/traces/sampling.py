"""Which requests are looked at: the last ones that have been answered, those logs tell of, or one by its number."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from stratus_sim.application import epochs
from stratus_sim.application.dynamics.plan import types_of
from stratus_sim.application.epochs import KEPT_US
from stratus_sim.application.flow import EntryFlow
from stratus_sim.cluster.endpoints import serving
from stratus_sim.cluster.pods import root_owner
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.traffic import RequestType
from stratus_sim.telemetry.arrivals import reach_permille
from stratus_sim.telemetry.luck import Luck
from stratus_sim.telemetry.recent import stretches
from stratus_sim.telemetry.software import speaks_for_itself
from stratus_sim.telemetry.traces.requests import Scene, Walk
from stratus_sim.telemetry.traces.spans import Trace

if TYPE_CHECKING:
    from stratus_sim.world import World

WINDOW_US = 5 * SECOND_US
"""How far back requests are looked for that nobody asks for by name."""
LIMIT = 20


class _Slot(NamedTuple):
    """The time a request has for itself, from `at_us` on for `period_us`, and what it meets at which entry."""

    at_us: int
    period_us: int
    entry: EntryFlow
    workload: str
    scene: Scene

    def trace_id(self, seed: int) -> str:
        return Luck(seed, self.entry.service, f"trace {self.at_us}").name(32)


def traces(world: World, limit: int = LIMIT, service: str | None = None) -> list[Trace]:
    """At most `limit` of the requests answered last, oldest first; those that reached `service` (`namespace/name`).

    What never reached an instrumented process has left no trace.
    """
    found = [
        trace
        for entry in world.application.entrypoints
        for trace in islice(_answered(world, _slots(world, WINDOW_US, entry), service), max(0, limit))
    ]
    return sorted(found, key=lambda trace: (trace[0].start_us, trace[0].trace_id))[-limit:] if limit > 0 else []


def find(world: World, trace_id: str) -> Trace:
    """The spans of one request of the last minute, empty for none that is known."""
    every = (slot for entry in world.application.entrypoints for slot in _slots(world, KEPT_US, entry))
    found = (slot for slot in every if slot.trace_id(world.kernel.seed) == trace_id)
    return next(_answered(world, found), ())


def logged(world: World) -> Sequence[Trace]:
    """The requests of the last minute that servers write of, newest first: of each second the first at each entry.

    Who reads the logs of all pods of an instant asks as often; it is drawn once.
    """
    state = world.store.state.objects, epochs.current(world), world.traffic.past, world.application
    instant, (last,) = (world.now_us, world.store.version, world.kernel.seed), _LAST
    if last.instant != instant or not all(map(operator.is_, last.state, state)):
        _LAST[0] = last = _Last(state, instant, [*_answered(world, _first_ones(world))])
    return last.traces


class _Last(NamedTuple):
    """What was drawn last, and all that it follows from."""

    state: tuple[Any, ...] = ()
    instant: tuple[int, ...] = ()
    traces: Sequence[Trace] = ()


_LAST = [_Last()]
"""One, put in its place as a whole: servers read from several threads."""


def _first_ones(world: World) -> Iterator[_Slot]:
    for entry in world.application.entrypoints:
        yield from (slot for slot in _slots(world, KEPT_US, entry) if slot.at_us % SECOND_US < slot.period_us)


def _slots(world: World, back_us: int, entry: str) -> Iterator[_Slot]:
    """The requests made at an entry Service so far back, newest first."""
    pods = _pods(world)
    silent = frozenset(name for name in world.application.workloads if not speaks_for_itself(world, name))
    for since_us, until_us, flows in stretches(world, back_us):
        flow = next(one for one in flows.entries if one.service == entry)
        workload = next(iter(world.application.services.get(entry, ())), "")
        if not flow.rate or workload not in pods:
            continue
        scene, period_us = Scene(world.application, flows, pods, silent), max(1, 1000 * SECOND_US // flow.rate)
        for number in range((until_us - 1) // period_us, (since_us - 1) // period_us, -1):
            yield _Slot(number * period_us, period_us, flow, workload, scene)


def _pods(world: World) -> dict[str, list[tuple[str, int]]]:
    found: dict[str, list[tuple[str, int]]] = {}
    for pod in world.store.list("Pod"):
        owner = root_owner(world, pod) if serving(pod) else None
        if owner is not None and world.node_alive(pod.status.node):
            found.setdefault(f"{owner.namespace}/{owner.name}", []).append((pod.key.name, pod.uid))
    return found


def _answered(world: World, slots: Iterator[_Slot], service: str | None = None) -> Iterator[Trace]:
    """What became of requests that have been answered by now."""
    for slot in slots:
        trace = _request(world, slot)
        if trace and trace[0].end_us <= world.now_us and (service is None or any(s.service == service for s in trace)):
            yield trace


def _request(world: World, slot: _Slot) -> Trace:
    seed, scene, server = world.kernel.seed, slot.scene, slot.scene.flows.workloads[slot.workload]
    luck = Luck(seed, slot.entry.service, f"request {slot.at_us}")
    start_us = slot.at_us + luck.draw(0, slot.period_us - 1)
    if not luck.holds(reach_permille(slot.entry, server)):
        return ()
    failing = not luck.holds(server.success_permille)
    types = [one for one in types_of(scene.application) if one.service == slot.entry.service]
    walk = Walk(scene, luck, slot.trace_id(seed))
    return walk.enter(_chosen(types, luck), slot.workload, start_us, failing=failing)


def _chosen(types: list[RequestType], luck: Luck) -> RequestType:
    """One of the types, each as often as its weight says."""
    drawn = luck.draw(0, sum(one.weight for one in types) - 1)
    for one in types:
        if drawn < one.weight:
            return one
        drawn -= one.weight
    raise AssertionError("the weights sum to more than was drawn")
