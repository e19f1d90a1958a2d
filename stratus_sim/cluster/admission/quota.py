"""Resource quota: what a namespace may hold, refused at the door and counted by difference.

Follows kubernetes.io/docs/concepts/policy/resource-quotas and the messages of the ResourceQuota admission plug-in.
Usage follows every change at once: there is no lag between a deletion and the room it makes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from stratus_sim.cluster import root_ca
from stratus_sim.cluster.admission import amounts, usage
from stratus_sim.cluster.admission.amounts import Amounts
from stratus_sim.cluster.admission.registry import Write, forbidden, validates
from stratus_sim.cluster.objects import Resource
from stratus_sim.cluster.watching import ENDED, WRITTEN, watches
from stratus_sim.manifests.kinds import NAMESPACED

if TYPE_CHECKING:
    from stratus_sim.world import World

KIND = "ResourceQuota"


class QuotaStatus(msgspec.Struct, frozen=True, gc=False):
    """What is allowed and what is used, in thousandths of a core, a byte or an object."""

    hard: Mapping[str, int] = {}
    used: Mapping[str, int] = {}


@validates("ResourceQuota", reads=KIND)
def charge(world: World, write: Write) -> None:
    """Refuse what would go beyond a quota. Raises Denied."""
    if write.manifest is None or not write.key.namespace:
        return
    for quota in world.store.list(KIND, write.key.namespace):
        spec = quota.manifest.get("spec") or {}
        if usage.in_scope(spec, write.manifest):
            _check(quota, write)


@watches(*NAMESPACED, of=WRITTEN | ENDED)
def on_object(world: World, old: Resource | None, new: Resource | None) -> None:
    """Keep the usage of every quota in the namespace."""
    if not world.store.has(KIND):
        return
    changed = new or old
    assert changed is not None  # noqa: S101  # a change has at least one side
    for quota in world.store.list(KIND, changed.key.namespace):
        if isinstance(quota.status, QuotaStatus):
            delta = amounts.minus(_taken(quota, new), _taken(quota, old))
            _add(world, quota, quota.status, delta)


@watches(KIND)
def on_quota(world: World, old: Resource | None, new: Resource | None) -> None:
    """Count anew for a quota that is new or has changed."""
    if new is None or (old is not None and old.generation == new.generation):
        return
    hard = _hard(new)
    found = [_taken(new, one) for kind in NAMESPACED for one in root_ca.listed(world, kind, new.key.namespace)]
    used = amounts.add(found)
    world.store.report(new.key, QuotaStatus(hard, {name: used.get(name, 0) for name in hard}))


def _add(world: World, quota: Resource, status: QuotaStatus, delta: Amounts) -> None:
    if any(name in status.used for name in delta):
        used = {name: amount + delta.get(name, 0) for name, amount in status.used.items()}
        world.store.report(quota.key, QuotaStatus(status.hard, used))


def _taken(quota: Resource, resource: Resource | None) -> Amounts:
    if resource is None or not usage.in_scope(quota.manifest.get("spec") or {}, resource.manifest):
        return {}
    return usage.usage_of(resource)


def _hard(quota: Resource) -> dict[str, int]:
    return amounts.read((quota.manifest.get("spec") or {}).get("hard"))


def _check(quota: Resource, write: Write) -> None:
    assert write.manifest is not None  # noqa: S101  # deletions are not charged
    hard, used = _hard(quota), quota.status.used
    missing = usage.unspecified(write.manifest, hard)
    if missing and write.old is None:
        raise forbidden(write.key, f"failed quota: {quota.key.name}: must specify {missing}")
    before = usage.usage(write.old) if write.old is not None else {}
    asked = amounts.minus(usage.usage(write.manifest), before)
    over = [name for name in hard if asked.get(name, 0) > 0 and used.get(name, 0) + asked[name] > hard[name]]
    if over:
        found = f"requested: {amounts.listed(asked, over)}, used: {amounts.listed(used, over)}"
        problem = f"exceeded quota: {quota.key.name}, {found}, limited: {amounts.listed(hard, over)}"
        raise forbidden(write.key, problem)
