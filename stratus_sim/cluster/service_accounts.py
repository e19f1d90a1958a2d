"""Service accounts: every namespace has the account `default`, and has it again when somebody deletes it.

Follows kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin ("ServiceAccount controller"). Manifests
need not declare their namespaces: one that is written into is there, and has its account before what is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratus_sim.cluster.namespaces import terminating
from stratus_sim.cluster.objects import ObjectKey, Resource, known_key
from stratus_sim.cluster.watching import watches
from stratus_sim.kernel import handler

if TYPE_CHECKING:
    from stratus_sim.world import World

KIND, DEFAULT = "ServiceAccount", "default"


def ensure(world: World, key: ObjectKey) -> None:
    """Give the namespace of an object that is about to be written its account, unless the object is that account.

    The namespace `default` is there from the first write to a cluster, whatever is written.
    """
    account = known_key(KIND, key.namespace or DEFAULT, DEFAULT)
    if key != account and world.store.get(account) is None:
        _make(world, account)


@watches("Namespace")
def on_namespace(world: World, old: Resource | None, new: Resource | None) -> None:
    if old is None and new is not None:
        world.enqueue("serviceaccount", new.key.name)


@watches(KIND)
def on_account(world: World, old: Resource | None, new: Resource | None) -> None:
    if new is None and old is not None:
        world.enqueue("serviceaccount", old.key.namespace)


@handler("serviceaccount")
def reconcile(world: World, namespace: str) -> None:
    """Put the account into a namespace that is there: declared, or with something in it."""
    account = known_key(KIND, namespace, DEFAULT)
    there = world.store.get(ObjectKey("Namespace", "", namespace)) or world.store.within(namespace)
    if there and world.store.get(account) is None:
        _make(world, account)


def _make(world: World, account: ObjectKey) -> None:
    if not terminating(world, account.namespace):
        metadata = {"name": account.name, "namespace": account.namespace}
        world.store.create({"apiVersion": "v1", "kind": KIND, "metadata": metadata}, made=True)
