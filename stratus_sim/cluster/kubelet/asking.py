"""What a kubelet hears of a process when it asks how it is, and how it tells that in Events.

Follows kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes and the texts of
kubelet's probers. What a process listens on and what a command does is fixed while the container runs; how it answers
over HTTP and gRPC is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stratus_sim.cluster import lifecycle, pods
from stratus_sim.cluster.objects import Resource
from stratus_sim.cluster.specs import port_number, probed_port
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.pod_shapes import Container, Probe

if TYPE_CHECKING:
    from stratus_sim.world import World

TEXT = "{kind} probe failed: {failure}"
_UNKNOWN = "{kind} probe errored and resulted in unknown state: {failure}"
_LATE = "context deadline exceeded"


class Failure(NamedTuple):
    """Why a probe fails, and the sentence it is told in; one that is not `heard` decides nothing."""

    failure: str
    text: str = TEXT
    heard: bool = True

    def told(self, kind: str) -> str:
        """What the Event says of a probe of a kind (readiness, liveness, startup)."""
        return self.text.format(kind=kind.capitalize(), failure=self.failure)


def lasting(world: World, pod: Resource, container: Container, probe: Probe) -> Failure | None:
    """Why a probe fails as long as the container runs; None where it succeeds unless the process is in trouble."""
    if probe.exec is not None:
        return _exec_failure(world, container, probe, probe.exec.command or [])
    asked = probed_port(probe)
    if asked is None:
        return None
    port, workload = port_number(container, asked), pods.root_owner(world, pod)
    if port is None:
        return Failure(f'strconv.Atoi: parsing "{asked}": invalid syntax', _UNKNOWN, heard=False)
    if not world.processes.listens(workload, pod, port):
        return Failure(_refused(pod, probe, port))
    if probe.tcp_socket is not None or not _late(probe, world.processes.answer_us(workload, container)):
        return None
    return Failure(_timed_out(pod, probe, port))


def passing(world: World, pod: Resource, container: Container, probe: Probe) -> Failure | None:
    """Why a probe fails now that would succeed if nothing troubled the process."""
    action = probe.http_get or probe.grpc
    if action is None:
        return None
    asked = (action.path or "/") if probe.http_get is not None else (action.service or "")
    answer, port = world.processes.answer(world, pod, container, asked), port_number(container, action.port)
    if _late(probe, answer.after_us):
        return Failure(_timed_out(pod, probe, port or 0))
    if answer.well:
        return None
    refusal = 'service unhealthy (responded with "NOT_SERVING")'
    return Failure(refusal if probe.grpc is not None else "HTTP probe failed with statuscode: 503")


def _late(probe: Probe, after_us: int) -> bool:
    return after_us > (probe.timeout_seconds or 1) * SECOND_US


def _refused(pod: Resource, probe: Probe, port: int) -> str:
    address = f"{pod.status.ip}:{port}"
    if probe.grpc is not None:
        return f'timeout: failed to connect service "{address}" within {probe.timeout_seconds or 1}s: {_LATE}'
    return _told(pod, probe, port, f"dial tcp {address}: connect: connection refused")


def _timed_out(pod: Resource, probe: Probe, port: int) -> str:
    if probe.grpc is not None:
        return f"timeout: health rpc did not complete within {probe.timeout_seconds or 1}s"
    return _told(pod, probe, port, f"{_LATE} (Client.Timeout exceeded while awaiting headers)")


def _told(pod: Resource, probe: Probe, port: int, problem: str) -> str:
    """A problem as the kubelet tells it; of a request by HTTP with its address."""
    if probe.http_get is None:
        return problem
    scheme, path = (probe.http_get.scheme or "HTTP").lower(), probe.http_get.path or "/"
    return f'Get "{scheme}://{pod.status.ip}:{port}{path}": {problem}'


def _exec_failure(world: World, container: Container, probe: Probe, command: list[str]) -> Failure | None:
    """A command that fails is told with what it printed: nothing, as far as anybody knows."""
    end, limit_s = lifecycle.command_exit(world, container, command), probe.timeout_seconds or 1
    if end.after_us is not None and end.after_us > limit_s * SECOND_US:
        return Failure(f'command timed out: "{" ".join(command)}" timed out after {limit_s}s')
    return Failure("") if end.code else None
