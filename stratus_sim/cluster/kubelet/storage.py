"""What pods write to the disk of their node, and the limits on it.

Follows kubernetes.io/docs/concepts/storage/ephemeral-storage: limits of containers, of the pod, and `sizeLimit` of
emptyDir volumes, into which a container that mounts one is taken to write what it writes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratus_sim.cluster.admission.amounts import shown
from stratus_sim.cluster.objects import Resource
from stratus_sim.manifests import quantity
from stratus_sim.manifests.pod_shapes import Container

if TYPE_CHECKING:
    from stratus_sim.world import World

_RESOURCE = "ephemeral-storage"


def used_mib(world: World, pod: Resource) -> int:
    """What the containers of a pod have written together, in MiB."""
    return sum([world.processes.written_mib(container) for container in pod.spec.containers])


def requested_mib(pod: Resource) -> int:
    """What a pod has requested of the node's disk, in MiB."""
    return sum(map(requested_of, pod.spec.containers))


def requested_of(container: Container) -> int:
    """What a container has requested of the node's disk, in MiB."""
    return _amount(container, "requests") or _amount(container, "limits") or 0


def in_words(mib: int) -> str:
    """An amount as the kubelet writes it.

    >>> in_words(0), in_words(300), in_words(2048)
    ('0', '300Mi', '2Gi')
    """
    return shown("memory", mib * 1_048_576_000)


def room_mib(node: Resource) -> int | None:
    """The disk a node has for its pods, in MiB; None where it does not say."""
    declared = node.manifest.get("status") or {}
    found = (declared.get("allocatable") or declared.get("capacity") or {}).get(_RESOURCE)
    return None if found is None else quantity.mib(found)


def excess(world: World, pod: Resource) -> str:
    """What kubelet says of the first limit a pod has outgrown; empty when it keeps to all."""
    for volume, size in _sized(pod):
        writers = [c for c in pod.spec.containers if any(m.name == volume for m in c.volume_mounts or ())]
        if sum(world.processes.written_mib(c) for c in writers) > quantity.mib(size):
            return f'Usage of EmptyDir volume "{volume}" exceeds the limit "{size}". '
    limits = [_amount(c, "limits") for c in pod.spec.containers]
    total = sum(limit for limit in limits if limit is not None)
    if None not in limits and used_mib(world, pod) > total:
        return f"Pod ephemeral local storage usage exceeds the total limit of containers {in_words(total)}. "
    for container, limit in zip(pod.spec.containers, limits, strict=True):
        if limit is not None and world.processes.written_mib(container) > limit:
            return f'Container {container.name} exceeded its local ephemeral storage limit "{in_words(limit)}". '
    return ""


def _sized(pod: Resource) -> list[tuple[str, str]]:
    found = [(str(v["name"]), v.get("emptyDir") or {}) for v in pod.manifest["spec"].get("volumes") or ()]
    return [(name, str(empty["sizeLimit"])) for name, empty in found if empty.get("sizeLimit")]


def _amount(container: Container, side: str) -> int | None:
    found = (getattr(container.resources, side) or {}).get(_RESOURCE) if container.resources else None
    return None if found is None else quantity.mib(found)
