"""What the control plane reads off manifests, and the quantities in them.

The fields themselves are typed once, in `stratus_sim.manifests.shapes`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from stratus_sim.manifests import quantity
from stratus_sim.manifests.kinds import qualified
from stratus_sim.manifests.shapes import Container, PodSpec, Probe, read_shape

_ACTED_ON = frozenset({"Deployment", "ReplicaSet", "StatefulSet", "Pod", "Service", "Node"})

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


def requested_millicores(pod: PodSpec) -> int:
    """CPU requested by all containers, in millicores."""
    return sum(_millicores(_requested(container, "cpu")) for container in pod.containers)


def requested_mib(pod: PodSpec) -> int:
    """Memory requested by all containers, in MiB."""
    return sum(_mib(_requested(container, "memory")) for container in pod.containers)


def usable_millicores(pod: PodSpec) -> int:
    """The CPU a pod may use: its limits, else its requests; a core where it states neither."""
    return sum(_millicores(_limits(c).get("cpu", _requested(c, "cpu"))) for c in pod.containers) or 1000


def limit_mib(container: Container) -> int | None:
    """The memory limit of a container in MiB, None when it has none."""
    limits = _limits(container)
    return _mib(limits["memory"]) if "memory" in limits else None


def probed_port(probe: Probe) -> int | str | None:
    """The port a probe asks; None for an exec probe, which always succeeds here."""
    action = probe.http_get or probe.tcp_socket or probe.grpc
    return action.port if action else None


def _limits(container: Container) -> Mapping[str, str | int | float]:
    return (container.resources and container.resources.limits) or {}


def _requested(container: Container, what: str) -> str | int | float:
    """The request, which defaults to the limit."""
    requests = (container.resources and container.resources.requests) or {}
    return requests.get(what, _limits(container).get(what, 0))
