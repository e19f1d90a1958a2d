"""When flows are worked out anew: at most once a second, and only after something that can move them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from immutables import Map

from stratus_sim.application.flow import EntryFlow, Flows, WorkloadFlow, solve
from stratus_sim.cluster.dns import COREDNS
from stratus_sim.cluster.objects import Resource
from stratus_sim.cluster.store import watches
from stratus_sim.kernel import SECOND_US, handler

if TYPE_CHECKING:
    from stratus_sim.world import World

EPOCH_US = SECOND_US
ERROR_PERMILLE = 100
SLOW_US = 3 * SECOND_US


@watches("EndpointSlice")
def on_slice(world: World, old: Resource | None, new: Resource | None) -> None:
    touch(world)


@watches("Service", "NetworkChaos", "NetworkPolicy")
def on_route(world: World, old: Resource | None, new: Resource | None) -> None:
    world.traffic.routes = None
    touch(world)


@watches("ConfigMap")
def on_config_map(world: World, old: Resource | None, new: Resource | None) -> None:
    if COREDNS in (old and old.key, new and new.key):
        touch(world)


@watches("Node")
def on_node(world: World, old: Resource | None, new: Resource | None) -> None:
    if old is None or new is None or old.status.heartbeat != new.status.heartbeat:
        world.traffic.routes = None
        touch(world)


def touch(world: World) -> None:
    """Something that can move the flows has happened: look within a second."""
    if not world.traffic.scheduled and world.application.workloads:
        world.traffic.scheduled = True
        world.schedule(EPOCH_US, "traffic.epoch")


@handler("traffic.epoch")
def begin_epoch(world: World) -> None:
    """Solve the flows anew and note since when workloads fail or lag."""
    traffic = world.traffic
    traffic.scheduled = False
    flows = current(world)
    traffic.erring = _since(world, traffic.erring, flows, _errs)
    traffic.slow = _since(world, traffic.slow, flows, _lags)
    world.enqueue("autoscaler.metrics", "traffic")


@handler("traffic.load")
def set_load(world: World, permille: int) -> None:
    """Scale every entry point's request rate from now on."""
    world.traffic.load_permille = permille
    world.traffic.solved_at = -1
    touch(world)


def current(world: World) -> Flows:
    """The flows of this instant, solved once per version of the store."""
    traffic = world.traffic
    if traffic.flows is None or traffic.solved_at != world.store.version:
        traffic.flows, traffic.routes = solve(world)
        traffic.solved_at = world.store.version
    return traffic.flows


def _errs(flow: WorkloadFlow | EntryFlow) -> bool:
    return flow.rate > 0 and flow.success_permille < 1000 - ERROR_PERMILLE


def _lags(flow: WorkloadFlow | EntryFlow) -> bool:
    return flow.rate > 0 and flow.latency_us > SLOW_US


def _since(
    world: World, known: Map[str, int], flows: Flows, holds: Callable[[WorkloadFlow | EntryFlow], bool]
) -> Map[str, int]:
    now = {name for name, flow in flows.workloads.items() if holds(flow)}
    now |= {entry.service for entry in flows.entries if holds(entry)}
    return Map({name: known.get(name, world.now_us) for name in sorted(now)})
