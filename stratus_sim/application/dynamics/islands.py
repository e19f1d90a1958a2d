"""Which workloads have nothing to do with each other: what goes on in one island changes no other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

import networkx as nx

from stratus_sim.application.dynamics.plan import Operation, Plan, plan_of
from stratus_sim.manifests.application import Application


class Island:
    """A part of a plan that no call leaves, by the plan's own numbers; it is told by the least of its operations.

    `operations` are in order, those of users first, and `rank` says where each stands: a call that goes back ends a
    circle. `asking` are the operations of users, `sharing` those that share a workload's room with others; `entries`
    the links of users, `retried` and `broken` those with retries and with a breaker, and `calls` those of the
    application's calls by place among these. At `stopping`, edges by operation and place, a failed call leaves others
    undone. Islands are compared by identity.
    """

    __slots__ = (
        "asking", "broken", "calls", "entries", "links", "names", "number", "operations", "plan", "rank", "retried",
        "sharing", "stopping", "workloads",
    )  # fmt: skip

    def __init__(self, plan: Plan, operations: tuple[int, ...]) -> None:
        self.plan, self.number, self.operations = plan, min(operations), operations
        self.rank = {number: place for place, number in enumerate(operations)}
        self.workloads = _in_order(plan.operations[o].workload for o in operations if plan.operations[o].workload >= 0)
        self.links = _in_order(edge.link for o in operations for edge in plan.operations[o].edges)
        self.names = tuple([plan.workloads[number] for number in self.workloads])
        self.asking = tuple([o for o in operations if plan.operations[o].workload < 0])
        self.sharing = tuple([o for o in operations if o not in self.asking and len(_siblings(plan, o)) > 1])
        self.stopping = frozenset([at for o in operations for at in _stopping(o, plan.operations[o])])
        mine, policies = frozenset(self.links), [(link, plan.links[link].policy) for link in self.links]
        self.entries = tuple([link for link in self.links if plan.links[link].call is None])
        self.retried = tuple([link for link, policy in policies if policy.retries])
        self.broken = tuple([link for link, policy in policies if policy.breaker is not None])
        self.calls = tuple([(place, link) for place, link in enumerate(plan.calls) if link in mine])


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
            graph.add_edges_from((("operation", number), ("operation", target)) for target in edge.targets.values())
    for link, names in enumerate(plan.reached):
        graph.add_edges_from((("link", link), ("operation", plan.home[name])) for name in names)
    for siblings in plan.siblings:
        nx.add_path(graph, [("operation", number) for number in siblings])
    graph.add_edges_from((("link", s.link), ("operation", _home(plan, s))) for s in strays)
    parts = [sorted(number for kind, number in part if kind == "operation") for part in nx.connected_components(graph)]
    return tuple(Island(plan, _callers_first(plan, part, strays) if strays else tuple(part)) for part in sorted(parts))


def _callers_first(plan: Plan, operations: list[int], strays: frozenset[Stray]) -> tuple[int, ...]:
    """Operations in the order they have in the plan, but that who is called by mistake comes after the caller."""
    led = [(stray.link, _home(plan, stray)) for stray in sorted(strays)]
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(operations)
    for number in operations:
        edges = plan.operations[number].edges
        graph.add_edges_from((number, target) for edge in edges for target in edge.targets.values())
        graph.add_edges_from((number, home) for edge in edges for link, home in led if link == edge.link)
    users = [number for number in operations if plan.operations[number].workload < 0]
    rest = [number for number in nx.dfs_postorder_nodes(graph) if number not in users]
    return (*users, *reversed(rest))


def _home(plan: Plan, stray: Stray) -> int:
    return plan.home[plan.workloads[stray.workload]]


def _siblings(plan: Plan, operation: int) -> tuple[int, ...]:
    return plan.siblings[plan.operations[operation].workload]


def _stopping(number: int, operation: Operation) -> Iterator[tuple[int, int]]:
    for place, edge in enumerate(operation.edges, 1):
        others = place < len(operation.edges) and not operation.parallel
        if edge.hard and (others or edge.times > 1):
            yield number, place - 1


def _in_order(numbers: Iterable[int]) -> tuple[int, ...]:
    return tuple(sorted(set(numbers)))
