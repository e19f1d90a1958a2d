"""Claims of a StatefulSet: one PersistentVolumeClaim a pod and claim template, which outlives the pod.

Follows kubernetes.io/docs/concepts/workloads/controllers/statefulset ("Stable Storage", "PersistentVolumeClaim
retention"). A claim belongs to its set as long as both are there; what the policy retains stays when the set goes, and
a new set of the same name finds it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stratus_sim.cluster.events import emit
from stratus_sim.cluster.objects import Manifest, ObjectKey, Resource

if TYPE_CHECKING:
    from stratus_sim.world import World

_KIND = "PersistentVolumeClaim"


def ensure(world: World, stateful: Resource, pod: str) -> None:
    """Make the claims of a pod that are not there yet."""
    for template in _templates(stateful):
        key = _key(stateful, template, pod)
        if world.store.get(key) is None:
            world.store.create(_manifest(stateful, template, key), owner=stateful.key)
            message = f"create Claim {key.name} Pod {pod} in StatefulSet {stateful.key.name} success"
            emit(world, stateful.key, "SuccessfulCreate", message)


def volumes(stateful: Resource, pod: str, spec: Manifest) -> dict[str, Any]:
    """The field of a pod's spec that mounts its claims; a volume of the template with a claim's name gives way."""
    templates = _templates(stateful)
    if not templates:
        return {}
    own = {template["metadata"]["name"]: _key(stateful, template, pod).name for template in templates}
    mounted = [{"name": name, "persistentVolumeClaim": {"claimName": claim}} for name, claim in own.items()]
    return {"volumes": [*(v for v in spec.get("volumes") or () if v["name"] not in own), *mounted]}


def release(world: World, stateful: Resource, pod: str) -> None:
    """Remove the claims of a pod that was scaled away, if `whenScaled` says so."""
    policy = stateful.spec.persistent_volume_claim_retention_policy
    if policy is None or policy.when_scaled != "Delete":
        return
    for template in _templates(stateful):
        world.store.remove(_key(stateful, template, pod))


def survives(owner: Resource, child: ObjectKey) -> bool:
    """Whether an object stays though its owner is gone: a claim that `whenDeleted` retains, which is the default."""
    if child.kind != _KIND or owner.key.kind != "StatefulSet":
        return False
    policy = owner.spec.persistent_volume_claim_retention_policy
    return policy is None or policy.when_deleted != "Delete"


def _templates(stateful: Resource) -> list[Manifest]:
    return stateful.manifest["spec"].get("volumeClaimTemplates") or []


def _key(stateful: Resource, template: Manifest, pod: str) -> ObjectKey:
    return ObjectKey(_KIND, stateful.key.namespace, f"{template['metadata']['name']}-{pod}")


def _manifest(stateful: Resource, template: Manifest, key: ObjectKey) -> Manifest:
    selected = (stateful.manifest["spec"].get("selector") or {}).get("matchLabels") or {}
    labels = {**(template["metadata"].get("labels") or {}), **selected}
    metadata = {**template["metadata"], "name": key.name, "namespace": key.namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": _KIND, "metadata": metadata, "spec": template.get("spec") or {}}
