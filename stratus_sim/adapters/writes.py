"""What both adapters hold of every write: an agent's stays inside the catalogue, an object's fields change together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stratus_sim.cluster.actions import Action, InvalidAction, Write, outside_catalogue
from stratus_sim.cluster.configuration import Field, Path, Value
from stratus_sim.cluster.objects import Manifest, ObjectKey
from stratus_sim.transaction.cluster import ForeignChange


def only_pod_deletion(key: ObjectKey, after: Manifest | None) -> None:
    """Raises InvalidAction for any other write to what controllers own."""
    if after is not None or key.kind != "Pod":
        raise InvalidAction(f"{key} belongs to a controller: change its owner instead")


def inside_catalogue(action: Action, write: Write) -> None:
    """Raises InvalidAction for a write that its verb may not make, or that could not be taken back."""
    if beyond := outside_catalogue(action, write):
        raise InvalidAction(f"{action.verb} {write.key}: {beyond}")


def by_object(values: Mapping[Field, Value]) -> list[tuple[ObjectKey, dict[Path, Value]]]:
    """The fields of each object, in order of objects."""
    found: dict[ObjectKey, dict[Path, Value]] = {}
    for field, value in values.items():
        found.setdefault(field.object, {})[field.path] = value
    return sorted(found.items())


def put_back(key: ObjectKey, begun: Manifest | None, since: Iterable[ForeignChange]) -> Manifest | None:
    """What undo would make of an object: the manifest when the transaction began, unless others wrote it since."""
    foreign = any(field.object == key for change in since for field in change.fields)
    return None if foreign else begun
