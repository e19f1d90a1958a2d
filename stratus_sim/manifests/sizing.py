"""What a process needs by default, derived from its resources and its place in the call graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import networkx as nx

from stratus_sim.manifests import quantity
from stratus_sim.manifests.calls import Call

DEFAULT_LOAD_RPS = 50
"""Requests per second at each entry point that the default profiles are sized for."""
HEADROOM = 4
"""How many times the default load one replica carries with its own CPU."""
STORE_LATENCY_US, SERVICE_LATENCY_US = 500, 2_000
"""Time a request takes beyond CPU and calls, for a workload that calls nobody and one that does."""
REQUEST_BYTES, RESPONSE_BYTES = 500, 4_000
"""What a request and its answer weigh on the wire, headers included: no manifest says it, a topology may."""
_DEFAULT_MILLICORES = 100
_DEFAULT_MEMORY_MIB = 64
_MIN_CPU_US, _MAX_CPU_US = 10, 2_000


def memory_mib(container: Mapping[str, Any]) -> int:
    """Memory a healthy process needs, in MiB: half its limit, else its request, else 64."""
    resources = container.get("resources") or {}
    limit = (resources.get("limits") or {}).get("memory")
    if limit is not None:
        return max(1, quantity.mib(limit) // 2)
    request = (resources.get("requests") or {}).get("memory")
    return _DEFAULT_MEMORY_MIB if request is None else max(1, quantity.mib(request))


def cpu_us_per_request(container: Mapping[str, Any], visits: int) -> int:
    """CPU time per request, in microseconds.

    One replica carries `HEADROOM` times the default load with its CPU limit (else request, else 100m), when a
    round of requests visits it `visits` times.
    """
    resources = container.get("resources") or {}
    amounts = [(resources.get(side) or {}).get("cpu") for side in ("limits", "requests")]
    cpu = next((quantity.millicores(amount) for amount in amounts if amount is not None), _DEFAULT_MILLICORES)
    budget_us = cpu * 1000 // (HEADROOM * DEFAULT_LOAD_RPS * max(1, visits))
    return min(_MAX_CPU_US, max(_MIN_CPU_US, budget_us))


def visits(
    workloads: Iterable[str],
    services: Mapping[str, tuple[str, ...]],
    calls: Iterable[Call],
    entrypoints: Iterable[str],
) -> dict[str, int]:
    """How often one round of requests, one per entry point, reaches each workload along the call graph.

    Members of a cycle count as if the cycle were entered once; telemetry is counted but not followed further.
    """
    edges = [(c.source_key, target, c.hard) for c in calls for target in services.get(c.target_key, ())]
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(workloads)
    graph.add_edges_from((source, target) for source, target, hard in edges if hard)
    count = _along(graph, [key for entry in entrypoints for key in services[entry]])
    extra = dict.fromkeys(count, 0)
    for source, target, hard in edges:
        extra[target] += 0 if hard else count[source]
    return {key: count[key] + extra[key] for key in count}


def _along(graph: nx.DiGraph[str], entered: list[str]) -> dict[str, int]:
    knots = nx.condensation(graph)
    knot_of: dict[str, int] = knots.graph["mapping"]
    count = dict.fromkeys(knots, 0)
    for key in entered:
        count[knot_of[key]] += 1
    for knot in nx.topological_sort(knots):
        for source in sorted(knots.nodes[knot]["members"]):
            for target in graph.successors(source):
                if knot_of[target] != knot:
                    count[knot_of[target]] += count[knot]
    return {key: count[knot_of[key]] for key in graph}
