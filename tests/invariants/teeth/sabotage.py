"""Rules of the cluster as they should not be, and tales in which that shows."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

from msgspec.structs import replace

from stratus_sim.cluster import endpoints, events
from stratus_sim.cluster.kubelet import pressure
from stratus_sim.cluster.store import Store
from stratus_sim.cluster.volumes_status import ClaimStatus, VolumeStatus
from stratus_sim.cluster.workloads import cronjob, statefulset
from stratus_sim.kernel import SECOND_US
from stratus_sim.world import World
from tests.invariants.grounds import autoscaled, batch, sets, tenants, volumes
from tests.invariants.steps import Step
from tests.invariants.tales import Tale

Wrong = Callable[..., Any]


class Tooth(NamedTuple):
    """A promise, what is told when the rule `name` of a module is another one, and the tale in which it is."""

    promise: Any
    told: str
    where: ModuleType | type
    name: str
    wrong: Wrong
    tale: Tale


def on_batch(run: batch.Run, *steps: Step) -> Tale:
    return Tale("batch", batch.Plan(runs=(run,), crons=()), [*steps])


def on_cron(cron: batch.Cron, seconds: int = 400) -> Tale:
    return Tale("batch", batch.Plan(crons=(cron,)), [Step("wait", 0, seconds)])


def on_sets(found: sets.Stateful, *steps: Step) -> Tale:
    return Tale("sets", sets.Plan(sets=(found,), daemons=()), [*steps])


def on_daemons(found: sets.Daemon, *steps: Step) -> Tale:
    return Tale("sets", sets.Plan(sets=(), daemons=(found,)), [*steps])


def on_volumes(plan: volumes.Plan, *steps: Step) -> Tale:
    return Tale("volumes", plan, [*steps])


def on_tenants(plan: tenants.Plan, *steps: Step) -> Tale:
    return Tale("tenants", plan, [*steps])


def on_load(number: int, *loads: tuple[int, int]) -> Tale:
    """An autoscaler under loads by number, each for so many seconds."""
    return Tale("autoscaled", autoscaled.Plan(number), [Step("load", *load) for load in loads])


def nothing(*_: Any, **__: Any) -> None:
    """Whatever it is, it is not done."""


def always(value: Any) -> Wrong:
    return lambda *_: value


def unordered(world: World, stateful: Any, update: str, view: Any = statefulset._view) -> Any:
    return view(world, stateful, update)._replace(ordered=False)


def idle(world: World, key: Any, note: Any = cronjob._note_finished) -> None:
    """A CronJob forgets the Jobs it has started."""
    note(world, key)
    world.store.report(key, replace(world.store.state.objects[key].status, active=()))


def one_sided(world: World, claim: Any, volume: Any) -> None:
    world.store.report(claim.key, ClaimStatus("Bound", volume.key.name))


def offered(world: World, volume: Any, *_: Any) -> None:
    world.store.report(volume.key, VolumeStatus())


def thrown_away(world: World, volume: Any, *_: Any) -> None:
    world.store.remove(volume.key)


def at_once(world: World, namespace: Any) -> None:
    """A namespace goes before what is in it."""
    world.store.mark_deleting(namespace)
    world.store.remove(namespace)


def reborn(self: Store, key: Any, *more: Any, configure: Any = Store.configure, **named: Any) -> Any:
    """A write takes the generation back."""
    self._objects[key] = new = replace(configure(self, key, *more, **named), generation=0)
    return new


def counted_anew(world: World, involved: Any, reason: str, message: str, emit: Any = events.emit, **more: Any) -> None:
    emit(world, involved, reason, message, **more)
    mark = (involved, reason, message)
    if (event := world.events[mark]) is not None:
        world.events[mark] = replace(event, count=1)


def blind(service: Any, pod: Any, known: Any = None, endpoint: Any = endpoints._endpoint) -> Any:
    """A slice does not tell who is on the way out."""
    return replace(endpoint(service, pod, known), terminating=False)


def gracefully(world: World, pod: Any, _grace_s: int | None = None) -> None:
    """A kubelet is asked about every pod, whether or not anything of it runs."""
    world.schedule(SECOND_US, "kubelet.terminated", pod.key, pod.uid)


def backwards(world: World, pod: Any, signal: Any, turn: Wrong = pressure._turn) -> tuple[int, ...]:
    return tuple(-part for part in turn(world, pod, signal))


RUN = batch.Run(pods=4, wide=2, command=0)
SLOW = batch.Run(pods=3, wide=2, command=3)
