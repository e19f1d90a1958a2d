"""Volume topology: where a pod's claims can be mounted, and which volumes they get there.

Follows kubernetes.io/docs/concepts/storage/storage-classes ("Volume binding mode") and
kubernetes.io/docs/concepts/storage/persistent-volumes ("Access Modes").
"""

from __future__ import annotations

from stratus_sim.cluster import volumes_binder
from stratus_sim.cluster import volumes_matching as matching
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.scheduling.attempt import Attempt, Refusal
from stratus_sim.cluster.volumes_protection import mounted

_ELSEWHERE = Refusal(("node(s) didn't match PersistentVolume's node affinity",), final=True)
_NO_ZONE = Refusal(("node(s) had no available volume zone",), final=True)
_NO_VOLUME = Refusal(("node(s) didn't find available persistent volumes to bind",), final=True)
_IN_USE = Refusal(
    ("node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode",),
)

Plan = list[tuple[Resource, Resource | None]]
"""Unbound claims, each with the volume it gets; None for one that has to be made."""


def hopeless(attempt: Attempt) -> str:
    """Why no node whatever would do, for want of a claim or of a volume behind it; or ""."""
    for name in mounted(attempt.pod.spec):
        claim = _get(attempt, name)
        if claim is None:
            return f'persistentvolumeclaim "{name}" not found'
        if claim.deleting:
            return f'persistentvolumeclaim "{name}" is being deleted'
        status = claim.status
        if status is not None and status.phase == "Lost":
            return f'persistentvolumeclaim "{name}" bound to non-existent persistentvolume "{status.volume}"'
        if not _bound(claim) and not matching.delayed(attempt.world, claim):
            return "pod has unbound immediate PersistentVolumeClaims"
    return ""


def refuse(attempt: Attempt, node: Resource) -> Refusal | None:
    mounted = attempt.prepared(_mounted)
    if attempt.prepared(_in_use):
        return _IN_USE
    for volume in (_volume(attempt, claim) for claim in mounted if _bound(claim)):
        if volume is not None and not matching.reachable(volume, node):
            return _ELSEWHERE
        if volume is not None and not matching.in_zone(volume, node):
            return _NO_ZONE
    return _NO_VOLUME if plan(attempt, node) is None else None


def plan(attempt: Attempt, node: Resource) -> Plan | None:
    """What the unbound claims of a pod get on a node; None where one of them gets nothing."""
    found: Plan = []
    for claim in attempt.prepared(_mounted):
        if _bound(claim):
            continue
        taken = [volume.key for _, volume in found if volume is not None]
        volume = matching.best(attempt.world, claim, node, taken)
        if volume is None and matching.maker(attempt.world, claim) is None:
            return None
        found.append((claim, volume))
    return found


def bind(attempt: Attempt, node: Resource) -> None:
    """Carry out the plan for the node that was chosen."""
    for claim, volume in plan(attempt, node) or ():
        if volume is None:
            volumes_binder.provision(attempt.world, claim, node)
        else:
            volumes_binder.bind(attempt.world, claim, volume)


def _mounted(attempt: Attempt) -> list[Resource]:
    found = (_get(attempt, name) for name in dict.fromkeys(mounted(attempt.pod.spec)))
    return [claim for claim in found if claim is not None]


def _in_use(attempt: Attempt) -> bool:
    """Whether another pod on a node has a claim that only one pod may have."""
    exclusive = {c.key.name for c in attempt.prepared(_mounted) if "ReadWriteOncePod" in (c.spec.access_modes or ())}
    if not exclusive:
        return False
    there = attempt.world.store.list("Pod", attempt.pod.key.namespace)
    return any(pod.status.node and attempt.counts(pod) and exclusive & set(mounted(pod.spec)) for pod in there)


def _get(attempt: Attempt, name: str) -> Resource | None:
    return attempt.world.store.get(ObjectKey(matching.CLAIM, attempt.pod.key.namespace, name))


def _volume(attempt: Attempt, claim: Resource) -> Resource | None:
    return attempt.world.store.get(ObjectKey(matching.VOLUME, "", claim.status.volume))


def _bound(claim: Resource) -> bool:
    return claim.status is not None and claim.status.phase == "Bound"
