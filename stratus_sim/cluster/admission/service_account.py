"""Service accounts: a pod that runs under one nobody defined is refused.

Follows kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin ("ServiceAccount admission controller").
Every namespace has the account `default` without an object that says so: its controller would put it back at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratus_sim.cluster.admission.registry import ALWAYS, Write, forbidden, validates
from stratus_sim.cluster.objects import ObjectKey

if TYPE_CHECKING:
    from stratus_sim.world import World

KIND, DEFAULT = "ServiceAccount", "default"


@validates("ServiceAccount", reads=ALWAYS)
def check(world: World, write: Write) -> None:
    """Refuse a new pod without its account. Raises Denied."""
    if write.key.kind != "Pod" or write.manifest is None or write.old is not None:
        return
    name, namespace = write.manifest["spec"].get("serviceAccountName") or DEFAULT, write.key.namespace
    if name != DEFAULT and world.store.get(ObjectKey(KIND, namespace, name)) is None:
        problem = f'error looking up service account {namespace}/{name}: serviceaccount "{name}" not found'
        raise forbidden(write.key, problem)
