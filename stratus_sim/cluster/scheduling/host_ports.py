"""Host ports: two pods on one node cannot have the same one.

Follows kubernetes.io/docs/concepts/configuration/overview ("hostPort"): a port is taken for its protocol and address,
and 0.0.0.0 stands for every address.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from stratus_sim.cluster.objects import Resource
from stratus_sim.cluster.scheduling.attempt import Attempt, Refusal
from stratus_sim.manifests.pod_shapes import PodSpec

_REFUSED = Refusal(("node(s) didn't have free ports for the requested pod ports",))
_ANY = "0.0.0.0"
HostPort = tuple[str, str, int]
"""Address, protocol, port."""


def refuse(attempt: Attempt, node: Resource) -> Refusal | None:
    taken = (port for pod in attempt.pods_on(node.key.name) for port in wanted(pod.spec))
    clash = any(_clash(mine, theirs) for mine, theirs in product(list(wanted(attempt.pod.spec)), taken))
    return _REFUSED if clash else None


def wanted(pod: PodSpec) -> Iterator[HostPort]:
    """The host ports of a pod and its sidecars; on the host's network every container port is one."""
    sidecars = [c for c in pod.init_containers or () if c.restart_policy == "Always"]
    for container in (*pod.containers, *sidecars):
        for port in container.ports or ():
            number = port.host_port or (port.container_port if pod.host_network else 0)
            if number:
                yield port.host_ip or _ANY, port.protocol or "TCP", number


def _clash(mine: HostPort, theirs: HostPort) -> bool:
    return mine[1:] == theirs[1:] and (mine[0] == theirs[0] or _ANY in (mine[0], theirs[0]))
