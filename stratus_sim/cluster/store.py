"""The API server's store: objects, the indexes controllers look things up in, and who is told of changes.

Index values are sorted: iteration order is the same on every machine, whatever the hash seed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, takewhile
from typing import Any

from msgspec.structs import replace

from stratus_sim.cluster import indexes, ordered, pods
from stratus_sim.cluster.indexes import Index, StoreState
from stratus_sim.cluster.objects import Manifest, ObjectKey, Resource, finalizers_of, key_of, labels_of
from stratus_sim.cluster.ordered import Ordered
from stratus_sim.cluster.specs import read_spec
from stratus_sim.cluster.standing import Standing
from stratus_sim.cluster.status import Status
from stratus_sim.cluster.watching import ANY, AUDIENCES, ENDED, LEAVING, NODE, READY, REMOVALS, STATUS, WRITTEN
from stratus_sim.kernel.draft import Draft

Resources = list[Resource]


def selects(selector: Mapping[str, str] | None, pod: Resource) -> bool:
    """Whether a Service's selector matches a pod; an empty one matches none."""
    return bool(selector) and selector.items() <= pod.labels.items()  # type: ignore[union-attr]  # it is not empty


class Store:
    """Read and write objects of one world; every write tells those who watch for such a change."""

    get: Callable[[ObjectKey], Resource | None]
    """The object of a key."""

    def __init__(self, world: Any, state: StoreState) -> None:
        self._world = world
        self._state = state
        self._standing = Standing(state)
        self.standing, self.standing_since = self._standing.of, self._standing.since
        self.stirred, self.stir = self._standing.stirred, self._standing.stir
        self._objects = Draft(state.objects)
        self.get = self._objects.__getitem__
        self._at: Callable[[ObjectKey], Resource] = self.get  # type: ignore[assignment]  # of keys an index has
        self._selecting: dict[tuple[str, int], tuple[Mapping[str, str], Index, tuple[ObjectKey, ...]]] = {}

    @property
    def state(self) -> StoreState:
        """What a snapshot of the store is taken of; ask again after a write, its maps stay as they are."""
        self._state.objects = self._objects.freeze()
        self._standing.freeze()
        return self._state

    @property
    def version(self) -> int:
        """The number of writes so far, which is the resourceVersion of the latest."""
        return self._state.version

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
        return list(map(self._at, chain.from_iterable(self._state.by_owner.get(owner, ()))))

    def owned_keys(self, owner: ObjectKey) -> Iterator[ObjectKey]:
        """The keys of `owned`."""
        return ordered.entries(self._state.by_owner.get(owner, ()))

    def referring(self, owner: ObjectKey) -> Resources:
        """The objects whose manifest names this one as their owner, in order of kind and name."""
        return self._resolve(ordered.entries(self._state.by_reference.get(owner, ())))

    def on_node(self, node: str) -> Resources:
        """The pods bound to a node; those no node was found for yet under the empty name."""
        return self._resolve(ordered.entries(self._state.by_node.get(node, ())))

    def count_on_node(self, node: str) -> int:
        """How many pods `on_node` gives."""
        return ordered.size(self._state.by_node.get(node, ()))

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
        keys = [key for term in indexes.labels(pod) for key in ordered.entries(index.get(term, ()))]
        return tuple(service.key for service in self._resolve(keys) if selects(service.spec.selector, pod))

    def create(
        self,
        manifest: Manifest,
        *,
        owner: ObjectKey | None = None,
        status: Status = None,
        spec: Any = None,
        made: bool = False,
    ) -> Resource:
        """Store a new object, `made` by a controller or not; who already has the typed `spec` passes it.

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
            made=made,
        )
        self._change(self.get(key), resource, ANY)
        return resource

    def configure(self, key: ObjectKey, manifest: Manifest, spec: Any = None, made: bool | None = None) -> Resource:
        """Replace the manifest of an object, keeping its status, and unless `made` is given whose it is."""
        old = self._present(key)
        new = replace(
            old,
            version=self._next_version(),
            generation=old.generation + 1,
            manifest=manifest,
            labels=labels_of(manifest),
            spec=read_spec(manifest) if spec is None else spec,
            made=old.made if made is None else made,
        )
        self._change(old, new, WRITTEN)
        return new

    def report(self, key: ObjectKey, status: Any) -> None:
        """Set the status of an object; nothing happens where it is already that or the object is gone."""
        old = self.get(key)
        if old is None or old.status == status:
            return
        state = self._state
        state.version = version = state.version + 1
        new, owner = replace(old, version=version, status=status), old.owner
        self._objects[key] = new
        about = self._follow(old, new) if key.kind == "Pod" else STATUS
        for watcher in AUDIENCES[key.kind, owner.kind if owner else "", about]:
            watcher(self._world, old, new)

    def _follow(self, old: Resource, new: Resource) -> int:
        """Keep counts and indexes up with the status of a Pod; what its change is about."""
        before, after = old.status, new.status
        about = STATUS if before.ready is after.ready else STATUS | READY
        if before.phase != after.phase and pods.ended(old) is not pods.ended(new):
            about |= ENDED
        if about != STATUS or (after.ready and before.env is not after.env):
            self._standing.recount(old, new)
        if before.node != after.node:
            about |= NODE
            self._state.by_node = indexes.moved(self._state.by_node, old, new, indexes.node)
        return about

    def _present(self, key: ObjectKey) -> Resource:
        found = self.get(key)
        if found is None:
            raise KeyError(key)
        return found

    def mark_deleting(self, key: ObjectKey) -> None:
        """Say that an object is on its way out: it stays until it is removed."""
        old = self._present(key)
        if not old.deleting:
            now_us = self._world.now_us
            self._change(old, replace(old, version=self._next_version(), deleting=True, deleted_us=now_us), LEAVING)

    def remove(self, key: ObjectKey) -> None:
        """Delete an object; one with finalizers is marked and stays until the last of them is taken off."""
        old = self.get(key)
        if old is None:
            return
        if finalizers_of(old.manifest):
            self.mark_deleting(key)
            return
        self._next_version()
        self._standing.depart(key)
        self._change(old, None, ANY)
        for watcher in AUDIENCES[REMOVALS, "", ANY]:
            watcher(self._world, old, None)

    def entrust(self, key: ObjectKey, owner: ObjectKey | None) -> None:
        """Give an object to another owner, who counts it from now on, or with None leave it to itself."""
        old = self._present(key)
        if old.owner == owner:
            return
        new = replace(old, version=self._next_version(), owner=owner)
        self._standing.depart(key)
        state = self._state
        if key.kind == "Pod":
            self._standing.recount(old, None)
            self._standing.recount(None, new)
        state.by_owner = indexes.moved(state.by_owner, old, new, indexes.owner)
        state.by_reference = indexes.moved(state.by_reference, old, new, indexes.references)
        self._objects[key] = new
        self._tell(old, new, WRITTEN)

    def _next_version(self) -> int:
        self._state.version += 1
        return self._state.version

    def _resolve(self, keys: Iterable[ObjectKey]) -> Resources:
        return list(map(self._at, keys))

    def _change(self, old: Resource | None, new: Resource | None, about: int) -> None:
        self._reindex(old, new)
        self._tell(old, new, about)

    def _tell(self, old: Resource | None, new: Resource | None, about: int) -> None:
        changed = new or old
        assert changed is not None  # noqa: S101  # one of them is there
        owner = changed.owner
        for watcher in AUDIENCES[changed.key.kind, owner.kind if owner else "", about]:
            watcher(self._world, old, new)

    def _reindex(self, old: Resource | None, new: Resource | None) -> None:
        state = self._state
        if new is not None:
            self._objects[new.key] = new
        elif old is not None:
            self._objects[old.key] = None
        if old is None or new is None:
            state.by_kind = indexes.moved(state.by_kind, old, new, indexes.kind)
            state.by_owner = indexes.moved(state.by_owner, old, new, indexes.owner)
        state.by_reference = indexes.moved(state.by_reference, old, new, indexes.references)
        kind = (new or old).key.kind  # type: ignore[union-attr]
        if kind == "Service":
            state.by_selector = indexes.moved(state.by_selector, old, new, indexes.selector)
        elif kind == "Pod":
            self._standing.recount(old, new)
            state.by_node = indexes.moved(state.by_node, old, new, indexes.node)
            state.by_label = indexes.moved(state.by_label, old, new, indexes.labels)
