"""When flows are worked out anew: at most once a second, and only after something that can move them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from immutables import Map

from stratus_sim.application.dynamics import ledger
from stratus_sim.application.dynamics.advance import advance, preview
from stratus_sim.application.flow import Flows, solve
from stratus_sim.cluster.dns import COREDNS
from stratus_sim.cluster.objects import Resource
from stratus_sim.cluster.watching import WRITTEN, watches
from stratus_sim.kernel import SECOND_US, handler
from stratus_sim.manifests.kinds import WORKLOADS

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


@watches(*WORKLOADS, of=WRITTEN)
def on_template(world: World, old: Resource | None, new: Resource | None) -> None:
    if old is None or new is None or _template(old) != _template(new):
        world.traffic.roles = None


def _template(workload: Resource) -> Any:
    return (workload.manifest.get("spec") or {}).get("template")


@watches("Ingress", "IngressClass", "Secret")
def on_door(world: World, old: Resource | None, new: Resource | None) -> None:
    if world.application.doors:
        touch(world)


@watches("ConfigMap")
def on_config_map(world: World, old: Resource | None, new: Resource | None) -> None:
    if COREDNS in (old and old.key, new and new.key):
        touch(world)


@watches("Node")
def on_node(world: World, old: Resource | None, new: Resource | None) -> None:
    if old is None or new is None or _reached(old) != _reached(new):
        world.traffic.routes = None
        touch(world)


def _reached(node: Resource) -> tuple[Any, ...]:
    """What of a node requests feel."""
    return node.status.heartbeat, node.status.strain


def touch(world: World) -> None:
    """Something that can move the flows has happened: look within a second."""
    if not world.traffic.scheduled and world.application.workloads:
        world.traffic.scheduled = True
        world.schedule(_remaining_us(world), "traffic.epoch")


def _remaining_us(world: World) -> int:
    """How long an epoch that has begun goes on: where traffic was declared, it ends with a second of the clock."""
    return EPOCH_US if world.application.traffic is None else EPOCH_US - world.now_us % EPOCH_US


@handler("traffic.epoch")
def begin_epoch(world: World) -> None:
    """Solve the flows anew and note since when workloads fail or lag."""
    traffic = world.traffic
    traffic.scheduled = False
    flows = _begun(world)
    traffic.erring = _since(world, traffic.erring, _erring(flows))
    traffic.slow = _since(world, traffic.slow, _slow(flows))
    world.enqueue("autoscaler.metrics", "traffic")


def _begun(world: World) -> Flows:
    """The flows from now on, what was counted until now, and what behaviours remember of it."""
    traffic = world.traffic
    flows = _at_rest(world) if world.application.traffic is None else advance(world)
    traffic.begun = traffic.flows = flows
    traffic.solved_at = world.store.version
    traffic.memory, traffic.asked_us = flows.memory, world.now_us
    if flows.restless:
        touch(world)
    elif flows.again_us:
        world.schedule(max(0, flows.again_us - EPOCH_US), "traffic.again", world.now_us)
    return flows


@handler("traffic.again")
def again(world: World, begun_us: int) -> None:
    """Look once more, unless another epoch has begun since."""
    if world.traffic.asked_us == begun_us:
        touch(world)


def _at_rest(world: World) -> Flows:
    """The flows of a world whose traffic remembers nothing but what behaviours do."""
    traffic = world.traffic
    traffic.ledger = ledger.since_begun(world)
    if traffic.asked_us != world.now_us:
        traffic.solved_at = -1
    return current(world)


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
        if world.application.traffic is None:
            traffic.flows, traffic.routes = solve(world)
        else:
            traffic.flows = preview(world)
        traffic.solved_at = world.store.version
    return traffic.flows


def _erring(flows: Flows) -> set[str]:
    least = 1000 - ERROR_PERMILLE
    found = {name for name, flow in flows.workloads.items() if flow.success_permille < least and flow.rate > 0}
    return found | {entry.service for entry in flows.entries if entry.success_permille < least and entry.rate > 0}


def _slow(flows: Flows) -> set[str]:
    found = {name for name, flow in flows.workloads.items() if flow.latency_us > SLOW_US and flow.rate > 0}
    return found | {entry.service for entry in flows.entries if entry.latency_us > SLOW_US and entry.rate > 0}


def _since(world: World, known: Map[str, int], now: set[str]) -> Map[str, int]:
    return Map({name: known.get(name, world.now_us) for name in sorted(now)})
