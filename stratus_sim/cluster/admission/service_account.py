"""Service accounts: a pod that runs under one nobody defined is refused, and pulls its images as the account does.

Follows kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin ("ServiceAccount admission controller").
The token every pod finds mounted is put in where a pod is shown (`api_access`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratus_sim.cluster.admission.registry import ALWAYS, Write, forbidden, mutates
from stratus_sim.cluster.objects import Manifest, known_key
from stratus_sim.cluster.service_accounts import DEFAULT, KIND

if TYPE_CHECKING:
    from stratus_sim.world import World


@mutates("ServiceAccount", reads=ALWAYS)
def admit(world: World, write: Write) -> Manifest:
    """Refuse a new pod without its account, and give one without pull secrets those of the account. Raises Denied."""
    assert write.manifest is not None  # noqa: S101  # a deletion changes nothing
    if write.key.kind != "Pod" or write.old is not None:
        return write.manifest
    spec, namespace = write.manifest["spec"], write.key.namespace
    name = spec.get("serviceAccountName") or DEFAULT
    account = world.store.get(known_key(KIND, namespace, name))
    if account is None:
        problem = f'error looking up service account {namespace}/{name}: serviceaccount "{name}" not found'
        raise forbidden(write.key, problem)
    secrets = account.manifest.get("imagePullSecrets")
    if not secrets or spec.get("imagePullSecrets"):
        return write.manifest
    return {**write.manifest, "spec": {**spec, "imagePullSecrets": secrets}}
