"""Which lost nodes lose their pods too, and when: each has to wait for its turn to get the taint that sends them away.

Follows kubernetes.io/docs/concepts/architecture/nodes ("Rate limits on eviction") and the flags of the node controller:
a zone taints a node every 10 s, also one that is lost as a whole (`--node-eviction-rate`); one of which more than half,
and at least three nodes, are lost taints every 100 s (`--secondary-node-eviction-rate`), with up to 50 nodes none
(`--large-cluster-size-threshold`). Where every node of the cluster is lost, more likely the control plane is cut off:
then nobody is tainted, and those that were are no longer. The rate is a token bucket of one token.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from stratus_sim.cluster import taint_eviction
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.objects import Resource, node_key
from stratus_sim.cluster.watching import WRITTEN, watches
from stratus_sim.kernel import SECOND_US, handler

if TYPE_CHECKING:
    from stratus_sim.world import World

_REGION, _ZONE = "topology.kubernetes.io/region", "topology.kubernetes.io/zone"
_EXCLUDED = "node.kubernetes.io/exclude-disruption"
_UNHEALTHY_PERMILLE, _FEW_LOST, _SMALL = 550, 2, 50
EVERY_US, _SELDOM_US = 10 * SECOND_US, 100 * SECOND_US
"""How often a zone taints a node: as a rule, and where it has lost most of many."""
Zone = tuple[str, str]


class Pace(NamedTuple):
    """How often a zone may taint a node, None for never, when it may do so next, and for when it has set a timer."""

    every_us: int | None = EVERY_US
    next_us: int = 0
    timer_us: int = -1


@watches("Node", of=WRITTEN)
def on_node(world: World, old: Resource | None, new: Resource | None) -> None:
    """A node comes to others, or leaves them, some of which are lost."""
    if new is None and old is not None:
        name = old.key.name
        emit(world, old.key, "RemovingNode", f"Node {name} event: Removing Node {name} from Controller")
        note(world, name, lost=False)
    if world.cluster.lost and (old is None or new is None):
        world.schedule(0, "zones")


def note(world: World, name: str, *, lost: bool) -> None:
    """A node is believed lost from now on, or is so no longer: those that are at the same instant count together."""
    known = world.cluster.lost
    world.cluster.lost = known | {name} if lost else known - {name}
    if world.cluster.lost != known:
        world.schedule(0, "zones")


@handler("zones")
def review(world: World) -> None:
    """Set the pace of each zone, and taint the nodes whose turn it is."""
    found = [node for name in sorted(world.cluster.lost) if (node := world.store.get(node_key(name))) is not None]
    everyone, gone = Counter(map(_zone, _counted(world.store.list("Node")))), Counter(map(_zone, _counted(found)))
    cut_off = gone.total() == everyone.total()
    for zone in sorted({*world.cluster.zones, *map(_zone, found)}):
        every_us = None if cut_off else _rate(gone[zone], everyone[zone])
        _set(world, zone, _swapped(world.cluster.zones.get(zone, Pace()), every_us, world.now_us))
    for node in found if cut_off else ():
        if node.status.evicting_us is not None:
            taint_eviction.call_off(world, node.key.name)
            world.store.report(node.key, msgspec.structs.replace(node.status, evicting_us=None))
    waiting = sorted((node.status.since_us, node.key) for node in found if node.status.evicting_us is None)
    for _, key in () if cut_off else waiting:
        _take_turn(world, world.store.state.objects[key])


def _take_turn(world: World, node: Resource) -> None:
    """Taint a node now if its zone may, else look again when it may."""
    pace = world.cluster.zones[_zone(node)]
    if pace.every_us is None:
        return
    if pace.next_us <= world.now_us:
        world.store.report(node.key, msgspec.structs.replace(node.status, evicting_us=world.now_us))
        taint_eviction.lose(world, node.key.name)
        _set(world, _zone(node), pace._replace(next_us=world.now_us + pace.every_us))
    elif pace.timer_us != pace.next_us:
        world.schedule(pace.next_us - world.now_us, "zones")
        _set(world, _zone(node), pace._replace(timer_us=pace.next_us))


def _rate(lost: int, size: int) -> int | None:
    """How often a zone that has lost so many of its nodes may taint one."""
    disrupted = lost > _FEW_LOST and 1000 * lost >= _UNHEALTHY_PERMILLE * size
    if lost == size or not disrupted:
        return EVERY_US
    return _SELDOM_US if size > _SMALL else None


def _swapped(pace: Pace, every_us: int | None, now_us: int) -> Pace:
    """Another pace: who would have had to wait at the old one waits his time at the new one from now on."""
    if every_us == pace.every_us:
        return pace
    waits = pace.every_us is None or pace.next_us > now_us
    return Pace(every_us, now_us + (every_us or 0) if waits else now_us)


def _set(world: World, zone: Zone, pace: Pace) -> None:
    world.cluster.zones = world.cluster.zones.set(zone, pace)


def _counted(nodes: list[Resource]) -> list[Resource]:
    return [node for node in nodes if _EXCLUDED not in node.labels]


def _zone(node: Resource) -> Zone:
    return node.labels.get(_REGION, ""), node.labels.get(_ZONE, "")
