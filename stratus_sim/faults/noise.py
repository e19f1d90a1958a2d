"""Background noise: two short disturbances every five minutes that nobody has to repair.

Off unless a scenario asks for it, as in SREGym. Each begins and ends by itself and strikes what is drawn from named
streams, so that a world and its fork meet the same. An agent can read what it does to requests and pods, and nothing
else. No configuration is written: noise is environment, and undoing it is nobody's business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from stratus_sim.cluster import pods
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.status import CALM, Strain
from stratus_sim.faults.servers import pods_under
from stratus_sim.kernel import SECOND_US, handler
from stratus_sim.kernel.streams import draw_bits

if TYPE_CHECKING:
    from stratus_sim.world import World

WINDOW_US = 300 * SECOND_US
PER_WINDOW = 2
_SHARE_US = WINDOW_US // PER_WINDOW
LASTS_US = (5 * SECOND_US, 20 * SECOND_US)
"""How long a disturbance lasts: less than any alert waits for."""
_STREAM = "noise"


class Disturbance(NamedTuple):
    """`victims` lists what it may befall; `strain` is what a node suffers meanwhile, None where a pod is ended."""

    victims: Callable[[World], list[ObjectKey]]
    strain: Strain | None = None


def _nodes(world: World) -> list[ObjectKey]:
    return list(world.store.keys("Node"))


def _deployments(world: World) -> list[ObjectKey]:
    """Those that have a pod to lose: another will take its place."""
    return [key for key in world.store.keys("Deployment") if _oldest_pod(world, key) is not None]


DISTURBANCES: Mapping[str, Disturbance] = {
    "busy neighbour": Disturbance(_nodes, Strain(stolen_permille=700)),
    "lost pod": Disturbance(_deployments),
    "slow network": Disturbance(_nodes, Strain(delay_us=300_000)),
    "unreachable node": Disturbance(_nodes, Strain(cut=True)),
}


def start(world: World) -> None:
    """Make noise from now on, in this world and in every fork of it."""
    world.schedule(0, "noise.window")


@handler("noise.window")
def begin_window(world: World) -> None:
    """Choose what happens in the next five minutes, a disturbance in each half of them."""
    for part in range(PER_WINDOW):
        name = [*DISTURBANCES][_draw(world, "kind", 0, len(DISTURBANCES) - 1)]
        at_us = part * _SHARE_US + _draw(world, "time", 0, _SHARE_US - LASTS_US[1] - 1)
        world.schedule(at_us, "noise.strike", name, _draw(world, "victim", 0, 2**32), _draw(world, "length", *LASTS_US))
    world.schedule(WINDOW_US, "noise.window")


@handler("noise.strike")
def strike(world: World, name: str, number: int, lasts_us: int) -> None:
    """Begin a disturbance on the victim that `number` chooses, which is the same where others came or went."""
    disturbance = DISTURBANCES[name]
    victim = min(disturbance.victims(world), key=lambda key: _turn(key, number), default=None)
    if victim is None:
        return
    world.record("noise", {"disturbance": name, "target": str(victim), "lasts_us": lasts_us})
    if disturbance.strain is None:
        _end_a_pod(world, victim)
    else:
        _suffer(world, victim, disturbance.strain)
        world.schedule(lasts_us, "noise.over", victim)


@handler("noise.over")
def over(world: World, node: ObjectKey) -> None:
    """The machine is itself again, if it is still there."""
    _suffer(world, node, CALM)


def _turn(victim: ObjectKey, number: int) -> tuple[int, ObjectKey]:
    return draw_bits(number, str(victim), _STREAM, 0), victim


def _suffer(world: World, node: ObjectKey, strain: Strain) -> None:
    found = world.store.get(node)
    if found is not None:
        world.store.report(node, msgspec.structs.replace(found.status, strain=strain))


def _end_a_pod(world: World, deployment: ObjectKey) -> None:
    oldest = _oldest_pod(world, deployment)
    if oldest is not None:
        pods.terminate(world, oldest.key)


def _oldest_pod(world: World, deployment: ObjectKey) -> Resource | None:
    return min(filter(pods.active, pods_under(world, deployment)), key=_age, default=None)


def _age(pod: Resource) -> tuple[int, int]:
    return pod.created_us, pod.uid


def _draw(world: World, purpose: str, low: int, high: int) -> int:
    return world.draw(_STREAM, purpose, low, high)
