"""The API server's store: objects, the indexes controllers look things up in, and watches.

Index values are sorted: iteration order is the same on every machine, whatever the hash seed.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, TypeVar

import msgspec
from immutables import Map

from stratus_sim.cluster import ordered, pods
from stratus_sim.cluster.objects import Manifest, ObjectKey, Resource, finalizers_of, key_of, labels_of, referred_by
from stratus_sim.cluster.ordered import Ordered
from stratus_sim.cluster.specs import read_spec
from stratus_sim.cluster.status import PodStatus, Status
from stratus_sim.kernel.draft import Draft

Watcher = Callable[[Any, Resource | None, Resource | None], None]
_W = TypeVar("_W", bound=Watcher)
Resources = list[Resource]
_Index = Map[Any, Ordered[ObjectKey]]

WATCHERS: dict[str, list[Watcher]] = {}
REMOVALS = "*"
"""What to watch instead of a kind to hear of every object that is gone, whatever it was."""


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

    `standing` counts the pods of each owner: active ones, and ready ones among them; and the version that last changed
    these counts, or what a serving pod is like.
    """

    version: int = 0
    objects: Map[ObjectKey, Resource] = Map()
    by_kind: _Index = Map()
    by_owner: _Index = Map()
    by_reference: _Index = Map()
    by_node: _Index = Map()
    by_label: _Index = Map()
    by_selector: _Index = Map()
    standing: Map[ObjectKey, tuple[int, int, int]] = Map()

    def copy(self) -> StoreState:
        return copy.copy(self)


