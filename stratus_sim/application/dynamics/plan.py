"""Request types as operations over the call graph, put in an order in which callers come first."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import networkx as nx

from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.manifests.application import Application
from stratus_sim.manifests.calls import Call
from stratus_sim.manifests.traffic import USERS, Policy, RequestType, Step

USER = -1
"""The workload of users."""
_Path = tuple[str, ...]
"""How an operation is reached: a type and the Services on the way; for what a workload does by default the workload
alone, or where it is part of a circle of calls the workload by which this was entered behind it."""


class Link(NamedTuple):
    """One client: a workload `source` and the Service it calls, or users (`call` None) and where they enter."""

    call: Call | None
    service: str
    source: str
    policy: Policy


class Edge(NamedTuple):
    """An operation uses `link` so many `times`; `targets` are workloads and the operation it sets off at each."""

    link: int
    times: int
    hard: bool
    targets: tuple[tuple[int, int], ...]


class Operation(NamedTuple):
    """What a workload (its index, or USER) does for some requests. `parallel` calls are made at once."""

    workload: int
    parallel: bool
    edges: tuple[Edge, ...]


class Plan(NamedTuple):
    """Operations in order, those of users, one per type, first. A call back up the order ends a circle."""

    types: tuple[RequestType, ...]
    operations: tuple[Operation, ...]
    links: tuple[Link, ...]
    workloads: tuple[str, ...]
    siblings: tuple[tuple[int, ...], ...]
    """The operations of each workload."""
    home: Mapping[str, int]
    """What a workload does for whoever is led to it by an address nobody planned for."""
    calls: tuple[int, ...]
    """The links of the application's calls, in their order."""
    number: Mapping[str, int]
    """The workloads by name."""
    keys: Mapping[str, ObjectKey]
    """The object of each workload."""
    reached: tuple[frozenset[str], ...]
    """The workloads each link's Service selects."""


@lru_cache(maxsize=64)
def plan_of(application: Application) -> Plan:
    """The plan of an application; computed once per application."""
    return _Planner(application).plan()


def types_of(application: Application) -> tuple[RequestType, ...]:
    """The declared types, else one per entry point."""
    return application.traffic.types or tuple(RequestType(service, service) for service in application.entrypoints)


class _Sketch(NamedTuple):
    workload: str
    parallel: bool
    edges: list[tuple[int, int, bool, dict[str, _Path]]]


