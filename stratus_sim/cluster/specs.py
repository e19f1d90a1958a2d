"""What the control plane reads off manifests, and the quantities in them.

The fields themselves are typed once, in `stratus_sim.manifests.shapes`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Any, TypeVar

from stratus_sim.cluster.reading import once
from stratus_sim.manifests import quantity
from stratus_sim.manifests.kinds import qualified
from stratus_sim.manifests.pod_shapes import Container, PodSpec, Probe
from stratus_sim.manifests.policy_shapes import POLICY_SHAPES
from stratus_sim.manifests.shapes import read_shape

_N = TypeVar("_N", int, Fraction)
_ACTED_ON = frozenset(
    {
        "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob", "HorizontalPodAutoscaler",
        "PersistentVolume", "PersistentVolumeClaim", "PodDisruptionBudget", "PriorityClass", "StorageClass", "Pod",
        "Service", "Node", "Ingress",
    }
) | POLICY_SHAPES.keys()  # fmt: skip

_millicores = lru_cache(maxsize=4096)(quantity.millicores)
_mib = lru_cache(maxsize=4096)(quantity.mib)


def read_spec(manifest: Mapping[str, Any]) -> Any:
    """The typed spec of a manifest, or None for a kind nothing here acts on.

    Raises:
        UserError: a field has the wrong type or is missing; the message names object and field.
    """
    if qualified(str(manifest.get("apiVersion")), str(manifest.get("kind"))) not in _ACTED_ON:
        return None
    return read_shape(manifest, "the API server").spec


@once
def requested_millicores(pod: PodSpec) -> int:
    """CPU a pod has to be given, in millicores."""
    return _effective(pod, "cpu", _millicores)


@once
def requested_mib(pod: PodSpec) -> int:
    """Memory a pod has to be given, in MiB."""
    return _effective(pod, "memory", _mib)


@once
def weighed(pod: PodSpec) -> tuple[int, int]:
    """CPU in millicores and memory in MiB a pod counts as when nodes are compared: nobody is taken to need nothing.

    Source: pkg.go.dev/k8s.io/kubernetes/pkg/scheduler/util (DefaultMilliCPURequest, DefaultMemoryRequest).
    """
    return _effective(pod, "cpu", _millicores, "100m"), _effective(pod, "memory", _mib, "200Mi")


def _effective(pod: PodSpec, what: str, read: Callable[[str | int | float], _N], default: str | int = 0) -> _N:
    """What the containers request together, or an init container at its turn where that is more, and the overhead.

    Source: kubernetes.io/docs/concepts/workloads/pods/sidecar-containers ("Resource sharing within containers"),
    .../scheduling-eviction/pod-overhead. A container that states nothing requests `default`.
    """
    nothing = read(0)
    together = sum((read(_requested(container, what, default)) for container in pod.containers), nothing)
    most = sidecars = nothing
    for container in pod.init_containers or ():
        own = read(_requested(container, what, default))
        most = max(most, sidecars + own)
        sidecars += own if container.restart_policy == "Always" else nothing
    return max(most, together + sidecars) + read((pod.overhead or {}).get(what, 0))


@once
def usable_millicores(pod: PodSpec) -> int:
    """The CPU a pod may use: its limits, else its requests; a core where it states neither."""
    return sum(_millicores(_limits(c).get("cpu", _requested(c, "cpu"))) for c in pod.containers) or 1000


def limit_mib(container: Container) -> int | None:
    """The memory limit of a container in MiB, None when it has none."""
    limits = _limits(container)
    return _mib(limits["memory"]) if "memory" in limits else None


def best_effort(pod: PodSpec) -> bool:
    """Whether a pod is of the QoS class BestEffort: no container requests or limits CPU or memory."""
    amounts = [{*((c.resources and c.resources.requests) or ()), *_limits(c)} for c in _all(pod)]
    return not any({"cpu", "memory"} & stated for stated in amounts)


def guaranteed(pod: PodSpec) -> bool:
    """Whether a pod is of the QoS class Guaranteed: every container has limits and requests no less."""
    resources = [c.resources for c in _all(pod)]
    limited = all(r is not None and {"cpu", "memory"} <= {*(r.limits or ())} for r in resources)
    return limited and all(
        container_request(c, what) == read(_limits(c)[what])
        for c in _all(pod)
        for what, read in (("cpu", _millicores), ("memory", _mib))
    )


def _all(pod: PodSpec) -> list[Container]:
    return [*pod.containers, *(pod.init_containers or ())]


@once
def limit_millicores(pod: PodSpec, name: str) -> int | None:
    """The CPU limit of a pod's container of this name in millicores, None when it has none."""
    found = next((container for container in pod.containers if container.name == name), None)
    return None if found is None else container_limit_millicores(found)


def container_limit_millicores(container: Container) -> int | None:
    """The CPU limit of a container in millicores, None when it has none."""
    limits = _limits(container)
    return _millicores(limits["cpu"]) if "cpu" in limits else None


def container_request(container: Container, resource: str) -> int | None:
    """What a container requests of `cpu` (millicores) or `memory` (MiB); None without request and limit."""
    requests = (container.resources and container.resources.requests) or {}
    amount = requests.get(resource, _limits(container).get(resource))
    return None if amount is None else _millicores(amount) if resource == "cpu" else _mib(amount)


def probed_port(probe: Probe) -> int | str | None:
    """The port a probe asks; None for an exec probe, which always succeeds here."""
    action = probe.http_get or probe.tcp_socket or probe.grpc
    return action.port if action else None


def port_number(container: Container, port: int | str) -> int | None:
    """The number of a port given by number or by name."""
    if isinstance(port, int) or port.isdigit():
        return int(port)
    return next((p.container_port for p in container.ports or () if p.name == port), None)


def _limits(container: Container) -> Mapping[str, str | int | float]:
    return (container.resources and container.resources.limits) or {}


def _requested(container: Container, what: str, default: str | int = 0) -> str | int | float:
    """The request, which defaults to the limit."""
    requests = (container.resources and container.resources.requests) or {}
    return requests.get(what, _limits(container).get(what, default))


@once
def extended(pod: PodSpec) -> dict[str, Fraction]:
    """What a pod requests beside CPU and memory, by name, in base units; a limit stands for a missing request."""
    asked = [c.resources for c in _all(pod) if c.resources is not None]
    named = [
        *(pod.overhead or ()),
        *(name for one in asked for side in (one.limits, one.requests) for name in side or ()),
    ]
    return {name: _effective(pod, name, quantity.amount) for name in dict.fromkeys(named) if name not in _NATIVE}


_NATIVE = frozenset({"cpu", "memory"})
