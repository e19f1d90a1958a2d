"""The filters in the order of kube-scheduler's default profile; a pod passes only through those that concern it."""

from __future__ import annotations

from collections.abc import Callable

from stratus_sim.cluster.objects import Resource
from stratus_sim.cluster.scheduling import host_ports, interpod, node_affinity, node_taints, resources, spread, storage
from stratus_sim.cluster.scheduling.attempt import Attempt, Refusal
from stratus_sim.cluster.volumes_protection import mounted

Filter = Callable[[Attempt, Resource], Refusal | None]

_PLAIN: tuple[Filter, ...] = (node_taints.refuse, node_affinity.refuse, resources.refuse)


def refuse(attempt: Attempt, node: Resource) -> Refusal | None:
    """Why a pod cannot go to a node; None when it can."""
    for check in attempt.prepared(_concerned):
        refusal = check(attempt, node)
        if refusal is not None:
            return refusal
    return None


def _concerned(attempt: Attempt) -> tuple[Filter, ...]:
    spec = attempt.pod.spec
    with_ports = next(host_ports.wanted(spec), None) is not None
    if attempt.plain and not with_ports and not spec.volumes:
        return _PLAIN
    chosen = (
        (node_taints.refuse, True),
        (node_affinity.refuse, True),
        (host_ports.refuse, with_ports),
        (resources.refuse, True),
        (storage.refuse, bool(mounted(spec))),
        (spread.refuse, bool(spec.topology_spread_constraints)),
        (interpod.refuse, bool(attempt.memory.related) or interpod.relates(spec)),
    )
    return tuple(check for check, concerns in chosen if concerns)
