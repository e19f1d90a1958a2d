"""A workload under a load that comes and goes, and autoscalers that follow it as their owner pleases."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from hypothesis import strategies as st

from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.topology import Profile
from stratus_sim.snapshot import Snapshot
from stratus_sim.world import World
from tests.application.mesh import mesh
from tests.cluster.workloads import Spec
from tests.invariants.grounds.ground import Ground, common, deleted, made, patched, spec_of
from tests.invariants.steps import Choice, act

BUSY = Profile(latency_us=1000, cpu_us_per_request=1000)
"""50 requests/s take 50 of the 100 millicores a pod requests."""
LOADS = (0, 1000, 2000, 4000, 9000)


class Plan(NamedTuple):
    """An autoscaler by number."""

    autoscaler: int = 0


PLANS = st.builds(Plan, st.integers(0, 299))
POLICIES: list[list[dict[str, Any]]] = [
    [{"type": "Pods", "value": 1, "periodSeconds": 30}],
    [{"type": "Percent", "value": 50, "periodSeconds": 60}],
    [{"type": "Pods", "value": 2, "periodSeconds": 15}, {"type": "Percent", "value": 100, "periodSeconds": 45}],
]


def rules(number: int) -> dict[str, Any]:
    """Policies for one direction, by number; a window of its own for every second."""
    chosen = ("Max", "Min", "Max", "Disabled")[number // 3 % 4]
    found: dict[str, Any] = {"policies": POLICIES[number % 3], "selectPolicy": chosen}
    return {**found, **({"stabilizationWindowSeconds": (0, 60, 120)[number // 24 % 3]} if number // 12 % 2 else {})}


def autoscaler(number: int, name: str = "h") -> Spec:
    resource = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": (50, 80, 20)[number % 3]}}
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"}
    low, high = (1, 2, 3)[number // 2 % 3], (3, 5, 10)[number // 6 % 3]
    spec: dict[str, Any] = {"scaleTargetRef": target, "minReplicas": low, "maxReplicas": high}
    spec["metrics"] = [{"type": "Resource", "resource": resource}]
    if number % 5:
        spec["behavior"] = {"scaleUp": rules(number // 4), "scaleDown": rules(number // 3)}
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": metadata, "spec": spec}


def world_of(plan: Plan) -> World:
    return World(_settled(plan))


@lru_cache(maxsize=64)
def _settled(plan: Plan) -> Snapshot:
    world = mesh(profile=BUSY, extra=[autoscaler(plan.autoscaler)])
    world.run_for(60 * SECOND_US)
    return world.snapshot()


def _load(world: World, choice: Choice) -> None:
    world.schedule(0, "traffic.load", LOADS[choice.number % 5])


def _size(world: World, choice: Choice) -> None:
    target = choice.of(world, "Deployment")
    if target is not None:
        act(world, "scale", target.key, replicas=(0, 1, 2, 5, 12)[choice.number % 5])


BOUNDS = [{"minReplicas": low, "maxReplicas": high} for low, high in ((1, 2), (2, 4), (4, 8), (1, 12))]
BEHAVIOUR = [{"behavior": {"scaleUp": rules(n), "scaleDown": rules(n + 5)}} for n in range(0, 72, 7)]
AUTOSCALED = Ground(
    "autoscaled",
    PLANS,
    world_of,
    {
        **common("kill", "roll", "break", "crash", "restore", "remove"),
        "load": _load,
        "load on": _load,
        "size": _size,
        "bounds": patched("HorizontalPodAutoscaler", to=spec_of(BOUNDS)),
        "behave": patched("HorizontalPodAutoscaler", to=spec_of(BEHAVIOUR)),
        "again": made(autoscaler),
        "rival": made(lambda number: autoscaler(number, f"h{number % 2}")),
        "drop": deleted("HorizontalPodAutoscaler"),
    },
)
