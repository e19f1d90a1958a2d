"""Which kinds are served, and under which path: the built-in ones, and every other kind the cluster holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from stratus_sim.manifests.kinds import IN_ALL, NAMESPACED, SERVED, SHORT_NAMES, plural
from stratus_sim.serve.answers import NOT_FOUND, Refusal

if TYPE_CHECKING:
    from stratus_sim.world import World

SCALABLE = frozenset({"Deployment", "ReplicaSet", "StatefulSet"})
ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
READ_ONLY = ("get", "list", "watch")


class Kind(NamedTuple):
    """One kind under one group and version, as discovery lists it."""

    name: str
    group: str
    version: str
    plural: str
    namespaced: bool
    short: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self) -> str:
        """`plural.group`, as messages name it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def built_in(self) -> bool:
        return SERVED.get(self.name) == self.api_version

    @property
    def subresources(self) -> tuple[str, ...]:
        if self.name == "Pod":
            return ("eviction", "log")
        return ("scale",) if self.built_in and self.name in SCALABLE else ()


@cache
def built_in() -> tuple[Kind, ...]:
    """The kinds every cluster serves, in order of group, version and plural."""
    return tuple(sorted((_built_in(name) for name in SERVED), key=lambda k: (k.group, k.version, k.plural)))


def served(world: World) -> tuple[Kind, ...]:
    """All kinds of a world: built-in, defined by a CustomResourceDefinition, or simply there."""
    defined = [kind for found in world.store.list("CustomResourceDefinition") for kind in _defined(found.manifest)]
    known = {*SERVED, *(kind.name for kind in defined)}
    loose = [_loose(world, name) for name in sorted(world.store.state.by_kind) if name not in known]
    return (*built_in(), *defined, *loose)


def find(world: World, group: str, version: str, plural: str, beside: Iterable[Kind] = ()) -> Kind:
    """The kind behind a path, one of those served or `beside` them.

    Raises:
        Refusal: 404, nothing is served there.
    """
    for kind in (*served(world), *beside):
        if (kind.group, kind.version, kind.plural) == (group, version, plural):
            return kind
    raise Refusal(404, NOT_FOUND)


def _built_in(name: str) -> Kind:
    group, _, version = SERVED[name].rpartition("/")
    short = (SHORT_NAMES[name],) if name in SHORT_NAMES else ()
    verbs = READ_ONLY if name == "Event" else ALL_VERBS
    categories = ("all",) if name in IN_ALL else ()
    return Kind(name, group, version, plural(name), name in NAMESPACED, short, categories, verbs)


def _defined(manifest: Mapping[str, Any]) -> Iterator[Kind]:
    spec = manifest.get("spec") or {}
    names, group = spec.get("names") or {}, spec.get("group")
    if not names.get("kind") or not names.get("plural") or not group:
        return
    for version in spec.get("versions") or ():
        if version.get("served", True):
            short, categories = tuple(names.get("shortNames") or ()), tuple(names.get("categories") or ())
            namespaced = spec.get("scope") != "Cluster"
            yield Kind(names["kind"], group, version["name"], names["plural"], namespaced, short, categories)


def _loose(world: World, name: str) -> Kind:
    """A kind nothing defines: its objects say which group it is of and where they live."""
    found = world.store.list(name)
    group, _, version = str(found[0].manifest["apiVersion"]).rpartition("/")
    return Kind(name, group, version, plural(name), any(item.key.namespace for item in found))
