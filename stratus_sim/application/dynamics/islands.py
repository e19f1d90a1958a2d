"""Which workloads have nothing to do with each other: what goes on in one island changes no other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

import networkx as nx

from stratus_sim.application.dynamics.plan import USER, Edge, Operation, Plan, plan_of, siblings_of
from stratus_sim.manifests.application import Application
from stratus_sim.manifests.traffic import Policy


class Shape:
    """What requests do on an island, by numbers of its own: islands that differ in names only share it.

    `operations` are in order, those of users, which are `asking`, first: a call that does not go on in it ends a
    circle. `policies` are those of links, `home` has what each workload does by default and `siblings` all that it
    does; operations that are `sharing` do not have its room for themselves. `entries` are the links of users, `retried`
    and `broken` those with retries and with a breaker. At `stopping`, edges by operation and place, a failed call
    leaves others undone. Shapes are compared by identity (see `shape_of`).
    """

    __slots__ = (
        "asking", "broken", "entries", "home", "operations", "policies", "retried", "sharing", "siblings", "stopping",
    )  # fmt: skip

    def __init__(self, operations: tuple[Operation, ...], policies: tuple[Policy, ...], home: tuple[int, ...]) -> None:
        self.operations, self.policies, self.home = operations, policies, home
        numbered = list(enumerate(operations))
        self.siblings = siblings_of(operations, len(home))
        self.asking = tuple([o for o, op in numbered if op.workload == USER])
        self.sharing = tuple([o for o, op in numbered if op.workload != USER and len(self.siblings[op.workload]) > 1])
        self.stopping = frozenset([at for o, op in numbered for at in _stopping(o, op)])
        self.entries = tuple(sorted({edge.link for o in self.asking for edge in operations[o].edges}))
        self.retried = tuple([link for link, policy in enumerate(policies) if policy.retries])
        self.broken = tuple([link for link, policy in enumerate(policies) if policy.breaker is not None])


@lru_cache(maxsize=4096)
def shape_of(operations: tuple[Operation, ...], policies: tuple[Policy, ...], home: tuple[int, ...]) -> Shape:
    """The shape of these operations, links and workloads."""
    return Shape(operations, policies, home)


class Island:
    """A part of a plan that no call leaves: a `shape`, and the plan's numbers of its `operations`, `workloads` and
    `links`.

    `names` are those of its workloads, `number` is which of these has a name; `places` are the workloads and links as
    ledgers count them, `labels` their names as alerts tell them. `calls` are the application's, by place among these
    and link. Islands are compared by identity.
    """

    __slots__ = ("calls", "labels", "links", "names", "number", "operations", "places", "plan", "shape", "workloads")

    def __init__(self, plan: Plan, operations: tuple[int, ...]) -> None:
        self.plan, self.operations = plan, operations
        self.workloads = _in_order(plan.operations[o].workload for o in operations if plan.operations[o].workload >= 0)
        self.links = _in_order(edge.link for o in operations for edge in plan.operations[o].edges)
        self.names = tuple([plan.workloads[number] for number in self.workloads])
        self.number = {name: number for number, name in enumerate(self.names)}
        self.places = (*self.workloads, *[len(plan.workloads) + link for link in self.links])
        self.labels = (*self.names, *[plan.links[link].service for link in self.links])
        mine = {link: number for number, link in enumerate(self.links)}
        self.calls = tuple([(place, mine[link]) for place, link in enumerate(plan.calls) if link in mine])
        self.shape = self._shape(mine)

    def _shape(self, links: Mapping[int, int]) -> Shape:
        plan, operations = self.plan, {number: place for place, number in enumerate(self.operations)}
        workloads = {number: place for place, number in enumerate(self.workloads)} | {USER: USER}

        def edge(one: Edge) -> Edge:
            targets = tuple([(workloads[workload], operations[target]) for workload, target in one.targets])
            return one._replace(link=links[one.link], targets=targets)

        found = [plan.operations[number] for number in self.operations]
        return shape_of(
            tuple([op._replace(workload=workloads[op.workload], edges=tuple(map(edge, op.edges))) for op in found]),
            tuple([plan.links[link].policy for link in self.links]),
            tuple([operations[plan.home[name]] for name in self.names]),
        )


class Stray(NamedTuple):
    """An address leads calls over a link to a workload nobody planned for."""

    link: int
    workload: int


@lru_cache(maxsize=64)
def islands_of(application: Application, strays: frozenset[Stray] = frozenset()) -> tuple[Island, ...]:
    """The islands of an application's plan, in order, where some calls go astray."""
    plan = plan_of(application)
    graph: nx.Graph[tuple[str, int]] = nx.Graph()
    for number, operation in enumerate(plan.operations):
        graph.add_node(("operation", number))
        for edge in operation.edges:
            graph.add_edge(("operation", number), ("link", edge.link))
            graph.add_edges_from((("operation", number), ("operation", target)) for _, target in edge.targets)
    for link, names in enumerate(plan.reached):
        graph.add_edges_from((("link", link), ("operation", plan.home[name])) for name in names)
    for siblings in plan.siblings:
        nx.add_path(graph, [("operation", number) for number in siblings])
    graph.add_edges_from((("link", s.link), ("operation", _home(plan, s))) for s in strays)
    parts = [sorted(number for kind, number in part if kind == "operation") for part in nx.connected_components(graph)]
    return tuple(Island(plan, _callers_first(plan, part, strays) if strays else tuple(part)) for part in sorted(parts))


@lru_cache(maxsize=64)
def standing_on(application: Application, strays: frozenset[Stray] = frozenset()) -> Mapping[str, int]:
    """The place of its island by name of a workload, where some calls go astray."""
    return {name: place for place, island in enumerate(islands_of(application, strays)) for name in island.names}


@lru_cache(maxsize=64)
def breaking(application: Application, strays: frozenset[Stray] = frozenset()) -> tuple[int, ...]:
    """The places of islands with a breaker."""
    return tuple([place for place, island in enumerate(islands_of(application, strays)) if island.shape.broken])


def _callers_first(plan: Plan, operations: list[int], strays: frozenset[Stray]) -> tuple[int, ...]:
    """Operations in the order they have in the plan, but that who is called by mistake comes after the caller."""
    led = [(stray.link, _home(plan, stray)) for stray in sorted(strays)]
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(operations)
    for number in operations:
        edges = plan.operations[number].edges
        graph.add_edges_from((number, target) for edge in edges for _, target in edge.targets)
        graph.add_edges_from((number, home) for edge in edges for link, home in led if link == edge.link)
    users = [number for number in operations if plan.operations[number].workload < 0]
    rest = [number for number in nx.dfs_postorder_nodes(graph) if number not in users]
    return (*users, *reversed(rest))


def _home(plan: Plan, stray: Stray) -> int:
    return plan.home[plan.workloads[stray.workload]]


def _stopping(number: int, operation: Operation) -> Iterator[tuple[int, int]]:
    for place, edge in enumerate(operation.edges, 1):
        others = place < len(operation.edges) and not operation.parallel
        if edge.hard and (others or edge.times > 1):
            yield number, place - 1


def _in_order(numbers: Iterable[int]) -> tuple[int, ...]:
    return tuple(sorted(set(numbers)))
