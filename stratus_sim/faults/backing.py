"""Faults of what services keep beside them: an empty cache, an unreadable message, a feature flag that is on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from stratus_sim.application.behaviours.cache import WARM, Cache
from stratus_sim.application.behaviours.flags import EFFECTS, FLOOD, Flags, config_maps, read
from stratus_sim.application.behaviours.images import place
from stratus_sim.application.behaviours.memory import recall, remember
from stratus_sim.application.behaviours.queue import FLOODED, Queue
from stratus_sim.cluster import container_status
from stratus_sim.cluster.kubelet.duty import Run, run_of
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.faults.catalogue import SERVER_FAULTS, Fault, Writes, register
from stratus_sim.faults.servers import calls_to, engine_of, pods_under, remembering, restart
from stratus_sim.kernel import SECOND_US, handler
from stratus_sim.manifests.addresses import name_words

if TYPE_CHECKING:
    from stratus_sim.world import World

_REDELIVERED_US = 5 * SECOND_US
"""How long after its start a consumer has the message again that it dies of."""


def _caches(world: World) -> list[ObjectKey]:
    return [key for key in remembering(world, Cache) if calls_to(world, key)]


def _cold(world: World, target: ObjectKey) -> bool:
    return any(one.missed > 0 for one in recall(world, target).held)


def _warm(world: World, target: ObjectKey) -> None:
    cache: Cache = recall(world, target)
    remember(world, target, cache._replace(held=tuple(one._replace(asked=WARM) for one in cache.held)))


def _consumed(world: World) -> list[ObjectKey]:
    found = [key for key in remembering(world, Queue) if recall(world, key).backlogs]
    return [key for key in found if engine_of(world, key) == "kafka"]


def _poison(world: World, target: ObjectKey, *, there: bool) -> None:
    """Put a message at the head of the first consumer's backlog that it dies of, or skip it."""
    queue: Queue | None = recall(world, target)
    if queue is not None and queue.backlogs:
        first, *others = queue.backlogs
        remember(world, target, queue._replace(backlogs=(first._replace(poison=there), *others)))


def _deliver(world: World, target: ObjectKey) -> None:
    _poison(world, target, there=True)
    world.schedule(_REDELIVERED_US, "queue.redelivered", target)


@handler("queue.redelivered")
def redelivered(world: World, target: ObjectKey) -> None:
    """A consumer that runs dies of the message at the head; until it is gone, this comes again."""
    stuck = _stuck(world, target)
    for run, started_us in [found for consumer in stuck for found in _running(world, consumer)]:
        if world.now_us - started_us >= _REDELIVERED_US:
            world.schedule(0, "kubelet.exited", run, "Error", 1)
    if stuck:
        world.schedule(_REDELIVERED_US, "queue.redelivered", target)


def _running(world: World, consumer: ObjectKey) -> Iterator[tuple[Run, int]]:
    """The present runs of a consumer's containers, with when they started."""
    container = world.application.workloads[f"{consumer.namespace}/{consumer.name}"].container
    for pod in pods_under(world, consumer):
        run = run_of(pod, place(pod, container))
        yield run, container_status.of(pod, run.at).started_us


def _stuck(world: World, target: ObjectKey) -> list[ObjectKey]:
    queue: Queue | None = recall(world, target)
    stuck = [world.application.workloads[b.consumer] for b in queue.backlogs if b.poison] if queue is not None else []
    return [ObjectKey(w.kind, w.namespace, w.name) for w in stuck]


def _dies(world: World, target: ObjectKey) -> bool:
    """Whether a consumer that cannot get on has died of it."""
    found = [pod for consumer in _stuck(world, target) for pod in pods_under(world, consumer)]
    return any(pod.status.last_termination == "Error" for pod in found)


def _defining(flag: str) -> Callable[[World], list[ObjectKey]]:
    def targets(world: World) -> list[ObjectKey]:
        """The ConfigMaps in which a flag is off that somebody asks for."""
        known = {name for one, name in EFFECTS if one == flag} or {""}
        here = {w.name.replace("-", "").removesuffix("service") for w in world.application.workloads.values()} | {""}
        found = [key for key, text in _definitions(world) if flag in read(text) and not read(text)[flag]]
        return found if known & here else []

    return targets


def _servers(world: World) -> Iterator[tuple[ObjectKey, Resource]]:
    for server in remembering(world, Flags):
        yield from ((server, pod) for pod in pods_under(world, server)[:1])


def _definitions(world: World) -> Iterator[tuple[ObjectKey, str]]:
    for _, pod in _servers(world):
        for name in config_maps(pod.manifest["spec"]).values():
            found = world.store.get(ObjectKey("ConfigMap", pod.key.namespace, name))
            texts = (found.manifest.get("data") or {}).values() if found is not None else ()
            yield from ((found.key, text) for text in texts if found is not None)


def _turned_on(flag: str) -> Callable[[World, ObjectKey], Writes]:
    def writes(world: World, target: ObjectKey) -> Writes:
        manifest = world.store.state.objects[target].manifest
        data = {name: _on(text, flag) for name, text in manifest["data"].items()}
        return [(target, {**manifest, "data": data})]

    return writes


def _on(text: str, flag: str) -> str:
    """A definition with the first variant of a flag as default that is not off."""
    if flag not in read(text):
        return text
    definition: dict[str, Any] = json.loads(text)
    variants: Mapping[str, Any] = definition["flags"][flag]["variants"]
    definition["flags"][flag]["defaultVariant"] = next(name for name, value in variants.items() if value)
    return json.dumps(definition, indent=2)


def _restart_servers(world: World, target: ObjectKey) -> None:
    """Whoever keeps a copy of the definitions reads them when it starts."""
    for server, pod in list(_servers(world)):
        if target.name in config_maps(pod.manifest["spec"]).values():
            restart(world, server)


def _named(flag: str) -> str:
    """`adHighCpu` as `feature-flag-ad-high-cpu`; three have names of their own among the benchmarks' problems."""
    names = {FLOODED: "kafka-queue", FLOOD: "loadgen-flood", "recommendationCacheFailure": "recommendation-cache"}
    return f"feature-flag-{names.get(flag) or '-'.join(name_words(flag))}"


def _in_force(flag: str) -> Callable[[World, ObjectKey], bool]:
    return lambda world, _: any(recall(world, server).values.get(flag) for server in remembering(world, Flags))


register(
    Fault(
        "cache-restarted-cold", "a cache starts anew with nothing in it", _caches, _cold, strike=restart, mend=_warm,
    ),
    SERVER_FAULTS,
)  # fmt: skip
register(
    Fault(
        "kafka-poison-pill", "a message at the head of a queue kills its consumer each time it is delivered",
        _consumed, _dies, strike=_deliver, mend=lambda world, target: _poison(world, target, there=False),
    ),
    SERVER_FAULTS,
)  # fmt: skip
for _flag in dict.fromkeys([*(flag for flag, _ in EFFECTS), FLOODED, FLOOD]):
    register(
        Fault(
            _named(_flag), f"feature flag {_flag} is turned on",
            _defining(_flag), _in_force(_flag), _turned_on(_flag), _restart_servers, _restart_servers,
        ),
        SERVER_FAULTS,
    )  # fmt: skip
