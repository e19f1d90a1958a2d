"""Which requests are looked at: the last ones that have been answered, found again by their number."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from stratus_sim.application import epochs
from stratus_sim.application.dynamics.plan import types_of
from stratus_sim.application.flow import EntryFlow
from stratus_sim.cluster.endpoints import serving
from stratus_sim.cluster.pods import root_owner
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.traffic import RequestType
from stratus_sim.telemetry.arrivals import reach_permille
from stratus_sim.telemetry.luck import Luck
from stratus_sim.telemetry.software import speaks_for_itself
from stratus_sim.telemetry.traces.requests import Scene, Walk
from stratus_sim.telemetry.traces.spans import Trace

if TYPE_CHECKING:
    from stratus_sim.world import World

WINDOW_US = 5 * SECOND_US
"""How far back requests are looked for; all of them fare as the flows of this instant say."""
LIMIT = 20


def traces(world: World, limit: int = LIMIT, service: str | None = None) -> list[Trace]:
    """At most `limit` of the requests answered last, oldest first; those that reached `service` (`namespace/name`).

    What never reached an instrumented process has left no trace.
    """
    scene = _scene(world)
    found = [trace for entry in scene.flows.entries for trace in islice(_entered(world, scene, entry, service), limit)]
    return sorted(found, key=lambda trace: (trace[0].start_us, trace[0].trace_id))[-limit:] if limit > 0 else []


def _scene(world: World) -> Scene:
    flows, pods = epochs.current(world), _pods(world)
    silent = frozenset(name for name in world.application.workloads if not speaks_for_itself(world, name))
    return Scene(world.application, flows, {flow.call: flow for flow in flows.calls}, pods, silent)


def _pods(world: World) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for pod in world.store.list("Pod"):
        owner = root_owner(world, pod) if serving(pod) else None
        if owner is not None and world.node_alive(pod.status.node):
            found.setdefault(f"{owner.namespace}/{owner.name}", []).append(pod.key.name)
    return found


def _entered(world: World, scene: Scene, entry: EntryFlow, service: str | None) -> Iterator[Trace]:
    """The requests that came in by one Service, newest first."""
    workload = next(iter(world.application.services.get(entry.service, ())), "")
    if not entry.rate or workload not in scene.pods:
        return
    period_us = max(1, 1000 * SECOND_US // entry.rate)
    newest, oldest = world.now_us // period_us, max(0, world.now_us - WINDOW_US) // period_us
    for number in range(newest, oldest, -1):
        luck = Luck(world.kernel.seed, entry.service, f"request {number}")
        start_us = number * period_us + luck.draw(0, period_us - 1)
        trace = _request(scene, entry, workload, start_us, luck)
        if trace and trace[0].end_us <= world.now_us and (service is None or any(s.service == service for s in trace)):
            yield trace


def _request(scene: Scene, entry: EntryFlow, workload: str, start_us: int, luck: Luck) -> Trace:
    server = scene.flows.workloads[workload]
    if not luck.holds(reach_permille(entry, server)):
        return ()
    failing = not luck.holds(server.success_permille)
    types = [one for one in types_of(scene.application) if one.service == entry.service]
    return Walk(scene, luck).enter(_chosen(types, luck), workload, start_us, failing=failing)


def _chosen(types: list[RequestType], luck: Luck) -> RequestType:
    """One of the types, each as often as its weight says."""
    drawn = luck.draw(0, sum(one.weight for one in types) - 1)
    for one in types:
        if drawn < one.weight:
            return one
        drawn -= one.weight
    raise AssertionError("the weights sum to more than was drawn")
