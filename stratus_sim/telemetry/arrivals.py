"""How many requests reach a workload: of those bound for it, what no broken call before it has stopped."""

from __future__ import annotations

from stratus_sim.application.errors import BREAKER_OPEN, REFUSED, TIMED_OUT
from stratus_sim.application.flow import CallFlow, EntryFlow, Flows, WorkloadFlow
from stratus_sim.manifests.application import Application

_STOPPED = frozenset({REFUSED, TIMED_OUT, BREAKER_OPEN})
_NAMELESS = "no such host"


def stopped(error: str) -> bool:
    """Whether who meets this error has not reached a server."""
    return error in _STOPPED or error.startswith(_NAMELESS)


def reach_permille(flow: CallFlow | EntryFlow, server: WorkloadFlow) -> int:
    """The share of requests over a flow that its server gets to see.

    A flow names one of its errors only. Of requests stopped on the way none is answered, of the others as many as the
    server answers at all; where that is none, nothing tells the two apart and all are taken to arrive.
    """
    if not stopped(flow.error) or not server.pods:
        return 1000 if server.pods else 0
    return min(1000, 1000 * flow.success_permille // server.success_permille) if server.success_permille else 1000


def arriving(application: Application, flows: Flows, workload: str) -> int:
    """Requests per 1,000 s that reach a workload (`namespace/name`)."""
    return _arriving(application, flows, workload, ())


def _arriving(application: Application, flows: Flows, workload: str, behind: tuple[str, ...]) -> int:
    """What a circle leads back to has come that way already."""
    server = flows.workloads[workload]
    entries = [e for e in flows.entries if workload in application.services.get(e.service, ())[:1]]
    total = sum(entry.rate * reach_permille(entry, server) // 1000 for entry in entries)
    for flow in flows.calls:
        source = flow.call.source_key
        if source in (workload, *behind) or workload not in application.services.get(flow.call.target_key, ()):
            continue
        made = _arriving(application, flows, source, (workload, *behind))
        total += made * reach_permille(flow, server) // 1000
    return min(total, server.rate)
