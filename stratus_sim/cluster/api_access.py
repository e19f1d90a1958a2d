"""The volume `kube-api-access-...`: how the containers of a pod get at the API server under their account.

Follows kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin ("ServiceAccount admission controller",
"Bound service account token volume mechanism"): a token, the certificate of the API server and the namespace, mounted
wherever a container mounts nothing of its own, unless pod or account say otherwise. No process here asks the API server
for anything: the volume is put in where a pod is shown, and nowhere stored.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING
from zlib import crc32

from stratus_sim.cluster import root_ca
from stratus_sim.cluster.generated import suffix
from stratus_sim.cluster.objects import Manifest, ObjectKey, Resource, known_key
from stratus_sim.cluster.service_accounts import DEFAULT, KIND

if TYPE_CHECKING:
    from stratus_sim.world import World

_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"


def volume(world: World, pod: Resource) -> str:
    """The name of the volume a pod is shown with, "" for one that does without: it says so itself, or its account."""
    spec = pod.manifest["spec"]
    said = spec.get("automountServiceAccountToken")
    if said is None:
        account = world.store.get(known_key(KIND, pod.key.namespace, spec.get("serviceAccountName") or DEFAULT))
        said = account.manifest.get("automountServiceAccountToken") if account is not None else None
    return _name(pod.key, pod.uid) if said is None or said else ""


@lru_cache(maxsize=1 << 16)
def _name(pod: ObjectKey, uid: int) -> str:
    return f"kube-api-access-{suffix(crc32(f'{pod} {uid}'.encode()))}"


def mounted(manifest: Manifest, name: str) -> Manifest:
    """The manifest of a pod with a volume of this name in each container that mounts nothing else in its place."""
    spec = manifest["spec"]
    lists = {field: spec[field] for field in ("initContainers", "containers") if spec.get(field)}
    changed = {field: [_with_mount(one, name) for one in found] for field, found in lists.items()}
    if not name or changed == lists:
        return manifest
    return {**manifest, "spec": {**spec, **changed, "volumes": [*(spec.get("volumes") or ()), _projected(name)]}}


def _with_mount(container: Manifest, name: str) -> Manifest:
    mounts = container.get("volumeMounts") or ()
    if any(mount.get("mountPath") == _PATH for mount in mounts):
        return container
    return {**container, "volumeMounts": [*mounts, {"name": name, "readOnly": True, "mountPath": _PATH}]}


def _projected(name: str) -> Manifest:
    root = {"name": root_ca.NAME, "items": [{"key": root_ca.FILE, "path": root_ca.FILE}]}
    namespace = {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
    sources = [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": root},
        {"downwardAPI": {"items": [namespace]}},
    ]
    return {"name": name, "projected": {"sources": sources, "defaultMode": 0o644}}