class _Planner:
    def __init__(self, application: Application) -> None:
        self._application = application
        self._traffic = application.traffic
        self._links: dict[tuple[Call | None, str], int] = {}
        self._found: dict[_Path, _Sketch] = {}
        self._homes: dict[str, _Path] = {}
        self._circles = _circles(application)

    def plan(self) -> Plan:
        types = types_of(self._application)
        for one in types:
            self._enter(one)
        for workload in self._application.workloads:
            if workload not in self._homes:
                self._default(workload)
        order = self._callers_first([(USERS, one.name) for one in types])
        place = {path: index for index, path in enumerate(order)}
        names = tuple(sorted(self._application.workloads))
        number = {name: index for index, name in enumerate(names)}
        operations = tuple(self._operation(self._found[path], place, number) for path in order)
        siblings = siblings_of(operations, len(names))
        home = {name: place[self._homes[name]] for name in names}
        links = tuple(self._link(*key) for key in self._links)
        calls = tuple(self._links[call, call.target_key] for call in self._application.calls)
        reached = tuple(frozenset(self._application.services.get(link.service, ())) for link in links)
        keys = {name: ObjectKey(w.kind, w.namespace, w.name) for name, w in self._application.workloads.items()}
        return Plan(types, operations, links, names, siblings, home, calls, number, keys, reached)

    def _operation(self, sketch: _Sketch, place: Mapping[_Path, int], number: Mapping[str, int]) -> Operation:
        edges = tuple(
            Edge(link, times, hard, tuple([(number[workload], place[path]) for workload, path in targets.items()]))
            for link, times, hard, targets in sketch.edges
        )
        return Operation(number.get(sketch.workload, USER), sketch.parallel, edges)

    def _link(self, call: Call | None, service: str) -> Link:
        source = call.source_key if call else USERS
        return Link(call, service, source, self._traffic.policy(source, service))

    def _use(self, call: Call | None, service: str) -> int:
        return self._links.setdefault((call, service), len(self._links))

    def _enter(self, one: RequestType) -> None:
        """Users' own operation: nothing but the call of the entry Service."""
        path: _Path = (USERS, one.name)
        targets = {w: self._step((*path, w), w, one) for w in self._application.services.get(one.service, ())}
        self._found[path] = _Sketch(USERS, False, [(self._use(None, one.service), 1, True, targets)])

    def _step(self, path: _Path, workload: str, one: RequestType | Step) -> _Path:
        """The operation of a workload that makes the calls of `one`, each kept under its own path."""
        if one.calls is None:
            return self._default(workload)
        edges = [self._edge((*path, str(n)), step) for n, step in enumerate(one.calls) if _makes(workload, step)]
        self._found[path] = _Sketch(workload, one.parallel, edges)
        return path

    def _edge(self, path: _Path, step: Step) -> tuple[int, int, bool, dict[str, _Path]]:
        service = step.call.target_key
        targets = {w: self._step((*path, w), w, step) for w in self._application.services.get(service, ())}
        return self._use(step.call, service), step.times, step.call.hard, targets

    def _default(self, workload: str, caller: str = "", entered: str = "") -> _Path:
        """Every call once; what nobody waits for loads nobody. A circle is gone round once from where it was `entered`,
        however many ways lead into it."""
        circle = self._circles.get(workload)
        if circle is None or caller not in circle:
            entered = workload
        path: _Path = (workload,) if circle is None else (workload, entered)
        if path not in self._found:
            self._homes.setdefault(workload, path)
            self._found[path] = sketch = _Sketch(workload, False, [])
            for call in self._application.calls_from(workload):
                reached = self._application.services.get(call.target_key, ()) if call.hard else ()
                targets = {w: self._default(w, workload, entered) for w in reached}
                sketch.edges.append((self._use(call, call.target_key), 1, call.hard, targets))
        return path

    def _callers_first(self, users: list[_Path]) -> list[_Path]:
        """Users, then depth first from them, the last finished first: only calls that close a circle go back."""
        graph: nx.DiGraph[_Path] = nx.DiGraph()
        root: _Path = ()
        graph.add_edges_from((root, path) for path in [*users, *self._found])
        for path, sketch in self._found.items():
            graph.add_edges_from((path, target) for _, _, _, targets in sketch.edges for target in targets.values())
        rest = [path for path in nx.dfs_postorder_nodes(graph, root) if path not in (root, *users)]
        return [*users, *reversed(rest)]


def _circles(application: Application) -> dict[str, frozenset[str]]:
    """The circle each workload is part of that calls itself by way of others."""
    hard = [(call.source_key, application.services.get(call.target_key, ())) for call in application.calls if call.hard]
    graph: nx.DiGraph[str] = nx.DiGraph([(source, target) for source, targets in hard for target in targets])
    found = [frozenset(part) for part in nx.strongly_connected_components(graph) if len(part) > 1]
    return {workload: circle for circle in found for workload in circle}


def siblings_of(operations: tuple[Operation, ...], workloads: int) -> tuple[tuple[int, ...], ...]:
    """The operations of each of so many workloads."""
    found: list[list[int]] = [[] for _ in range(workloads)]
    for number, operation in enumerate(operations):
        if operation.workload != USER:
            found[operation.workload].append(number)
    return tuple(map(tuple, found))


def _makes(workload: str, step: Step) -> bool:
    return step.call.source_key == workload
