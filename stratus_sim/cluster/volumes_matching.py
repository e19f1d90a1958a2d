"""Which volume may serve which claim, and what its storage class says.

Follows kubernetes.io/docs/concepts/storage/persistent-volumes ("Binding", "Access Modes", "Class") and
kubernetes.io/docs/concepts/storage/storage-classes. Applications name classes that their manifests do not bring: where
no StorageClass is there at all, every class is taken to be there, and one of them to be the default. With at least one
object of this kind only the objects count.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

from stratus_sim.cluster import selectors
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.scheduling import node_affinity
from stratus_sim.manifests import quantity
from stratus_sim.manifests.pod_shapes import Metadata
from stratus_sim.manifests.storage_shapes import StorageClass

if TYPE_CHECKING:
    from stratus_sim.world import World

CLAIM, VOLUME, CLASS = "PersistentVolumeClaim", "PersistentVolume", "StorageClass"
NO_PROVISIONER = "kubernetes.io/no-provisioner"
ZONE = "topology.kubernetes.io/zone"
_DEFAULT = "storageclass.kubernetes.io/is-default-class"
_ASSUMED = "disk.csi.k8s.io"
_DEFAULT_NAME = "standard"


def class_name(world: World, claim: Resource) -> str:
    """The class of a claim; the default class where it names none, "" where there is no default either."""
    named: str | None = claim.spec.storage_class_name
    if named is not None:
        return named
    known = world.store.list(CLASS)
    if not known:
        return _DEFAULT_NAME
    default = [found for found in known if (found.spec.metadata.annotations or {}).get(_DEFAULT) == "true"]
    return max(default, key=lambda found: (found.created_us, found.uid)).key.name if default else ""


def storage_class(world: World, claim: Resource) -> StorageClass | None:
    """The class of a claim as an object; None where nobody has defined it."""
    name = class_name(world, claim)
    found = world.store.get(ObjectKey(CLASS, "", name))
    if found is not None:
        return found.spec  # type: ignore[no-any-return]  # typed by its kind
    if not name or world.store.list(CLASS):
        return None
    return StorageClass(Metadata(name), _ASSUMED, "WaitForFirstConsumer", "Delete")


def assumed(found: StorageClass) -> bool:
    """Whether a class is one that nobody has defined."""
    return found.provisioner == _ASSUMED


def maker(world: World, claim: Resource) -> StorageClass | None:
    """The class that makes a volume for a claim; None where none can, or the claim waits for one by name or labels."""
    found = storage_class(world, claim)
    if found is None or found.provisioner == NO_PROVISIONER or claim.spec.selector is not None:
        return None
    return found if assumed(found) or not claim.spec.volume_name else None


def delayed(world: World, claim: Resource) -> bool:
    """Whether a claim is bound only when a pod that uses it is scheduled."""
    found = storage_class(world, claim)
    return found is not None and found.volume_binding_mode == "WaitForFirstConsumer"


def best(
    world: World, claim: Resource, node: Resource | None = None, without: Collection[ObjectKey] = ()
) -> Resource | None:
    """The volume to bind a claim to: one reserved for it, else the smallest that serves it (and a node, if given)."""
    fitting = [v for v in world.store.list(VOLUME) if v.key not in without and _serves(world, v, claim)]
    reached = [volume for volume in fitting if node is None or reachable(volume, node)]
    return min(reached, key=lambda v: (v.spec.claim_ref is None, capacity(v), v.key), default=None)


def reserved(world: World, claim: Resource) -> Resource | None:
    """The volume whose `claimRef` or whose name in `volumeName` ties it to a claim."""
    found = (v for v in world.store.list(VOLUME) if v.spec.claim_ref or v.key.name == claim.spec.volume_name)
    return next((volume for volume in found if _serves(world, volume, claim)), None)


def reachable(volume: Resource, node: Resource) -> bool:
    """Whether a volume's node affinity lets it be used on a node."""
    affinity = volume.spec.node_affinity
    required = affinity and affinity.required
    return not required or node_affinity.selects(required, node)


def in_zone(volume: Resource, node: Resource) -> bool:
    """Whether a volume labelled with zones (`a__b` for several) is in the zone of a node."""
    zones = volume.labels.get(ZONE)
    return zones is None or ZONE not in node.labels or node.labels[ZONE] in zones.split("__")


def _serves(world: World, volume: Resource, claim: Resource) -> bool:
    spec = volume.spec
    if volume.deleting or (volume.status is not None and volume.status.phase != "Available"):
        return False
    if not all(_conditions(claim, volume)):
        return False
    tied = claim.spec.volume_name == volume.key.name
    return tied or (spec.storage_class_name or "") == class_name(world, claim)


def _conditions(claim: Resource, volume: Resource) -> Iterator[bool]:
    spec, held = claim.spec, volume.spec.claim_ref
    yield held is None or (held.namespace, held.name) == (claim.key.namespace, claim.key.name)
    yield spec.volume_name in (None, "", volume.key.name)
    yield set(spec.access_modes or ()) <= set(volume.spec.access_modes or spec.access_modes or ())
    yield (spec.volume_mode or "Filesystem") == (volume.spec.volume_mode or "Filesystem")
    yield spec.selector is None or selectors.matches(spec.selector, volume.labels)
    yield requested(claim) <= capacity(volume)


def volume_of(world: World, claim: Resource) -> Resource | None:
    """The volume a claim is bound to."""
    return world.store.get(ObjectKey(VOLUME, "", claim.status.volume)) if claim.status is not None else None


def requested(claim: Resource) -> Fraction:
    """The storage a claim asks for, in bytes."""
    requests = (claim.spec.resources and claim.spec.resources.requests) or {}
    return quantity.amount(requests.get("storage", 0))


def capacity(volume: Resource) -> Fraction:
    """The storage a volume has, in bytes."""
    return quantity.amount((volume.spec.capacity or {}).get("storage", 0))
