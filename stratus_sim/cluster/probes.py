"""Startup, readiness and liveness probes, as far as their outcome can change.

A probe's answer depends on what the process listens on and on the command it runs, which are fixed while the container
runs: one timer a start and outcome is enough. Until every startup probe has succeeded nobody asks the others. Defaults
and meaning: kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratus_sim.cluster import lifecycle, pods
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.specs import probed_port
from stratus_sim.kernel import SECOND_US, handler
from stratus_sim.manifests.pod_shapes import Container, Probe

if TYPE_CHECKING:
    from stratus_sim.world import World


def begin(world: World, pod: Resource) -> None:
    """Set the timers for a pod whose containers have just started."""
    gates = [c for c in pod.spec.containers if c.startup_probe]
    if not gates:
        _watch(world, pod)
        return
    found = [(c, *startup(world, pod, c)) for c in gates]
    failing = [(delay_us, c, failure) for c, delay_us, failure in found if failure]
    for delay_us, c, failure in failing:
        world.schedule(delay_us, "probe.dead", *_run_of(pod), c.name, "startup", failure)
    if not failing:
        world.schedule(max(delay_us for _, delay_us, _ in found), "probe.started", *_run_of(pod))


def startup(world: World, pod: Resource, container: Container) -> tuple[int, str]:
    """When the startup probe of a container has its answer, in microseconds from its start, and why it fails or ""."""
    probe = container.startup_probe
    if probe is None:
        return 0, ""
    failure = _failure(world, pod, container, probe)
    return (_fatal_us(probe) if failure else _first_us(world, pod, probe)), failure


def _watch(world: World, pod: Resource) -> None:
    watched = _watched(pod)
    probed = [(c, c.readiness_probe) for c in watched if c.readiness_probe]
    failures = [failure for c, probe in probed if (failure := _failure(world, pod, c, probe))]
    delays = [_first_us(world, pod, probe) + _again_us(probe) for _, probe in probed]
    if failures:
        world.schedule(max(delays, default=0), "probe.unready", *_run_of(pod), failures[0])
    else:
        world.schedule(max(delays, default=0), "probe.ready", *_run_of(pod))
    for c in watched:
        if c.liveness_probe and (failure := _failure(world, pod, c, c.liveness_probe)):
            world.schedule(_fatal_us(c.liveness_probe), "probe.dead", *_run_of(pod), c.name, "liveness", failure)


def _watched(pod: Resource) -> list[Container]:
    """The containers that stay: those of the pod and its sidecars."""
    containers: list[Container] = pod.spec.containers
    if not pod.spec.init_containers:
        return containers
    return [*(c for c in pod.spec.init_containers if c.restart_policy == "Always"), *containers]


def _run_of(pod: Resource) -> tuple[ObjectKey, int, int]:
    return pod.key, pod.uid, pod.status.restarts


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


def port_number(container: Container, port: int | str) -> int | None:
    """The number of a port given by number or by name."""
    if isinstance(port, int) or port.isdigit():
        return int(port)
    return next((p.container_port for p in container.ports or () if p.name == port), None)


def _first_us(world: World, pod: Resource, probe: Probe) -> int:
    """Delay of the first probe: kubelet spreads it over one period."""
    period_us = (probe.period_seconds or 10) * SECOND_US
    delay_us = (probe.initial_delay_seconds or 0) * SECOND_US
    return delay_us + world.draw(str(pod.key), "probe", 0, min(period_us, SECOND_US))


def _again_us(probe: Probe) -> int:
    """How much longer it takes to have succeeded `successThreshold` times in a row."""
    return ((probe.success_threshold or 1) - 1) * (probe.period_seconds or 10) * SECOND_US


def _fatal_us(probe: Probe) -> int:
    period = probe.period_seconds or 10
    return ((probe.initial_delay_seconds or 0) + period * (probe.failure_threshold or 3)) * SECOND_US


def _running(world: World, key: ObjectKey, uid: int, restarts: int) -> Resource | None:
    pod = world.store.get(key)
    same = pod is not None and pod.uid == uid and pod.status.restarts == restarts and not pod.deleting
    return pod if same and pod is not None and pod.status.phase == "Running" and not pod.status.reason else None


@handler("probe.started")
def started(world: World, key: ObjectKey, uid: int, restarts: int) -> None:
    """Every startup probe has succeeded: the others begin."""
    pod = _running(world, key, uid, restarts)
    if pod is not None and world.node_alive(pod.status.node):
        _watch(world, pod)


@handler("probe.ready")
def ready(world: World, key: ObjectKey, uid: int, restarts: int) -> None:
    pod = _running(world, key, uid, restarts)
    if pod is not None and world.node_alive(pod.status.node):
        pods.update(world, pod, ready=True)


@handler("probe.unready")
def unready(world: World, key: ObjectKey, uid: int, restarts: int, failure: str) -> None:
    if _running(world, key, uid, restarts) is not None:
        emit(world, key, "Unhealthy", f"Readiness probe failed: {failure}", warning=True)


@handler("probe.dead")
def dead(world: World, key: ObjectKey, uid: int, restarts: int, container: str, kind: str, failure: str) -> None:
    """A liveness or startup probe has failed too often: the container is killed, after its preStop hook."""
    pod = _running(world, key, uid, restarts)
    if pod is not None:
        emit(world, key, "Unhealthy", f"{kind.capitalize()} probe failed: {failure}", warning=True)
        emit(world, key, "Killing", f"Container {container} failed {kind} probe, will be restarted")
        hook = lifecycle.run(world, pod, "pre_stop") if lifecycle.hooked(pod, "pre_stop") else None
        world.schedule((hook.after_us or 0) if hook else 0, "kubelet.exited", key, uid, "Error")
