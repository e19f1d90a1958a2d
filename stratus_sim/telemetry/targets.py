"""What Prometheus scrapes: every pod behind a Service that has an address, ready or not.

Source: prometheus.io/docs/prometheus/latest/configuration/configuration ("kubernetes_sd_config", role `endpoints`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stratus_sim.cluster import container_status
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.pods import ended

if TYPE_CHECKING:
    from stratus_sim.world import World


def targets(world: World) -> Iterator[tuple[ObjectKey, Resource]]:
    """Each Service and pod that make a target, in order of pod and Service."""
    for pod in filter(is_target, world.store.list("Pod")):
        for service in sorted(world.store.selecting(pod)):
            yield service, pod


def is_target(pod: Resource) -> bool:
    """Whether a pod has an address to scrape it at."""
    return bool(pod.status.ip) and not ended(pod)


def down_since(world: World, pod: Resource) -> int | None:
    """Since when (microseconds) a target has not answered; None for one that does. What runs answers, ready or not."""
    node, first = world.store.get(ObjectKey("Node", "", pod.status.node)), container_status.inits(pod.spec)
    if node is not None and not node.status.heartbeat:
        return int(node.status.silent_us)
    one = container_status.of(pod, first)
    return None if one.state == "running" else one.ended_us or int(pod.status.since_us)
