"""The API server's store: objects, the indexes controllers look things up in, and watches.

Index values are sorted tuples: iteration order is the same on every machine, whatever the hash seed.
"""

from __future__ import annotations

import copy
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from immutables import Map

from stratus_sim.cluster import pods
from stratus_sim.cluster.objects import Manifest, ObjectKey, Resource, key_of, labels_of
from stratus_sim.cluster.specs import read_spec
from stratus_sim.cluster.status import PodStatus, Status
from stratus_sim.kernel.draft import Draft

Watcher = Callable[[Any, Resource | None, Resource | None], None]
_W = TypeVar("_W", bound=Watcher)
Resources = list[Resource]
_Index = Map[Any, tuple[ObjectKey, ...]]

WATCHERS: dict[str, list[Watcher]] = {}


def watches(*kinds: str) -> Callable[[_W], _W]:
    """Call `function(world, old, new)` after every change of an object of these kinds.

    `old` is None for a creation, `new` for a deletion.
    """

    def register(function: _W) -> _W:
        for kind in kinds:
            WATCHERS.setdefault(kind, []).append(function)
        return function

    return register


def selects(selector: Mapping[str, str] | None, pod: Resource) -> bool:
    """Whether a Service's selector matches a pod; an empty one matches none."""
    return bool(selector) and selector.items() <= pod.labels.items()  # type: ignore[union-attr]  # it is not empty


@dataclass(slots=True)
class StoreState:
    """Everything in the store. Values are immutable: a shallow copy is a snapshot.

    `standing` counts the pods of each owner: active ones, and ready ones among them.
    """

    version: int = 0
    objects: Map[ObjectKey, Resource] = Map()
    by_kind: _Index = Map()
    by_owner: _Index = Map()
    by_node: _Index = Map()
    by_label: _Index = Map()
    by_selector: _Index = Map()
    standing: Map[ObjectKey, tuple[int, int]] = Map()

    def copy(self) -> StoreState:
        return copy.copy(self)


