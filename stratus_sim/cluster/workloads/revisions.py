"""ControllerRevisions: templates a StatefulSet or DaemonSet has had, so that pods of an earlier one can come again.

Follows kubernetes.io/docs/tasks/manage-daemon/rollback-daemon-set ("Understanding DaemonSet revisions"): one object a
template, `data` as a patch that puts it back, `revision` counting up; the newest `revisionHistoryLimit` unused ones
stay.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from stratus_sim.cluster.objects import Manifest, ObjectKey, Resource
from stratus_sim.cluster.workloads.templates import template_hash

if TYPE_CHECKING:
    from stratus_sim.world import World

LABEL = "controller-revision-hash"
HISTORY_LIMIT = 10


def present(world: World, owner: Resource) -> str:
    """The name of the revision of an owner's template, which is made the newest one when it is not that yet."""
    if owner.status is not None and owner.status.observed == owner.generation and owner.status.update:
        name: str = owner.status.update
        return name
    template = owner.manifest["spec"]["template"]
    key = ObjectKey("ControllerRevision", owner.key.namespace, f"{owner.key.name}-{template_hash(template)}")
    others = [number(found) for found in history(world, owner.key) if found.key != key]
    newest, found = max(others, default=0), world.store.get(key)
    if found is None:
        world.store.create(_manifest(owner, key, template, newest + 1), owner=owner.key)
    elif number(found) <= newest:
        world.store.configure(key, {**found.manifest, "revision": newest + 1})
    return key.name


def template_of(world: World, owner: Resource, name: str) -> Manifest:
    """The pod template of a revision; the owner's own where that revision is gone."""
    found = world.store.get(ObjectKey("ControllerRevision", owner.key.namespace, name))
    spec = found.manifest["data"]["spec"] if found is not None else owner.manifest["spec"]
    template: dict[str, Any] = spec["template"]
    return {key: value for key, value in template.items() if key != "$patch"}


def history(world: World, owner: ObjectKey) -> list[Resource]:
    """The revisions of a workload, oldest first."""
    found = [item for item in world.store.owned(owner) if item.key.kind == "ControllerRevision"]
    return sorted(found, key=number)


def number(revision: Resource) -> int:
    found: int = revision.manifest["revision"]
    return found


def hash_of(name: str) -> str:
    """The hash a revision's name ends in: what the label of a DaemonSet's pods says."""
    return name.rpartition("-")[2]


def prune(world: World, owner: Resource, used: Collection[str]) -> None:
    """Remove the oldest revisions nobody uses beyond `revisionHistoryLimit`."""
    limit = owner.spec.revision_history_limit
    unused = [found for found in history(world, owner.key) if found.key.name not in used]
    for found in unused[: max(0, len(unused) - (HISTORY_LIMIT if limit is None else limit))]:
        world.store.remove(found.key)


def _manifest(owner: Resource, key: ObjectKey, template: Manifest, revision: int) -> Manifest:
    labels = (template.get("metadata") or {}).get("labels") or {}
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {"name": key.name, "namespace": key.namespace, "labels": labels},
        "data": {"spec": {"template": {**template, "$patch": "replace"}}},
        "revision": revision,
    }
