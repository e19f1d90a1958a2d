"""What goes on happening while nothing changes: its Event is written once, and counted when somebody reads it, or when
it is over.

A probe is asked in its period. A pod that cannot go on is tried again by its kubelet every 10 to 15 seconds
(pkg.go.dev/k8s.io/kubernetes/pkg/kubelet, `backOffPeriod`), its mounts with a back-off of half a second to two minutes
(pkg.go.dev/k8s.io/kubernetes/pkg/util/goroutinemap/exponentialbackoff), and by the scheduler every five minutes
(kubernetes.io/docs/reference/command-line-tools-reference/kube-scheduler, `--pod-max-in-unschedulable-pods-duration`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import replace

from stratus_sim.cluster import container_status, pods
from stratus_sim.cluster.events import repeat
from stratus_sim.cluster.kubelet.back_off import restart_us
from stratus_sim.cluster.kubelet.duty import full_name
from stratus_sim.cluster.objects import EventRecord, Resource, node_key
from stratus_sim.cluster.status import ContainerStatus, Streak
from stratus_sim.cluster.watching import ENDED, LEAVING, watches
from stratus_sim.kernel import SECOND_US

if TYPE_CHECKING:
    from stratus_sim.world import World

SYNC_US = 12_500_000
"""How long a kubelet leaves a pod alone in the mean whose sync has failed."""
RESCHEDULE_US = 300 * SECOND_US
REASONS = frozenset({"Unhealthy", "Failed", "BackOff", "FailedMount", "FailedScheduling"})
"""Of Events that may go on happening."""


class Repeat(NamedTuple):
    """An Event that has happened so many times more than was written down, the last time at `last_us`."""

    reason: str
    message: str
    times: int
    last_us: int


def counted(world: World, event: EventRecord) -> EventRecord:
    """An Event with what has come since it was written."""
    pod = world.store.get(event.involved) if event.reason in REASONS else None
    if pod is None or pod.key.kind != "Pod" or pod.deleting or pods.ended(pod):
        return event
    for one in _repeats(world, pod):
        if (one.reason, one.message) == (event.reason, event.message) and one.times > 0:
            event = replace(event, count=event.count + one.times, last_us=max(event.last_us, one.last_us))
    return event


def catch_up(world: World, pod: Resource, reasons: Collection[str] = REASONS) -> None:
    """Write down how often what goes on with a pod for these reasons has happened: it is over, or begins anew."""
    for one in _repeats(world, pod):
        if one.times > 0 and one.reason in reasons:
            repeat(world, pod.key, *one)


def over(world: World, pod: Resource, at: int) -> dict[str, Any]:
    """Count the failures of the probes of a run of a container that has ended; the changes of its status."""
    for streak in container_status.of(pod, at).streaks:
        close(world, pod, at, streak)
    return {"streaks": ()}


def close(world: World, pod: Resource, at: int, streak: Streak) -> None:
    """Write down how often a probe has failed in a row."""
    found = _failures(world, pod, at, streak)
    if found.times > 0:
        repeat(world, pod.key, *found)


@watches("Pod", of=ENDED | LEAVING)
def on_pod(world: World, old: Resource | None, new: Resource | None) -> None:
    if old is None or old.deleting or pods.ended(old):
        return
    if new is None or new.deleting or pods.ended(new):
        catch_up(world, old)


def _repeats(world: World, pod: Resource) -> Iterator[Repeat]:
    status = pod.status
    if not status.node:
        yield _every(world, pod, RESCHEDULE_US, "FailedScheduling", status.message)
        return
    if status.reason == "ContainerCreating" and status.message:
        yield _doubling(world, pod, "FailedMount", status.message)
    for at, one in enumerate(status.containers or (status,)):
        for streak in one.streaks:
            yield _failures(world, pod, at, streak)
        for reason, message in _said(pod, at, one):
            yield _every(world, pod, SYNC_US, reason, message)
        if one.failures > 1:
            yield _waits(world, pod, at, one)


def _said(pod: Resource, at: int, one: ContainerStatus) -> tuple[tuple[str, str], ...]:
    """What a kubelet says each time it tries again to start a container."""
    if one.reason == "CreateContainerConfigError":
        return (("Failed", f"Error: {one.message}"),)
    if one.reason == "ImagePullBackOff":
        image = container_status.all_of(pod.spec)[at].image
        return ("BackOff", f'Back-off pulling image "{image}"'), ("Failed", "Error: ImagePullBackOff")
    return ()


def _every(world: World, pod: Resource, period_us: int, reason: str, message: str) -> Repeat:
    written = world.events[(pod.key, reason, message)]
    if written is None:
        return Repeat(reason, message, 0, 0)
    times = (_now_us(world, pod, written.last_us) - written.last_us) // period_us
    return Repeat(reason, message, times, written.last_us + times * period_us)


def _doubling(world: World, pod: Resource, reason: str, message: str) -> Repeat:
    """A mount is tried again half a second later, each time twice as long after, at most about two minutes."""
    written, times, step_us = world.events[(pod.key, reason, message)], 0, SECOND_US // 2
    if written is None:
        return Repeat(reason, message, 0, 0)
    at_us, now_us = written.last_us, _now_us(world, pod, written.last_us)
    while at_us + step_us <= now_us:
        times, at_us, step_us = times + 1, at_us + step_us, min(2 * step_us, 122 * SECOND_US)
    return Repeat(reason, message, times, at_us)


def _waits(world: World, pod: Resource, at: int, one: ContainerStatus) -> Repeat:
    """The last back-off of a container, which it waits for or has waited for."""
    name = container_status.all_of(pod.spec)[at].name
    said = _every(world, pod, SYNC_US, "BackOff", back_off(name, full_name(pod)))
    most = said_again(one.failures)
    return said if said.times <= most else said._replace(times=most, last_us=0)


def back_off(container: str, pod: str) -> str:
    """What a kubelet says while a container waits to be started again; `pod` is its full name."""
    return f"Back-off restarting failed container {container} in pod {pod}"


@cache
def said_again(failures: int) -> int:
    """How often that is said once more during the wait after so many failures.

    >>> [said_again(n) for n in (1, 2, 3, 7)]
    [0, 0, 1, 24]
    """
    return restart_us(failures) // SYNC_US


def _failures(world: World, pod: Resource, at: int, streak: Streak) -> Repeat:
    """How often a probe has failed in a row after the first time."""
    probe = getattr(container_status.all_of(pod.spec)[at], f"{streak.kind}_probe")
    period_us = (probe.period_seconds or 10) * SECOND_US
    times = (_until_us(world, pod, at, streak) - streak.since_us) // period_us
    counts = bool(streak.told) and not streak.held
    return Repeat("Unhealthy", streak.told, times * counts, streak.since_us + times * period_us)


def _until_us(world: World, pod: Resource, at: int, streak: Streak) -> int:
    """Until when somebody asked: nobody asks who does not run."""
    one = container_status.of(pod, at)
    runs = one.state == "running" and streak.since_us >= one.started_us
    return _now_us(world, pod, streak.since_us) if runs else one.ended_us


def _now_us(world: World, pod: Resource, since_us: int) -> int:
    """Now, or when the node of a pod fell silent since then: whatever went on has ended with it."""
    node = world.store.get(node_key(pod.status.node)) if pod.status.node else None
    return world.now_us if node is None or node.status.silent_us <= since_us else int(node.status.silent_us)
