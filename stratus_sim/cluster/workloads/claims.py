"""Claims of a StatefulSet: one PersistentVolumeClaim a pod and claim template, which outlives the pod.

Follows kubernetes.io/docs/concepts/workloads/controllers/statefulset ("Stable Storage", "PersistentVolumeClaim
retention"). By default nobody owns a claim, so that a new set of the same name finds it. `whenDeleted: Delete` makes it
the set's, `whenScaled: Delete` that of a pod that is being scaled away; the garbage collector does the rest.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import TYPE_CHECKING, Any

from stratus_sim.cluster.admission.refusal import Item, refuse
from stratus_sim.cluster.admission.registry import Denied, admitted
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.objects import Manifest, ObjectKey, Resource

if TYPE_CHECKING:
    from stratus_sim.world import World

_KIND = "PersistentVolumeClaim"


def ensure(world: World, stateful: Resource, pod: str, item: Item) -> bool:
    """Make the claims of a pod that are not there yet; whether the API server let them in.

    `item` is what the set's controller was at: it comes back to it some time after a refusal.
    """
    owner = _owner(stateful, None)
    for template in _templates(stateful):
        key = _key(stateful, template, pod)
        if world.store.get(key) is not None:
            world.store.entrust(key, owner)
            continue
        said = f"Claim {key.name} Pod {pod} in StatefulSet {stateful.key.name}"
        try:
            manifest = admitted(world, _manifest(stateful, template, key))
        except Denied as denied:
            refuse(world, stateful, f"create {said} failed error: ", str(denied), item)
            return False
        world.store.create(manifest, owner=owner, made=True)
        emit(world, stateful.key, "SuccessfulCreate", f"create {said} success")
    return True


def entrust(world: World, stateful: Resource, there: Iterable[ObjectKey], leaving: Container[ObjectKey]) -> None:
    """Give the claims of the pods that are there to whom the policy says, some of them `leaving`."""
    for pod in there:
        owner = _owner(stateful, pod if pod in leaving else None)
        for template in _templates(stateful):
            key = _key(stateful, template, pod.name)
            if world.store.get(key) is not None:
                world.store.entrust(key, owner)


def _owner(stateful: Resource, leaving: ObjectKey | None) -> ObjectKey | None:
    """Whom a claim goes with: its pod where that is `leaving`, the set, or nobody."""
    policy = stateful.spec.persistent_volume_claim_retention_policy
    if leaving is not None and policy is not None and policy.when_scaled == "Delete":
        return leaving
    key: ObjectKey = stateful.key
    return key if policy is not None and policy.when_deleted == "Delete" else None


def volumes(stateful: Resource, pod: str, spec: Manifest) -> dict[str, Any]:
    """The field of a pod's spec that mounts its claims; a volume of the template with a claim's name gives way."""
    templates = _templates(stateful)
    if not templates:
        return {}
    own = {template["metadata"]["name"]: _key(stateful, template, pod).name for template in templates}
    mounted = [{"name": name, "persistentVolumeClaim": {"claimName": claim}} for name, claim in own.items()]
    return {"volumes": [*(v for v in spec.get("volumes") or () if v["name"] not in own), *mounted]}


def _templates(stateful: Resource) -> list[Manifest]:
    return stateful.manifest["spec"].get("volumeClaimTemplates") or []


def _key(stateful: Resource, template: Manifest, pod: str) -> ObjectKey:
    return ObjectKey(_KIND, stateful.key.namespace, f"{template['metadata']['name']}-{pod}")


def _manifest(stateful: Resource, template: Manifest, key: ObjectKey) -> Manifest:
    selected = (stateful.manifest["spec"].get("selector") or {}).get("matchLabels") or {}
    labels = {**(template["metadata"].get("labels") or {}), **selected}
    metadata = {**template["metadata"], "name": key.name, "namespace": key.namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": _KIND, "metadata": metadata, "spec": template.get("spec") or {}}
