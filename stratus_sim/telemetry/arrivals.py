"""How many requests reach a workload: of those bound for it, what no broken call before it has stopped."""

from __future__ import annotations

from stratus_sim.application.errors import stopped
from stratus_sim.application.flow import CallFlow, EntryFlow, WorkloadFlow


def reach_permille(flow: CallFlow | EntryFlow, server: WorkloadFlow) -> int:
    """The share of requests over a flow that its server gets to see.

    A flow names one of its errors only. Of requests stopped on the way none is answered, of the others as many as the
    server answers at all; where that is none, nothing tells the two apart and all are taken to arrive.
    """
    if not stopped(flow.error) or not server.pods:
        return 1000 if server.pods else 0
    return min(1000, 1000 * flow.success_permille // server.success_permille) if server.success_permille else 1000
