"""What the network does not let through: partitions that chaos makes, and network policies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from stratus_sim.application.chaos import partitions
from stratus_sim.cluster.network_policy import Peer, Port, allowed, namespace_labels, policies, resolves
from stratus_sim.cluster.objects import Resource

if TYPE_CHECKING:
    from stratus_sim.world import World


class Barriers:
    """The barriers of an epoch; there may be none."""

    def __init__(self, world: World) -> None:
        self._world, self._partitions, self._policies = world, partitions(world), policies(world)

    def __bool__(self) -> bool:
        return bool(self._partitions or self._policies)

    def peer(self, namespace: str, labels: Mapping[str, str], ip: str = "") -> Peer:
        """A pod as barriers tell it from others."""
        return Peer(namespace, labels, namespace_labels(self._world, namespace) if self._policies else {}, ip)

    def mute(self, caller: Peer) -> bool:
        """Whether a caller cannot even look a name up."""
        return bool(self._policies) and not resolves(self._policies, caller)

    def stop(self, caller: Peer, pod: Resource, port: int) -> bool:
        """Whether nothing a caller sends gets to a pod's port."""
        return self._cut(caller, pod) or not self._let_through(caller, pod, port)

    def _cut(self, caller: Peer, pod: Resource) -> bool:
        sources = [p.target for p in self._partitions if p.source.has(caller.namespace, caller.labels)]
        return any(target.has(pod.key.namespace, pod.labels) for target in sources)

    def _let_through(self, caller: Peer, pod: Resource, port: int) -> bool:
        if not self._policies:
            return True
        listed = [p for c in pod.spec.containers for p in c.ports or () if p.container_port == port]
        named = Port(port, tuple(p.name for p in listed if p.name))
        return allowed(self._policies, caller, self.peer(pod.key.namespace, pod.labels, pod.status.ip), named)