class Store:
    """Read and write objects of one world; every write tells the watchers of its kind."""

    def __init__(self, world: Any, state: StoreState) -> None:
        self._world = world
        self._state = state
        self._objects, self._standing = Draft(state.objects), Draft(state.standing)
        self._selecting: dict[tuple[str, int], tuple[Mapping[str, str], _Index, tuple[ObjectKey, ...]]] = {}

    @property
    def state(self) -> StoreState:
        """What a snapshot of the store is taken of; ask again after a write, its maps stay as they are."""
        self._state.objects, self._state.standing = self._objects.freeze(), self._standing.freeze()
        return self._state

    @property
    def version(self) -> int:
        """The number of writes so far, which is the resourceVersion of the latest."""
        return self._state.version

    def get(self, key: ObjectKey) -> Resource | None:
        return self._objects.now.get(key)

    def has(self, kind: str) -> bool:
        """Whether there is any object of a kind."""
        return kind in self._state.by_kind

    def list(self, kind: str, namespace: str | None = None) -> Resources:
        """Objects of a kind in order of namespace and name."""
        if namespace is not None:
            return self._resolve(self._within(kind, namespace))
        return self._resolve(self.keys(kind))

    def within(self, namespace: str) -> Resources:
        """All objects of a namespace in order of kind and name."""
        kinds = sorted(self._state.by_kind)
        return [found for kind in kinds for found in self._resolve(self._within(kind, namespace))]

    def _within(self, kind: str, namespace: str) -> Iterator[ObjectKey]:
        found = ordered.since(self._state.by_kind.get(kind, ()), ObjectKey(kind, namespace, ""))
        return takewhile(lambda key: key.namespace == namespace, found)

    def keys(self, kind: str) -> Iterator[ObjectKey]:
        """The keys of a kind in order of namespace and name."""
        return ordered.entries(self._state.by_kind.get(kind, ()))

    def everything(self) -> Resources:
        """All objects in order of kind, namespace and name."""
        objects = self.state.objects
        return [objects[key] for key in sorted(objects)]

    def owned(self, owner: ObjectKey) -> Resources:
        """The objects a controller object owns, in order of kind and name."""
        return self._resolve(self.owned_keys(owner))

    def owned_keys(self, owner: ObjectKey) -> Iterator[ObjectKey]:
        """The keys of `owned`."""
        return ordered.entries(self._state.by_owner.get(owner, ()))

    def referring(self, owner: ObjectKey) -> Resources:
        """The objects whose manifest names this one as their owner, in order of kind and name."""
        return self._resolve(ordered.entries(self._state.by_reference.get(owner, ())))

    def standing(self, owner: ObjectKey) -> tuple[int, int]:
        """How many pods of an owner are active, and how many of these ready, however many there are to count."""
        active, ready, _ = self._standing.now.get(owner, _NOBODY)
        return active, ready

    def standing_since(self, owner: ObjectKey) -> int:
        """The version that last changed which pods of an owner serve, or what a serving one is like; 0 without pods."""
        return self._standing.now.get(owner, _NOBODY)[2]

    def on_node(self, node: str) -> Resources:
        """The pods bound to a node; those no node was found for yet under the empty name."""
        return self._resolve(ordered.entries(self._state.by_node.get(node, ())))

    def selected(self, namespace: str, selector: Mapping[str, str] | None) -> Resources:
        """The pods a label selector matches; an empty selector matches none (Service semantics)."""
        if not selector:
            return []
        index = self._state.by_label
        labelled: list[Ordered[ObjectKey]] = [index.get((namespace, *pair), ()) for pair in selector.items()]
        found = self._resolve(ordered.entries(min(labelled, key=ordered.size)))
        return found if len(labelled) == 1 else [pod for pod in found if selects(selector, pod)]

    def selecting(self, pod: Resource) -> tuple[ObjectKey, ...]:
        """The keys of the Services whose selector matches a pod.

        Pods of one template share their labels: what was found for one is kept for the others.
        """
        index, labels = self._state.by_selector, pod.labels
        place = pod.key.namespace, id(labels)
        known = self._selecting.get(place)
        if known is None or known[0] is not labels or known[1] is not index:
            self._selecting[place] = known = labels, index, self._find_selecting(pod)
        return known[2]

    def _find_selecting(self, pod: Resource) -> tuple[ObjectKey, ...]:
        index = self._state.by_selector
        keys = [key for term in _labels(pod) for key in ordered.entries(index.get(term, ()))]
        return tuple(service.key for service in self._resolve(keys) if selects(service.spec.selector, pod))

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
        state = self._state
        state.version = version = state.version + 1
        new = msgspec.structs.replace(old, version=version, status=status)
        self._objects.set(key, new)
        if key.kind == "Pod":
            self._recount(old, new)
            if status.node != old.status.node:
                state.by_node = _move(state.by_node, old, new, _node)
        self._tell(key, old, new)

    def mark_deleting(self, key: ObjectKey) -> None:
        """Say that an object is on its way out: it stays until it is removed."""
        old = self._objects.now[key]
        if not old.deleting:
            self._change(old, msgspec.structs.replace(old, version=self._next_version(), deleting=True))

    def remove(self, key: ObjectKey) -> None:
        """Delete an object; one with finalizers is marked and stays until the last of them is taken off."""
        old = self.get(key)
        if old is None:
            return
        if finalizers_of(old.manifest):
            self.mark_deleting(key)
            return
        self._next_version()
        self._change(old, None)
        for watcher in WATCHERS.get(REMOVALS, ()):
            watcher(self._world, old, None)

    def disown(self, key: ObjectKey) -> None:
        """Leave an object to itself: nobody owns or counts it any more."""
        old = self._objects.now[key]
        new = msgspec.structs.replace(old, version=self._next_version(), owner=None)
        if key.kind == "Pod":
            self._recount(old, None)
        self._state.by_owner = _move(self._state.by_owner, old, new, _owner)
        self._objects.set(key, new)
        self._tell(key, old, new)

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
        state.by_reference = _move(state.by_reference, old, new, _references)
        kind = (new or old).key.kind  # type: ignore[union-attr]
        if kind == "Service":
            state.by_selector = _move(state.by_selector, old, new, _selector)
        elif kind == "Pod":
            self._recount(old, new)
            state.by_node = _move(state.by_node, old, new, _node)
            state.by_label = _move(state.by_label, old, new, _labels)

    def _recount(self, old: Resource | None, new: Resource | None) -> None:
        before, after = pods.standing(old), pods.standing(new)
        if before == after and not (after[1] and _altered(old, new)):
            return
        owner = (new or old).owner  # type: ignore[union-attr]  # one of them is there
        if owner is None:
            return
        active, ready = self.standing(owner)
        active, ready = active + after[0] - before[0], ready + after[1] - before[1]
        if active or ready:
            self._standing.set(owner, (active, ready, self._state.version))
        else:
            self._standing.delete(owner)


_NOBODY = (0, 0, 0)


def _altered(old: Resource | None, new: Resource | None) -> bool:
    """Whether a pod is another one for whoever looks at its manifest and at the environment of its process."""
    if old is None or new is None:
        return True
    return old.generation != new.generation or old.status.env is not new.status.env


def _kind(resource: Resource) -> tuple[Any, ...]:
    return (resource.key.kind,)


def _owner(resource: Resource) -> tuple[Any, ...]:
    return (resource.owner,) if resource.owner else ()


def _references(resource: Resource) -> tuple[Any, ...]:
    return () if resource.owner else referred_by(resource.manifest)


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
        keys = ordered.remove(index[term], old.key)  # type: ignore[union-attr]
        index = index.set(term, keys) if keys else index.delete(term)
    for term in after:
        index = index.set(term, ordered.insert(index.get(term, ()), new.key))  # type: ignore[union-attr]
    return index
