"""Switching faults on and off, as ordinary timed steps of a world.

What a fault writes is decided when it is scheduled and then written whole, whatever stands there by then: a world and
its fork meet the very same foreign writes, as the specification's `foreign` steps are the same with and without a
transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratus_sim.cluster import api
from stratus_sim.cluster.objects import Manifest, ObjectKey
from stratus_sim.faults.catalogue import find
from stratus_sim.kernel import handler

if TYPE_CHECKING:
    from stratus_sim.world import World

WRITER = "fault"
Writes = tuple[tuple[ObjectKey, Manifest | None], ...]


def schedule(world: World, delay_us: int, name: str, target: ObjectKey) -> None:
    """Switch a fault on after `delay_us`; a fork made meanwhile meets it too."""
    writes = tuple(find(name).writes(world, target))
    found = tuple((key, _manifest(world, key)) for key, _ in writes)
    world.schedule(delay_us, "fault.inject", name, target, writes, found)


@handler("fault.inject")
def inject(world: World, name: str, target: ObjectKey, writes: Writes, found: Writes) -> None:
    """Switch a fault on; `found` is what switching it off puts back.

    One that is on already, or that would write where another one has, changes nothing: what that one found is what
    has to come back.
    """
    if (name, target) in world.faults.active or _held(world) & {key for key, _ in writes}:
        return
    world.faults.active = world.faults.active.set((name, target), found)
    _write(world, writes)
    find(name).strike(world, target)
    world.record("fault.on", {"fault": name, "target": str(target)})


@handler("fault.heal")
def heal(world: World, name: str, target: ObjectKey) -> None:
    """Switch a fault off: what it wrote to is as it found it. One that is not on is left alone."""
    found = world.faults.active.get((name, target))
    if found is None:
        return
    world.faults.active = world.faults.active.delete((name, target))
    find(name).mend(world, target)
    _write(world, found)
    world.record("fault.off", {"fault": name, "target": str(target)})


def _held(world: World) -> set[ObjectKey]:
    """The objects active faults have written."""
    return {key for found in world.faults.active.values() for key, _ in found}


def _manifest(world: World, key: ObjectKey) -> Manifest | None:
    found = world.store.get(key)
    return found.manifest if found is not None else None


def _write(world: World, writes: Writes) -> None:
    for key, manifest in writes:
        if manifest is None:
            api.delete(world, key, WRITER)
        else:
            api.put(world, manifest, WRITER, whole=True)
