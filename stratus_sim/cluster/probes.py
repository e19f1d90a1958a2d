"""Readiness and liveness probes, as far as their outcome can change.

A probe's answer depends on what the process listens on, which is fixed while it runs: one timer per start is enough.
Defaults and meaning: kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratus_sim.cluster import pods
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.specs import probed_port
from stratus_sim.kernel import SECOND_US, handler
from stratus_sim.manifests.shapes import Container, Probe

if TYPE_CHECKING:
    from stratus_sim.world import World


def begin(world: World, pod: Resource) -> None:
    """Set the timers for a pod whose containers have just started."""
    arguments = (pod.key, pod.uid, pod.status.restarts)
    probed = [(c, c.readiness_probe) for c in pod.spec.containers if c.readiness_probe]
    outcome = "probe.ready" if all(_answers(world, pod, c, probe) for c, probe in probed) else "probe.unready"
    delays = [_first_us(world, pod, probe) for _, probe in probed]
    world.schedule(max(delays, default=0), outcome, *arguments)
    for c in pod.spec.containers:
        if c.liveness_probe and not _answers(world, pod, c, c.liveness_probe):
            world.schedule(_fatal_us(c.liveness_probe), "probe.dead", *arguments, c.name)


def _answers(world: World, pod: Resource, container: Container, probe: Probe) -> bool:
    asked = probed_port(probe)
    if asked is None:
        return True
    port = port_number(container, asked)
    return port is not None and world.processes.listens(pods.root_owner(world, pod), pod, port)


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


def _fatal_us(probe: Probe) -> int:
    period = probe.period_seconds or 10
    return ((probe.initial_delay_seconds or 0) + period * (probe.failure_threshold or 3)) * SECOND_US


def _running(world: World, key: ObjectKey, uid: int, restarts: int) -> Resource | None:
    pod = world.store.get(key)
    same = pod is not None and pod.uid == uid and pod.status.restarts == restarts and not pod.deleting
    return pod if same and pod is not None and pod.status.phase == "Running" and not pod.status.reason else None


@handler("probe.ready")
def ready(world: World, key: ObjectKey, uid: int, restarts: int) -> None:
    pod = _running(world, key, uid, restarts)
    if pod is not None and world.node_alive(pod.status.node):
        pods.update(world, pod, ready=True)


@handler("probe.unready")
def unready(world: World, key: ObjectKey, uid: int, restarts: int) -> None:
    if _running(world, key, uid, restarts) is not None:
        emit(world, key, "Unhealthy", "Readiness probe failed: connection refused", warning=True)


@handler("probe.dead")
def dead(world: World, key: ObjectKey, uid: int, restarts: int, container: str) -> None:
    pod = _running(world, key, uid, restarts)
    if pod is not None:
        emit(world, key, "Killing", f"Container {container} failed liveness probe, will be restarted")
        world.schedule(0, "kubelet.exited", key, uid, "Error")
