"""When flows are worked out anew: at the end of a second of the clock, if something in it can have moved them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from immutables import Map

from stratus_sim.application import health, usage
from stratus_sim.application.dynamics.advance import advance, preview
from stratus_sim.application.flow import Flows, Past
from stratus_sim.cluster.dns import COREDNS
from stratus_sim.cluster.objects import Resource
from stratus_sim.cluster.watching import WRITTEN, watches
from stratus_sim.kernel import SECOND_US, handler
from stratus_sim.manifests.kinds import WORKLOADS

if TYPE_CHECKING:
    from stratus_sim.world import World

EPOCH_US = SECOND_US
KEPT_US = 60 * SECOND_US
"""How far back it is kept how requests fared."""
_LEAST_US = EPOCH_US // 2
"""A change seldom comes alone: with less time than this left, others that follow from it are not in yet."""


@watches("EndpointSlice")
def on_slice(world: World, old: Resource | None, new: Resource | None) -> None:
    world.store.stir((new or old).key)  # type: ignore[union-attr]  # a change has at least one side
    if world.traffic.scheduled:
        return
    if old is None or new is None or old.status.ready != new.status.ready:
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
    """Something that can move the flows has happened: look at the end of this second, or of the next one."""
    if not world.traffic.scheduled and world.application.workloads:
        world.traffic.scheduled = True
        left_us = EPOCH_US - world.now_us % EPOCH_US
        world.schedule(left_us if left_us >= _LEAST_US else left_us + EPOCH_US, "traffic.epoch")


@handler("traffic.epoch")
def begin_epoch(world: World) -> None:
    """Work out the second that ends now, and since when workloads fail or lag."""
    traffic = world.traffic
    traffic.scheduled = False
    epoch = advance(world)
    traffic.begun = traffic.flows = epoch.flows
    traffic.past = _kept(traffic.past, epoch.flows, world.now_us - EPOCH_US)
    traffic.shares, traffic.solved_at = usage.since_begun(world, epoch.changed), world.store.version
    traffic.erring = _since(world, traffic.erring, epoch.erring)
    traffic.slow = _since(world, traffic.slow, epoch.slow)
    if epoch.restless:
        touch(world)
    elif epoch.again_us:
        world.schedule(max(0, epoch.again_us - EPOCH_US), "traffic.again", world.now_us)
    for workload in health.stirred(world, epoch.flows, epoch.late):
        world.enqueue("probes.answers", workload)
    world.enqueue("autoscaler.metrics", "traffic")


def _kept(past: Past, flows: Flows, since_us: int) -> Past:
    """The past with one epoch more, without what is over for too long."""
    if past and past[-1][1] == flows:
        return past
    over, oldest_us = 0, since_us - KEPT_US
    while over + 1 < len(past) and past[over + 1][0] <= oldest_us:
        over += 1
    return (*past[over:], (since_us, flows))


@handler("traffic.again")
def again(world: World, begun_us: int) -> None:
    """Look once more, unless another epoch has begun since."""
    if world.traffic.asked_us == begun_us:
        touch(world)


@handler("traffic.load")
def set_load(world: World, permille: int) -> None:
    """Scale every entry point's request rate from now on."""
    world.traffic.load_permille = permille
    world.traffic.solved_at = -1
    touch(world)


def spike(world: World, service: str, permille: int) -> None:
    """Scale the request rate of one entry Service (`namespace/name`) from now on; 1000 ends it."""
    spikes = world.traffic.spikes
    world.traffic.spikes = spikes.set(service, permille) if permille != 1000 else spikes.delete(service)
    world.traffic.solved_at = -1
    touch(world)


def current(world: World) -> Flows:
    """The flows of this instant, solved once per version of the store."""
    traffic = world.traffic
    if traffic.flows is None or traffic.solved_at != world.store.version:
        traffic.flows, traffic.solved_at = preview(world), world.store.version
    return traffic.flows


def _since(world: World, known: Map[str, int], now: frozenset[str]) -> Map[str, int]:
    return Map({name: known.get(name, world.now_us) for name in sorted(now)}) if now or known else known
