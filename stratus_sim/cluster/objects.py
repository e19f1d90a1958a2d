"""API objects as immutable records: what the user wrote, what it means, and how it is doing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache, partial
from hashlib import blake2b
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from stratus_sim.manifests.kinds import CLUSTER_SCOPED, NAMESPACED, qualified

Manifest = Mapping[str, Any]


class ObjectKey(NamedTuple):
    """Identity of an API object; `namespace` is empty for cluster-scoped kinds."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}" + (f" in {self.namespace}" if self.namespace else "")

    @property
    def path(self) -> str:
        """`namespace/name`, as messages of the control plane name it."""
        return f"{self.namespace}/{self.name}"


class Resource(msgspec.Struct, frozen=True, gc=False):
    """One API object.

    `manifest` is configuration exactly as written (apiVersion, kind, metadata, spec, data, ...); nobody mutates it.
    `spec` is its typed reading, `status` what controllers found; `version` is the resourceVersion, `generation`
    counts changes of the manifest (Kubernetes API conventions, "Metadata"). One that is `deleting` is on its way out
    since `deleted_us`. `made` says that a controller brought it
    into being, which of what nobody owns cannot be told otherwise (claims of a StatefulSet, volumes made for claims).
    """

    key: ObjectKey
    uid: int
    version: int
    generation: int
    manifest: Manifest
    labels: Mapping[str, str]
    spec: Any = None
    status: Any = None
    owner: ObjectKey | None = None
    created_us: int = 0
    deleting: bool = False
    deleted_us: int = 0
    made: bool = False


class EventRecord(msgspec.Struct, frozen=True, gc=False):
    """An Event as `kubectl get events` lists it; times in microseconds since the world began."""

    involved: ObjectKey
    type: str
    reason: str
    message: str
    count: int
    first_us: int
    last_us: int


known_key = lru_cache(maxsize=1 << 16)(ObjectKey)
"""The key of this kind, namespace and name: for those that are asked for at every turn, and so are made once."""
node_key = partial(known_key, "Node", "")
"""The key of the node of this name."""


@lru_cache(maxsize=1 << 16)
def uuid_of(what: int | str) -> str:
    """A uid, or the name of what has none here, as the API shows it: a UUID of random bits (RFC 9562, version 4)."""
    return str(UUID(bytes=blake2b(str(what).encode(), digest_size=16).digest(), version=4))


def key_of(manifest: Manifest) -> ObjectKey:
    """The identity a manifest declares; without `apiVersion` its kind is taken to be a built-in one."""
    metadata = manifest.get("metadata") or {}
    kind = kind_of(manifest)
    namespace = metadata.get("namespace") or ("default" if kind in NAMESPACED else "")
    return ObjectKey(kind, "" if kind in CLUSTER_SCOPED else str(namespace), str(metadata.get("name", "")))


def kind_of(manifest: Manifest) -> str:
    """The kind, told apart from built-in ones of the same name (`kinds.qualified`)."""
    kind, version = str(manifest.get("kind", "")), manifest.get("apiVersion")
    return kind if version is None else qualified(str(version), kind)


def finalizers_of(manifest: Manifest) -> list[str]:
    """Who has to have their say before an object that is deleted may be gone."""
    return (manifest.get("metadata") or {}).get("finalizers") or []


def referred_by(manifest: Manifest) -> tuple[ObjectKey, ...]:
    """The objects a manifest's owner references name."""
    found = (manifest.get("metadata") or {}).get("ownerReferences")
    references = found if isinstance(found, list) else ()
    namespace = key_of(manifest).namespace if references else ""
    kinds = [(kind_of(one), str(one.get("name"))) for one in references if isinstance(one, Mapping)]
    return tuple(ObjectKey(kind, "" if kind in CLUSTER_SCOPED else namespace, name) for kind, name in kinds)


def labels_of(manifest: Manifest) -> Mapping[str, str]:
    return (manifest.get("metadata") or {}).get("labels") or {}


def without_nulls(value: Any) -> Any:
    """JSON without the fields that are null, which the API server takes for absent."""
    if isinstance(value, Mapping):
        return {name: without_nulls(inner) for name, inner in value.items() if inner is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value
