"""A cache: what it holds grows with what it is asked for, and is gone with its process unless it keeps it on a volume.

Keys are taken to be asked for alike often, so after n requests the share of them it holds is 1 - exp(-n / keys). What
the database behind does not answer is not brought to the cache: a database that the misses alone overrun keeps it cold
(Bronson et al., Metastable Failures in Distributed Systems, HotOS 2021, "Look-aside cache"). Redis
and Valkey write their memory to `/data` and read it again (redis.io/docs/latest/operate/oss_and_stack/management/
persistence); memcached writes nothing (docs.memcached.org/userguide/#data-expiry).
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, NamedTuple

from stratus_sim.application.behaviours import access
from stratus_sim.application.behaviours.accounts import data_of
from stratus_sim.application.behaviours.database import Server
from stratus_sim.application.behaviours.images import software
from stratus_sim.application.behaviours.registry import Caller, Offered, Served, behaviour
from stratus_sim.cluster.objects import Resource

if TYPE_CHECKING:
    from stratus_sim.world import World

KEYS = 1_000
"""Different things that are asked for."""
WARM = 4 * KEYS * 1_000
"""Milli-requests after which a process is taken to hold all of them."""
NOTICED = 1 / 16
"""The share of misses is known in steps: a smaller change is not worth looking at."""
_REQUIRED = re.compile(r"--requirepass[= ](\S+)")


class Held(NamedTuple):
    """What one process was asked for since its memory was empty, in milli-requests; `data` tells memories apart."""

    data: tuple[str, ...]
    asked: int

    @property
    def missed(self) -> float:
        """The share of requests it has no answer for, up to the next step."""
        return 0.0 if self.asked >= WARM else NOTICED * math.ceil(math.exp(-self.asked / (1_000 * KEYS)) / NOTICED)


class Cache(NamedTuple):
    """The processes of a cache as of `since_us`, each asked for `rate` milli-requests a second more until it is warm.

    `strangers` came in without a password when it asked for none.
    """

    held: tuple[Held, ...]
    rate: int = 0
    since_us: int = 0
    strangers: tuple[str, ...] = ()

    def at(self, now_us: int) -> tuple[Held, ...]:
        """Its processes at a later instant."""
        gained = self.rate * (now_us - self.since_us) // 1_000_000
        return tuple(Held(data, min(WARM, asked + gained)) for data, asked in self.held) if gained else self.held


@behaviour("cache")
def cache(world: World, offered: Offered, memory: Cache | None) -> Served:
    """Misses go on to where the caller keeps its data; each brings the cache one key more."""
    if not offered.pods:
        return Served(memory=memory)
    now = _now(world, offered, memory or Cache(()))
    door = _door(offered, now.strangers)
    now = now if door.accounts is not None else now._replace(strangers=_callers(offered))
    cold = [one for one in now.at(world.now_us) if one.asked < WARM]
    return Served(
        refused=access.refusals(door, offered.callers),
        missed=sum(one.missed for one in cold) / len(now.held),
        memory=memory if now == memory else now,
        restless=bool(cold) and now.rate > 0,
        again_us=min((_noticed_us(one, now.rate) for one in cold if now.rate), default=0),
    )


def _now(world: World, offered: Offered, old: Cache) -> Cache:
    """The cache as this epoch finds it; as it was, however often somebody looks, while nothing changes its course."""
    found = [_data(world, offered, pod) for pod in offered.pods]
    known = dict(old.at(world.now_us))
    held = tuple(Held(data, known.get(data, 0)) for data in found)
    cold = any(one.asked < WARM for one in held)
    rate = sum(caller.rate * _stored(world, caller) // 1_000 for caller in offered.callers) // len(found) if cold else 0
    same = rate == old.rate and [one.data for one in old.held] == found
    return old if same else Cache(held, rate, world.now_us if rate else 0, old.strangers)


def _stored(world: World, caller: Caller) -> int:
    """The share (permille) of what a caller misses that it gets from its databases, and so can bring to the cache."""
    flows, services, memory = world.traffic.begun, world.application.services, world.traffic.memory
    mine = [flow for flow in flows.calls if flow.call.source_key == caller.call.source_key] if flows is not None else []
    asked = [
        flow for flow in mine if any(isinstance(memory.get(n), Server) for n in services.get(flow.call.target_key, ()))
    ]
    return min((flow.success_permille for flow in asked), default=1_000)


def _noticed_us(held: Held, rate: int) -> int:
    """How long until the share of misses is a step smaller at this rate, or the memory is warm."""
    left = held.missed - NOTICED
    then = math.ceil(-1_000 * KEYS * math.log(left)) if left > 0 else WARM
    return (min(WARM, then) - held.asked) * 1_000_000 // rate + 1


def _data(world: World, offered: Offered, pod: Resource) -> tuple[str, ...]:
    return data_of(world, pod, offered.workload.container, _engine(pod, offered))


def _engine(pod: Resource, offered: Offered) -> str:
    return software(pod.manifest, offered.workload.container).engine or "memcached"


def _callers(offered: Offered) -> tuple[str, ...]:
    return tuple(caller.call.source_key for caller in offered.callers)


def _door(offered: Offered, strangers: tuple[str, ...]) -> access.Door:
    """Redis asks for a password when it is started with one; who came in without has none built in."""
    pod, container = offered.pods[0], offered.workload.container
    stated = _REQUIRED.search(access.words(pod, container))
    password = stated[1] if stated else pod.status.env.get(container, {}).get("REDIS_PASSWORD", "")
    accounts = {"": password, "default": password} if password else None
    return access.Door(_engine(pod, offered), accounts, met=strangers)