class Store:
    """Read and write objects of one world; every write tells the watchers of its kind."""

    def __init__(self, world: Any, state: StoreState) -> None:
        self._world = world
        self._state = state
        self._objects = Draft(state.objects)

    @property
    def state(self) -> StoreState:
        """What a snapshot of the store is taken of; ask again after a write, its `objects` stay as they are."""
        self._state.objects = self._objects.freeze()
        return self._state

    def get(self, key: ObjectKey) -> Resource | None:
        return self._objects.now.get(key)

    def list(self, kind: str, namespace: str | None = None) -> Resources:
        """Objects of a kind in order of namespace and name."""
        keys = self._state.by_kind.get(kind, ())
        objects = self._objects.now
        return [objects[key] for key in keys if namespace is None or key.namespace == namespace]

    def everything(self) -> Resources:
        """All objects in order of kind, namespace and name."""
        objects = self.state.objects
        return [objects[key] for key in sorted(objects)]

    def owned(self, owner: ObjectKey) -> Resources:
        """The objects a controller object owns, in order of kind and name."""
        return self._resolve(self._state.by_owner.get(owner, ()))

    def standing(self, owner: ObjectKey) -> tuple[int, int]:
        """How many pods of an owner are active, and how many of these ready, however many there are to count."""
        return self._state.standing.get(owner, (0, 0))

    def on_node(self, node: str) -> Resources:
        """The pods bound to a node; those no node was found for yet under the empty name."""
        return self._resolve(self._state.by_node.get(node, ()))

    def selected(self, namespace: str, selector: Mapping[str, str] | None) -> Resources:
        """The pods a label selector matches; an empty selector matches none (Service semantics)."""
        if not selector:
            return []
        index = self._state.by_label
        labelled: list[tuple[ObjectKey, ...]] = [index.get((namespace, *pair), ()) for pair in selector.items()]
        narrowest = min(labelled, key=len)
        found = self._resolve(narrowest)
        return found if len(labelled) == 1 else [pod for pod in found if selects(selector, pod)]

    def selecting(self, pod: Resource) -> Resources:
        """The Services whose selector matches a pod."""
        index = self._state.by_selector
        keys = [key for term in _labels(pod) for key in index.get(term, ())]
        return [service for service in self._resolve(keys) if selects(service.spec.selector, pod)]

    def create(
        self, manifest: Manifest, *, owner: ObjectKey | None = None, status: Status = None, spec: Any = None
    ) -> Resource:
        """Store a new object; a controller that already has the typed `spec` passes it.

        Raises:
            UserError: a field the control plane reads has the wrong type.
        """
        key, version = key_of(manifest), self._next_version()
        resource = Resource(
            key=key,
            uid=version,
            version=version,
            generation=1,
            manifest=manifest,
            labels=labels_of(manifest),
            spec=read_spec(manifest) if spec is None else spec,
            status=status,
            owner=owner,
            created_us=self._world.now_us,
        )
        self._change(self.get(key), resource)
        return resource

    def configure(self, key: ObjectKey, manifest: Manifest, spec: Any = None) -> Resource:
        """Replace the manifest of an object, keeping its status."""
        old = self._objects.now[key]
        new = msgspec.structs.replace(
            old,
            version=self._next_version(),
            generation=old.generation + 1,
            manifest=manifest,
            labels=labels_of(manifest),
            spec=read_spec(manifest) if spec is None else spec,
        )
        self._change(old, new)
        return new

    def report(self, key: ObjectKey, status: Any) -> None:
        """Set the status of an object; nothing happens where it is already that or the object is gone."""
        old = self._objects.now.get(key)
        if old is None or old.status == status:
            return
        new = msgspec.structs.replace(old, version=self._next_version(), status=status)
        self._objects.set(key, new)
        if key.kind == "Pod":
            self._recount(old, new)
            if status.node != old.status.node:
                self._state.by_node = _move(self._state.by_node, old, new, _node)
        self._tell(key, old, new)

    def mark_deleting(self, key: ObjectKey) -> None:
        """Say that a pod is on its way out: it stays until it is removed."""
        old = self._objects.now[key]
        if not old.deleting:
            self._change(old, msgspec.structs.replace(old, version=self._next_version(), deleting=True))

    def remove(self, key: ObjectKey) -> None:
        old = self.get(key)
        if old is not None:
            self._next_version()
            self._change(old, None)

    def _next_version(self) -> int:
        self._state.version += 1
        return self._state.version

    def _resolve(self, keys: Iterable[ObjectKey]) -> Resources:
        return list(map(self._objects.now.__getitem__, keys))

    def _change(self, old: Resource | None, new: Resource | None) -> None:
        self._reindex(old, new)
        self._tell((new or old).key, old, new)  # type: ignore[union-attr]  # one of them is there

    def _tell(self, key: ObjectKey, old: Resource | None, new: Resource | None) -> None:
        for watcher in WATCHERS.get(key.kind, ()):
            watcher(self._world, old, new)

    def _reindex(self, old: Resource | None, new: Resource | None) -> None:
        state = self._state
        if new is not None:
            self._objects.set(new.key, new)
        elif old is not None:
            self._objects.delete(old.key)
        if old is None or new is None:
            state.by_kind = _move(state.by_kind, old, new, _kind)
            state.by_owner = _move(state.by_owner, old, new, _owner)
        kind = (new or old).key.kind  # type: ignore[union-attr]
        if kind == "Service":
            state.by_selector = _move(state.by_selector, old, new, _selector)
        elif kind == "Pod":
            self._recount(old, new)
            state.by_node = _move(state.by_node, old, new, _node)
            state.by_label = _move(state.by_label, old, new, _labels)

    def _recount(self, old: Resource | None, new: Resource | None) -> None:
        before, after = pods.standing(old), pods.standing(new)
        owner = (new or old).owner  # type: ignore[union-attr]  # one of them is there
        if before == after or owner is None:
            return
        active, ready = self.standing(owner)
        counts = active + after[0] - before[0], ready + after[1] - before[1]
        index = self._state.standing
        self._state.standing = index.set(owner, counts) if any(counts) else index.delete(owner)


def _kind(resource: Resource) -> tuple[Any, ...]:
    return (resource.key.kind,)


def _owner(resource: Resource) -> tuple[Any, ...]:
    return (resource.owner,) if resource.owner else ()


def _node(resource: Resource) -> tuple[Any, ...]:
    status = resource.status
    return (status.node if isinstance(status, PodStatus) else "",)


def _selector(service: Resource) -> tuple[Any, ...]:
    """One pair of the selector is enough to find the Service from a pod's labels."""
    selector = service.spec.selector
    return ((service.key.namespace, *min(selector.items())),) if selector else ()


def _labels(resource: Resource) -> tuple[Any, ...]:
    return tuple((resource.key.namespace, k, v) for k, v in resource.labels.items())


def _move(
    index: _Index, old: Resource | None, new: Resource | None, terms: Callable[[Resource], tuple[Any, ...]]
) -> _Index:
    before, after = terms(old) if old else (), terms(new) if new else ()
    if before == after:
        return index
    for term in before:
        keys = tuple(key for key in index[term] if key != old.key)  # type: ignore[union-attr]
        index = index.set(term, keys) if keys else index.delete(term)
    for term in after:
        keys = index.get(term, ())
        at = bisect_left(keys, new.key)  # type: ignore[union-attr]
        index = index.set(term, (*keys[:at], new.key, *keys[at:]))  # type: ignore[union-attr]
    return index
