"""How unwell the system is: three oracles, one vector, one number (paper section 4, termination checks).

Each component counts permille: `components` sums, over workloads, the share of wanted replicas that is missing or of
pods that are not ready; `requests` sums the share of failing user requests over entry points; `alerts` counts 100 per
firing alert of the rules that count. A workload that had replicas when the application was described is wanted with at
least one, so scaling a broken service to zero, or deleting it, is no repair.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stratus_sim.application import epochs
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.pods import active, of_workload
from stratus_sim.cluster.workloads.bounds import wanted
from stratus_sim.manifests.kinds import WORKLOADS
from stratus_sim.telemetry.alerts import counted

if TYPE_CHECKING:
    from stratus_sim.world import World

REQUEST_WEIGHT = 10
ALERT_WEIGHT = 100


class Severity(NamedTuple):
    """The vector; larger is worse in every component. `scalar` orders it totally."""

    components: int
    requests: int
    alerts: int

    @property
    def scalar(self) -> int:
        """User requests weigh ten times a component's share."""
        return self.components + REQUEST_WEIGHT * self.requests + self.alerts

    def __str__(self) -> str:
        return f"{self.scalar} (components {self.components}, requests {self.requests}, alerts {self.alerts})"


HEALTHY = Severity(0, 0, 0)


def measure(world: World) -> Severity:
    """The severity of a world at this instant, from what exists and what flows."""
    return Severity(components(world), _requests(world), ALERT_WEIGHT * counted(world))


def no_worse(after: Severity, before: Severity) -> bool:
    """The order TNR is judged by: a total preorder on the scalar."""
    return after.scalar <= before.scalar


def unwell(world: World) -> dict[str, int]:
    """Share of missing or unready replicas in permille, for each workload with any, keyed `namespace/name`."""
    shares = {name: _share(world, name, key) for name, key in sorted(_names(world).items())}
    return {name: share for name, share in shares.items() if share}


def components(world: World) -> int:
    """The first component: 1000 for each silent node and the shares of `unwell`."""
    nodes = sum(1000 for node in world.store.list("Node") if not node.status.heartbeat)
    return nodes + sum(unwell(world).values())


def _requests(world: World) -> int:
    return sum(1000 - entry.success_permille for entry in epochs.current(world).entries)


def _names(world: World) -> dict[str, ObjectKey]:
    known = {n: ObjectKey(w.kind, w.namespace, w.name) for n, w in world.application.workloads.items()}
    live = [r.key for kind in WORKLOADS for r in world.store.list(kind)]
    return known | {f"{key.namespace}/{key.name}": key for key in live}


def _share(world: World, name: str, key: ObjectKey) -> int:
    known = world.application.workloads.get(name)
    resource = world.store.get(key)
    floor = 1 if known is not None and known.replicas > 0 else 0
    replicas = _replicas(resource)
    pods = _pods(world, resource)
    unready = sum(not pod.status.ready for pod in pods)
    missing = max(replicas, floor) - (len(pods) - unready)
    return min(1000, 1000 * max(missing, unready, 0) // max(replicas, floor, 1))


def _replicas(resource: Resource | None) -> int:
    if resource is None:
        return 0
    return int(resource.status.wanted) if resource.key.kind == "DaemonSet" else wanted(resource)


def _pods(world: World, resource: Resource | None) -> list[Resource]:
    return [] if resource is None else [pod for pod in of_workload(world, resource.key) if active(pod)]
