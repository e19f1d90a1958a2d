"""What users get who come through an Ingress: the controller in front answers for whom it cannot reach."""

from __future__ import annotations

from collections.abc import Collection

from stratus_sim.application.errors import REFUSED, TIMED_OUT
from stratus_sim.application.routes import Hop, Hops
from stratus_sim.cluster import ingress

_SAID = {REFUSED: ingress.BAD_GATEWAY, TIMED_OUT: ingress.GATEWAY_TIMEOUT}


def through(hops: Hops, workloads: Collection[str]) -> Hops:
    """`hops` from the controller on, as users see them; a workload that is not one of these knows no such path."""
    found: dict[Hop, int] = {}
    for hop, count in hops.items():
        astray = hop.workload and hop.workload not in workloads
        seen = Hop("", ingress.NOT_FOUND) if astray else Hop(hop.workload, _SAID.get(hop.error, hop.error))
        found[seen] = found.get(seen, 0) + count
    return found or {Hop("", ingress.UNAVAILABLE): 1}
