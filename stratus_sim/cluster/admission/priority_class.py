"""Priority admission: a pod carries the value of its class, and one whose class nobody defined is refused.

Follows kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption. Where a cluster has no classes at all
they are taken to be missing from the manifests, not from the cluster.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratus_sim.cluster import priority
from stratus_sim.cluster.admission.registry import Write, forbidden, mutates
from stratus_sim.cluster.objects import Manifest

if TYPE_CHECKING:
    from stratus_sim.world import World


@mutates("Priority", reads="PriorityClass")
def admit(world: World, write: Write) -> Manifest:
    """Write priority and policy of its class into a new pod. Raises Denied."""
    manifest = write.manifest or {}
    if write.key.kind != "Pod" or write.old is not None:
        return manifest
    name = manifest["spec"].get("priorityClassName") or ""
    found = priority.admitted(world, name)
    if name and not found:
        raise forbidden(write.key, f"no PriorityClass with name {name} was found")
    changed = {field: value for field, value in found.items() if manifest["spec"].get(field) != value}
    return {**manifest, "spec": {**manifest["spec"], **changed}} if changed else manifest
