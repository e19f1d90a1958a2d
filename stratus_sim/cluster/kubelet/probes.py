"""Startup, readiness and liveness probes, as far as their outcome can change.

Nobody is asked in rounds: one timer a start and outcome is enough, and one or two for each answer that turns while the
container runs (`streaks`). Until every startup probe has succeeded nobody asks the others. Defaults and meaning:
kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratus_sim.cluster import container_status
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.kubelet import reports, streaks
from stratus_sim.cluster.kubelet.asking import Failure, lasting
from stratus_sim.cluster.kubelet.duty import Run, running
from stratus_sim.cluster.kubelet.streaks import Kind, patience, probe_of
from stratus_sim.cluster.objects import Resource
from stratus_sim.kernel import SECOND_US, handler
from stratus_sim.manifests.pod_shapes import Container, Probe

if TYPE_CHECKING:
    from stratus_sim.world import World


def begin(world: World, pod: Resource, run: Run) -> None:
    """Set the timers for a container that has just started."""
    container = container_status.all_of(pod.spec)[run.at]
    if container.startup_probe is None:
        _watch(world, pod, container, run)
        return
    delay_us, failure = startup(world, pod, container)
    if failure is None:
        world.schedule(delay_us, "probe.started", run, 0)
        streaks.watch(world, pod, run, "startup")
    else:
        _doom(world, pod, run, "startup", container.startup_probe, failure)


def startup(world: World, pod: Resource, container: Container) -> tuple[int, Failure | None]:
    """When the startup probe of a container first succeeds, in microseconds from its start, or why it never does."""
    probe = container.startup_probe
    if probe is None:
        return 0, None
    failure = lasting(world, pod, container, probe)
    return (_first_us(world, pod, probe) if failure is None else 0), failure


def _watch(world: World, pod: Resource, container: Container, run: Run) -> None:
    readiness, liveness = container.readiness_probe, container.liveness_probe
    if readiness is None:
        world.schedule(0, "probe.ready", run)
    else:
        failure, first_us = lasting(world, pod, container, readiness), _first_us(world, pod, readiness)
        if failure is not None:
            world.schedule(first_us, "probe.failing", run, "readiness", failure.told("readiness"))
        else:
            world.schedule(first_us + _again_us(readiness), "probe.ready", run)
            streaks.watch(world, pod, run, "readiness")
    if liveness is not None:
        failure = lasting(world, pod, container, liveness)
        if failure is not None:
            _doom(world, pod, run, "liveness", liveness, failure)
        else:
            streaks.watch(world, pod, run, "liveness")


def _doom(world: World, pod: Resource, run: Run, kind: Kind, probe: Probe, failure: Failure) -> None:
    """Set the timer for what a probe that always fails leads to."""
    if failure.heard:
        world.schedule(_fatal_us(probe), "probe.dead", run, kind, failure.told(kind))
    else:
        world.schedule(_first_us(world, pod, probe), "probe.failing", run, kind, failure.told(kind))


def _first_us(world: World, pod: Resource, probe: Probe) -> int:
    """Delay of the first probe: kubelet spreads it over one period."""
    period_us = (probe.period_seconds or 10) * SECOND_US
    delay_us = (probe.initial_delay_seconds or 0) * SECOND_US
    return delay_us + world.draw(str(pod.key), "probe", 0, min(period_us, SECOND_US))


def _again_us(probe: Probe) -> int:
    """How much longer it takes to have succeeded `successThreshold` times in a row."""
    return ((probe.success_threshold or 1) - 1) * (probe.period_seconds or 10) * SECOND_US


def _fatal_us(probe: Probe) -> int:
    times, period_us = patience(probe)
    return (probe.initial_delay_seconds or 0) * SECOND_US + times * period_us


@handler("probe.started")
def started(world: World, run: Run, since_us: int) -> None:
    """The startup probe has succeeded, as it always would have, or since then: the others begin."""
    pod = running(world, run)
    if pod is not None and streaks.since_us(pod, run.at, "startup") == since_us:
        _watch(world, pod, container_status.all_of(pod.spec)[run.at], run)


@handler("probe.ready")
def ready(world: World, run: Run) -> None:
    """Nothing has kept the container from being ready since it was first asked."""
    pod = running(world, run)
    if pod is not None and not streaks.since_us(pod, run.at, "readiness"):
        reports.update(world, pod, run.at, ready=True)
        streaks.busy(world, run)


@handler("probe.failing")
def failing(world: World, run: Run, kind: Kind, told: str) -> None:
    """A probe has failed for the first time that always will, without any consequence."""
    pod = running(world, run)
    if pod is not None:
        emit(world, run.key, "Unhealthy", told, warning=True)
        streaks.note(world, pod, run.at, kind, told)


@handler("probe.dead")
def dead(world: World, run: Run, kind: Kind, told: str) -> None:
    """A liveness or startup probe has failed as often as it may: the container is killed."""
    pod = running(world, run)
    if pod is None:
        return
    container = container_status.all_of(pod.spec)[run.at]
    times, period_us = patience(probe_of(container, kind))
    since_us = world.now_us - (times - 1) * period_us
    emit(world, run.key, "Unhealthy", told, warning=True, times=times, since_us=since_us)
    streaks.end(world, pod, run, kind)
