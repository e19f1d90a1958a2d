"""Probes whose answer turns while the container runs: how often in a row, and what follows at their threshold.

Follows kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes ("Configure
Probes"). What a probe would hear is worked out when something that moves it has changed: that it goes on hearing the
same costs nothing, and how often it failed is counted when somebody reads it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from msgspec.structs import replace

from stratus_sim.cluster import container_status, pods
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.kubelet import repeats, reports
from stratus_sim.cluster.kubelet.asking import lasting, passing
from stratus_sim.cluster.kubelet.duty import Run, run_of, running
from stratus_sim.cluster.kubelet.killing import kill
from stratus_sim.cluster.objects import Resource, known_key
from stratus_sim.cluster.status import ContainerStatus, Streak
from stratus_sim.kernel import SECOND_US, handler
from stratus_sim.manifests.pod_shapes import Container, Probe

if TYPE_CHECKING:
    from stratus_sim.world import World

Kind = Literal["startup", "readiness", "liveness"]


def probe_of(container: Container, kind: Kind) -> Probe:
    """The probe of a kind; one of defaults where the container has none."""
    found: Probe | None = getattr(container, f"{kind}_probe")
    return found or Probe()


def patience(probe: Probe) -> tuple[int, int]:
    """How often in a row a probe may fail before something is done, and how long it waits in between."""
    return probe.failure_threshold or 3, (probe.period_seconds or 10) * SECOND_US


def since_us(pod: Resource, at: int, kind: Kind) -> int:
    """Since when answers of a kind have not been what they always were; 0 where they are."""
    one = container_status.of(pod, at)
    found = _of(one, kind) if one.streaks else None
    return 0 if found is None else found.since_us


def watch(world: World, pod: Resource, run: Run, kind: Kind) -> None:
    """Note that a process is in trouble already when it is first asked; `pod` may be as it was before it started."""
    container = container_status.all_of(pod.spec)[run.at]
    failure = passing(world, pod, container, probe_of(container, kind))
    now = running(world, run) if failure is not None else None
    if now is not None and failure is not None:
        _turn(world, now, run, kind, failure.told(kind))


def busy(world: World, run: Run) -> None:
    """A container serves from now on, or no longer: whether it is overrun is another question than before."""
    pod = running(world, run) if world.traffic.vitals else None
    if pod is not None:
        _ask_again(world, pod, run.at)


@handler("probes.answers")
def reconsider(world: World, workload: str) -> None:
    """The processes of a workload (`namespace/name`) answer otherwise than before."""
    found = world.application.workloads[workload]
    for pod in pods.of_workload(world, known_key(found.kind, found.namespace, found.name)):
        for at in range(len(container_status.all_of(pod.spec))):
            if running(world, run_of(pod, at)) is not None:
                _ask_again(world, world.store.get(pod.key) or pod, at)


def _ask_again(world: World, pod: Resource, at: int) -> None:
    container = container_status.all_of(pod.spec)[at]
    if container.startup_probe is not None and not _up(world, container_status.of(pod, at), container.startup_probe):
        _look(world, pod, at, container, "startup")
        return
    for kind in ("readiness", "liveness"):
        if getattr(container, f"{kind}_probe") is not None:
            _look(world, world.store.get(pod.key) or pod, at, container, kind)


def _up(world: World, one: ContainerStatus, probe: Probe) -> bool:
    """Whether a startup probe has succeeded."""
    found = _of(one, "startup")
    if found is not None:
        return not found.told and found.since_us <= world.now_us
    delay_us = (probe.initial_delay_seconds or 0) * SECOND_US
    return world.now_us > one.started_us + delay_us + SECOND_US


def _look(world: World, pod: Resource, at: int, container: Container, kind: Kind) -> None:
    probe, known = probe_of(container, kind), _of(container_status.of(pod, at), kind)
    if (known is not None and known.held) or lasting(world, pod, container, probe) is not None:
        return
    failure = passing(world, pod, container, probe)
    if (failure is None) is (known is not None and bool(known.told)):
        _turn(world, pod, run_of(pod, at), kind, "" if failure is None else failure.told(kind))


def _while_it_lasts(then: Callable[[World, Run, Resource, Streak], None]) -> Callable[[World, Run, Kind, int], None]:
    """What a timer does that was set for a streak: nothing, if that is over."""

    def due(world: World, run: Run, kind: Kind, since_us: int) -> None:
        pod = running(world, run)
        found = _of(container_status.of(pod, run.at), kind) if pod is not None else None
        if pod is not None and found is not None and found.since_us == since_us:
            then(world, run, pod, found)

    return due


def _turn(world: World, pod: Resource, run: Run, kind: Kind, told: str) -> None:
    """From its next turn on a probe gets another answer."""
    one, probe = container_status.of(pod, run.at), probe_of(container_status.all_of(pod.spec)[run.at], kind)
    known, next_us = _of(one, kind), _next_us(world, one, probe)
    if known is not None:
        repeats.close(world, pod, run.at, known)
    reports.update(world, pod, run.at, streaks=(*_but(one, kind), Streak(kind, next_us, told)))
    world.schedule(next_us - world.now_us, "probe.turned", run, kind, next_us)


def _next_us(world: World, one: ContainerStatus, probe: Probe) -> int:
    first_us, period_us = one.started_us + (probe.initial_delay_seconds or 0) * SECOND_US, patience(probe)[1]
    if world.now_us < first_us or world.now_us == one.started_us:
        return first_us
    return first_us + ((world.now_us - first_us) // period_us + 1) * period_us


@handler("probe.turned")
@_while_it_lasts
def turned(world: World, run: Run, pod: Resource, streak: Streak) -> None:
    """A probe has got another answer for the first time; what follows from it waits for the threshold."""
    probe = probe_of(container_status.all_of(pod.spec)[run.at], streak.kind)
    times, period_us = patience(probe)
    if streak.told:
        emit(world, run.key, "Unhealthy", streak.told, warning=True)
    else:
        times = probe.success_threshold or 1
    if times > 1:
        world.schedule((times - 1) * period_us, "probe.settled", run, streak.kind, streak.since_us)
    else:
        _settle(world, run, pod, streak)


def _settle(world: World, run: Run, pod: Resource, streak: Streak) -> None:
    """A probe has got the same answer as often as its threshold asks for."""
    others = _but(container_status.of(pod, run.at), streak.kind)
    if streak.kind == "readiness":
        kept = {} if streak.told else {"streaks": others}
        reports.update(world, pod, run.at, ready=not streak.told, **kept)
        busy(world, run)
    elif streak.told:
        _kill(world, pod, run, streak)
    elif streak.kind == "startup":
        world.schedule(0, "probe.started", run, streak.since_us)
    else:
        reports.update(world, pod, run.at, streaks=others)


handler("probe.settled")(_while_it_lasts(_settle))


def _kill(world: World, pod: Resource, run: Run, streak: Streak) -> None:
    repeats.close(world, pod, run.at, streak)
    held = replace(streak, held=True)
    reports.update(world, pod, run.at, streaks=(*_but(container_status.of(pod, run.at), streak.kind), held))
    end(world, pod, run, streak.kind)


def end(world: World, pod: Resource, run: Run, kind: Kind) -> None:
    """Kill a container for a probe, in the grace period of that probe if it has one of its own."""
    container = container_status.all_of(pod.spec)[run.at]
    grace_s = probe_of(container, kind).termination_grace_period_seconds
    kill(world, pod, run, f"Container {container.name} failed {kind} probe, will be restarted", grace_s)


def note(world: World, pod: Resource, at: int, kind: Kind, told: str) -> None:
    """Note that a probe fails from now on whatever happens."""
    one = container_status.of(pod, at)
    reports.update(world, pod, at, streaks=(*_but(one, kind), Streak(kind, world.now_us, told)))


def _of(one: ContainerStatus, kind: Kind) -> Streak | None:
    return next((streak for streak in one.streaks if streak.kind == kind), None)


def _but(one: ContainerStatus, kind: Kind) -> tuple[Streak, ...]:
    return tuple(streak for streak in one.streaks if streak.kind != kind)
