"""Switching faults on and off, as ordinary timed steps of a world."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratus_sim.cluster import api
from stratus_sim.cluster.configuration import ABSENT, difference, flatten, unflatten
from stratus_sim.cluster.objects import Manifest, ObjectKey
from stratus_sim.faults.catalogue import find
from stratus_sim.kernel import handler

if TYPE_CHECKING:
    from stratus_sim.world import World

WRITER = "fault"


def schedule(world: World, delay_us: int, name: str, target: ObjectKey) -> None:
    """Switch a fault on after `delay_us`; a fork made meanwhile meets it too."""
    world.schedule(delay_us, "fault.inject", name, target)


@handler("fault.inject")
def inject(world: World, name: str, target: ObjectKey) -> None:
    """Switch a fault on. A target that is gone by then is left alone."""
    fault = find(name)
    if target not in fault.targets(world) or (name, target) in world.faults.active:
        return
    writes = fault.writes(world, target)
    found = tuple((key, _manifest(world, key)) for key, _ in writes)
    world.faults.active = world.faults.active.set((name, target), found)
    for key, manifest in writes:
        _write(world, key, manifest)
    fault.strike(world, target)
    world.record("fault.on", {"fault": name, "target": str(target)})


@handler("fault.heal")
def heal(world: World, name: str, target: ObjectKey) -> None:
    """Switch a fault off: fields that still are as it left them return to what it found."""
    found = world.faults.active.get((name, target))
    if found is None:
        return
    fault = find(name)
    world.faults.active = world.faults.active.delete((name, target))
    fault.mend(world, target)
    for key, before in found:
        left = _left_behind(world, key)
        _write(world, key, _put_back(_manifest(world, key), before, left))
    world.record("fault.off", {"fault": name, "target": str(target)})


def _left_behind(world: World, key: ObjectKey) -> Manifest | None:
    """What the fault wrote last to an object."""
    for change in reversed(api.changes_since(world, 0)):
        if change.key == key and change.writer == WRITER:
            return change.after
    return None


def _put_back(now: Manifest | None, before: Manifest | None, left: Manifest | None) -> Manifest | None:
    fields = flatten(now)
    for path, (old, faulty) in difference(before, left).items():
        if fields.get(path, ABSENT) == faulty:
            fields[path] = old
    return unflatten({path: value for path, value in fields.items() if value != ABSENT})


def _manifest(world: World, key: ObjectKey) -> Manifest | None:
    found = world.store.get(key)
    return found.manifest if found is not None else None


def _write(world: World, key: ObjectKey, manifest: Manifest | None) -> None:
    if manifest is None:
        api.delete(world, key, WRITER)
    elif manifest != _manifest(world, key):
        api.put(world, manifest, WRITER)
