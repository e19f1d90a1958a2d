"""Pods of different priorities that compete for one or two nodes, for what they ask and for what they use."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from hypothesis import strategies as st

from stratus_sim.cluster import api
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.application import describe
from stratus_sim.manifests.load import Manifests
from stratus_sim.manifests.topology import Profile, Topology
from stratus_sim.snapshot import Snapshot
from stratus_sim.world import World
from tests.cluster.workloads import Spec, workload
from tests.invariants.grounds.ground import Ground, common, deleted, made
from tests.invariants.worlds import SETTLED_S, machines

GRADES = {"low": 10, "mid": 50, "high": 100, "mild": 100}
"""Priority classes; `mild` pre-empts nobody."""
NAMES = "abcde"
USED_MIB = 500


class Plan(NamedTuple):
    """Workloads by number; each of their processes uses `used` times 500 MiB, whatever it asks for."""

    nodes: int = 1
    workloads: tuple[int, ...] = (0,)
    used: int = 1
    seed: int = 0


PLANS = st.builds(
    Plan, st.integers(1, 2), st.lists(st.integers(0, 239), max_size=4).map(tuple), st.integers(0, 3), st.integers(0, 9)
)


def grade(name: str) -> Spec:
    head = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}}
    return {**head, "value": GRADES[name], **({"preemptionPolicy": "Never"} if name == "mild" else {})}


def ranked(number: int) -> Spec:
    """A Deployment called by the last digit, of some class and size."""
    name, class_name = NAMES[number % 5], (*GRADES, "")[number // 5 % 5]
    asked = ({"cpu": "300m"}, {"cpu": "600m", "memory": "1Gi"}, {"memory": "256Mi"}, {})[number // 25 % 4]
    container = {"name": "c", "image": "w:1", "resources": {"requests": asked}}
    pod: dict[str, Any] = {"containers": [container], "terminationGracePeriodSeconds": (1, 30)[number // 100 % 2]}
    if class_name:
        pod["priorityClassName"] = class_name
    template = {"metadata": {"labels": {"app": name}}, "spec": pod}
    return workload("Deployment", name, replicas=number // 7 % 4, template=template)


def _budget(number: int) -> Spec:
    name = NAMES[number % 5]
    spec = {"minAvailable": number // 5 % 3, "selector": {"matchLabels": {"app": name}}}
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name}, "spec": spec}


def world_of(plan: Plan) -> World:
    return World(_settled(plan))


@lru_cache(maxsize=64)
def _settled(plan: Plan) -> Snapshot:
    everyone = [ranked(number) for number in range(5)]
    profiles = {name: Profile(memory_mib=USED_MIB * plan.used) for name in NAMES}
    application = describe(Manifests(tuple(everyone)), Topology(profiles=profiles, entrypoints=()))
    world = World.empty(application, plan.seed)
    for manifest in (*machines(plan.nodes), *map(grade, GRADES), *map(ranked, plan.workloads)):
        api.put(world, manifest, "user")
    world.run_for(SETTLED_S * SECOND_US)
    return world.snapshot()


RANKS = Ground(
    "ranks",
    PLANS,
    world_of,
    {
        **common("kill", "scale", "crash", "restore", "drain", "cordon", "uncordon", "evict", "swap node", "starve"),
        "come": made(ranked),
        "guard": made(_budget),
        "drop": deleted("Deployment", "PriorityClass", "PodDisruptionBudget"),
    },
)
