"""Startup, readiness and liveness probes, as far as their outcome can change.

A probe's answer depends on what the process listens on and on the command it runs, which are fixed while the container
runs: one timer a start and outcome is enough. Until every startup probe has succeeded nobody asks the others. Defaults
and meaning: kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from stratus_sim.cluster import container_status, lifecycle, pods
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.kubelet import reports
from stratus_sim.cluster.kubelet.duty import Run, running
from stratus_sim.cluster.kubelet.killing import kill
from stratus_sim.cluster.objects import Resource
from stratus_sim.cluster.specs import port_number, probed_port
from stratus_sim.kernel import SECOND_US, handler
from stratus_sim.manifests.pod_shapes import Container, Probe

if TYPE_CHECKING:
    from stratus_sim.world import World

Kind = Literal["startup", "liveness"]


def begin(world: World, pod: Resource, run: Run) -> None:
    """Set the timers for a container that has just started."""
    container = container_status.all_of(pod.spec)[run.at]
    if container.startup_probe is None:
        _watch(world, pod, container, run)
        return
    delay_us, failure = startup(world, pod, container)
    if failure:
        world.schedule(delay_us, "probe.dead", run, "startup", failure)
    else:
        world.schedule(delay_us, "probe.started", run)


def startup(world: World, pod: Resource, container: Container) -> tuple[int, str]:
    """When the startup probe of a container has its answer, in microseconds from its start, and why it fails or ""."""
    probe = container.startup_probe
    if probe is None:
        return 0, ""
    failure = _failure(world, pod, container, probe)
    return (_fatal_us(probe) if failure else _first_us(world, pod, probe)), failure


def _watch(world: World, pod: Resource, container: Container, run: Run) -> None:
    readiness, liveness = container.readiness_probe, container.liveness_probe
    if readiness is None:
        world.schedule(0, "probe.ready", run)
    else:
        failure, first_us = _failure(world, pod, container, readiness), _first_us(world, pod, readiness)
        if failure:
            world.schedule(first_us, "probe.unready", run, failure)
        else:
            world.schedule(first_us + _again_us(readiness), "probe.ready", run)
    if liveness is not None and (failure := _failure(world, pod, container, liveness)):
        world.schedule(_fatal_us(liveness), "probe.dead", run, "liveness", failure)


def _failure(world: World, pod: Resource, container: Container, probe: Probe) -> str:
    """What the kubelet says of a probe that fails; empty when it succeeds."""
    if probe.exec is not None:
        return _exec_failure(world, container, probe, probe.exec.command or [])
    asked = probed_port(probe)
    if asked is None:
        return ""
    port, workload = port_number(container, asked), pods.root_owner(world, pod)
    shown = asked if port is None else port
    if port is None or not world.processes.listens(workload, pod, port):
        return _told(probe, shown, f"dial tcp :{shown}: connect: connection refused")
    limit_s = probe.timeout_seconds or 1
    if probe.tcp_socket is not None or world.processes.answer_us(workload, container) <= limit_s * SECOND_US:
        return ""
    if probe.grpc is not None:
        return f'timeout: failed to connect service ":{shown}" within {limit_s}s: context deadline exceeded'
    return _told(probe, shown, "context deadline exceeded (Client.Timeout exceeded while awaiting headers)")


def _told(probe: Probe, port: int | str, problem: str) -> str:
    """A problem as the kubelet tells it; of a request by HTTP with its address."""
    if probe.http_get is None:
        return problem
    scheme, path = (probe.http_get.scheme or "HTTP").lower(), probe.http_get.path or "/"
    return f'Get "{scheme}://:{port}{path}": {problem}'


def _exec_failure(world: World, container: Container, probe: Probe, command: list[str]) -> str:
    end, limit_s = lifecycle.command_exit(world, container, command), probe.timeout_seconds or 1
    text = " ".join(command)
    if end.after_us is not None and end.after_us > limit_s * SECOND_US:
        return f'command timed out: "{text}" timed out after {limit_s}s'
    return f"command {text!r} exited with {end.code}" if end.code else ""


def _first_us(world: World, pod: Resource, probe: Probe) -> int:
    """Delay of the first probe: kubelet spreads it over one period."""
    period_us = (probe.period_seconds or 10) * SECOND_US
    delay_us = (probe.initial_delay_seconds or 0) * SECOND_US
    return delay_us + world.draw(str(pod.key), "probe", 0, min(period_us, SECOND_US))


def _again_us(probe: Probe) -> int:
    """How much longer it takes to have succeeded `successThreshold` times in a row."""
    return ((probe.success_threshold or 1) - 1) * (probe.period_seconds or 10) * SECOND_US


def _fatal_us(probe: Probe) -> int:
    times, period_us = _patience(probe)
    return (probe.initial_delay_seconds or 0) * SECOND_US + times * period_us


def _patience(probe: Probe) -> tuple[int, int]:
    """How often in a row a probe may fail before something is done, and how long it waits in between."""
    return probe.failure_threshold or 3, (probe.period_seconds or 10) * SECOND_US


@handler("probe.started")
def started(world: World, run: Run) -> None:
    """The startup probe has succeeded: the others begin."""
    pod = running(world, run)
    if pod is not None:
        _watch(world, pod, container_status.all_of(pod.spec)[run.at], run)


@handler("probe.ready")
def ready(world: World, run: Run) -> None:
    pod = running(world, run)
    if pod is not None:
        reports.update(world, pod, run.at, ready=True)


@handler("probe.unready")
def unready(world: World, run: Run, failure: str) -> None:
    if running(world, run) is not None:
        emit(world, run.key, "Unhealthy", f"Readiness probe failed: {failure}", warning=True)


@handler("probe.dead")
def dead(world: World, run: Run, kind: Kind, failure: str) -> None:
    """A liveness or startup probe has failed as often as it may: the container is killed."""
    pod = running(world, run)
    if pod is None:
        return
    container = container_status.all_of(pod.spec)[run.at]
    probe = container.startup_probe if kind == "startup" else container.liveness_probe
    times, period_us = _patience(probe or Probe())
    since_us = world.now_us - (times - 1) * period_us
    text = f"{kind.capitalize()} probe failed: {failure}"
    emit(world, run.key, "Unhealthy", text, warning=True, times=times, since_us=since_us)
    kill(world, pod, run, f"Container {container.name} failed {kind} probe, will be restarted")
