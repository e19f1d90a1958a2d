"""The call graph of an application, put in an order in which callees come first."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import networkx as nx

from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.manifests.application import Application
from stratus_sim.manifests.calls import Call


class Plan(NamedTuple):
    """`knots` are the workloads in sets that call each other in a circle, most of one member, callees first; `order`
    lists their members. `callees` names the workload behind each hard call, `keys` the object of each workload. `names`
    are all workloads in order."""

    knots: tuple[tuple[str, ...], ...]
    order: tuple[str, ...]
    calls: Mapping[str, tuple[Call, ...]]
    callees: Mapping[str, tuple[str, ...]]
    entries: tuple[str, ...]
    cyclic: bool
    keys: Mapping[str, ObjectKey]
    names: tuple[str, ...]


@lru_cache(maxsize=64)
def plan_of(application: Application) -> Plan:
    """The evaluation plan of an application; computed once per application."""
    calls = {name: tuple(c for c in application.calls if c.source_key == name) for name in application.workloads}
    callees = {name: _callees(application, calls[name]) for name in calls}
    knots = _callees_first(callees)
    entries = tuple(w for service in application.entrypoints for w in application.services.get(service, ())[:1])
    return Plan(
        knots=knots,
        order=tuple(name for knot in knots for name in knot),
        calls=calls,
        callees=callees,
        entries=entries,
        cyclic=not nx.is_directed_acyclic_graph(_graph(callees)),
        keys={name: ObjectKey(w.kind, w.namespace, w.name) for name, w in application.workloads.items()},
        names=tuple(sorted(application.workloads)),
    )


def _callees(application: Application, calls: tuple[Call, ...]) -> tuple[str, ...]:
    """The workload behind each hard call; the first where a Service selects several."""
    targets = [application.services.get(call.target_key, ())[:1] for call in calls if call.hard]
    return tuple(workload for target in targets for workload in target)


def _graph(callees: Mapping[str, tuple[str, ...]]) -> nx.DiGraph[str]:
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(sorted(callees))
    graph.add_edges_from((caller, callee) for caller in sorted(callees) for callee in callees[caller])
    return graph


def _callees_first(callees: Mapping[str, tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
    components = nx.condensation(_graph(callees))
    ranked = nx.lexicographical_topological_sort(components, key=lambda c: min(components.nodes[c]["members"]))
    return tuple(tuple(sorted(components.nodes[c]["members"], reverse=True)) for c in reversed(list(ranked)))
