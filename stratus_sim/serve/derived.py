"""Changes of what the API shows and nobody stores: watchers hear of it when what it is worked out from has changed.

Endpoints follow from EndpointSlices, the status of a PodDisruptionBudget from pods, a namespace nobody declared from
what is in it, and with each namespace comes the certificate of the API server.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING

from stratus_sim.cluster import root_ca
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.serve.showing import View
from stratus_sim.telemetry import render_endpoints
from stratus_sim.telemetry.completing import completed
from stratus_sim.telemetry.render import Json
from stratus_sim.telemetry.render_namespaces import undeclared

if TYPE_CHECKING:
    from stratus_sim.world import World

Found = dict[str, Json]
"""Objects by name."""
Difference = tuple[str, Json | None, Json | None]
"""A kind, and an object of it before and after."""
BUDGET = "PodDisruptionBudget"


def _endpoints(world: World, namespace: str) -> Found:
    return {body["metadata"]["name"]: body for body in render_endpoints.derived(world, namespace)}


def _budgets(world: World, namespace: str) -> Found:
    return {found.key.name: completed(world, found) for found in world.store.list(BUDGET, namespace)}


def _certificate(world: World, namespace: str) -> Found:
    key = ObjectKey(root_ca.KIND, namespace, root_ca.NAME)
    found = root_ca.find(world, key) if world.store.get(key) is None else None
    return {} if found is None else {key.name: completed(world, found)}


def _namespace(world: World, namespace: str) -> Found:
    found = undeclared(world).get(namespace)
    return {} if found is None else {namespace: found}


_READ: Mapping[str, tuple[frozenset[str], Callable[[World, str], Found]]] = {
    render_endpoints.KIND: (frozenset({"EndpointSlice", "Service", "Pod"}), _endpoints),
    BUDGET: (frozenset({"Pod", BUDGET}), _budgets),
    root_ca.KIND: (frozenset({"ServiceAccount", root_ca.KIND}), _certificate),
    "Namespace": (frozenset({"ServiceAccount"}), _namespace),
}
"""By kind, the kinds it follows from, and what there is of it in a namespace."""


class Derived:
    """What was shown last, by kind and namespace."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._shown: dict[tuple[str, str], Found] = {}
        for namespace in sorted({key.namespace for key in view.world.store.state.objects}):
            for kind, (_, read) in _READ.items():
                self._shown[kind, namespace] = read(view.world, namespace)

    def changed(self, touched: Collection[ObjectKey]) -> Iterator[Difference]:
        """What is shown otherwise since objects of these keys have changed; these themselves are left out."""
        for kind, (inputs, read) in _READ.items():
            for namespace in sorted({key.namespace for key in touched if key.kind in inputs}):
                before, now = self._shown.get((kind, namespace), {}), read(self._view.world, namespace)
                self._shown[kind, namespace] = now
                for name in sorted({*before, *now}):
                    if before.get(name) != now.get(name) and ObjectKey(kind, namespace, name) not in touched:
                        yield kind, self._dated(before.get(name)), self._dated(now.get(name))

    def _dated(self, body: Json | None) -> Json | None:
        return None if body is None else self._view.calendar.date({**body})
