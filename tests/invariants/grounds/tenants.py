"""A namespace of a tenant with quota and limit range, which comes and goes, and objects that finalizers hold."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from hypothesis import strategies as st

from stratus_sim.cluster import api
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.errors import UserError
from stratus_sim.snapshot import Snapshot
from stratus_sim.world import World
from tests.cluster.workloads import Spec, cluster, job, workload
from tests.invariants.grounds.ground import HELD, Ground, common, deleted, held, let_go, made, patched, write
from tests.invariants.steps import Choice
from tests.invariants.worlds import SETTLED_S, machines

TENANT = "tenant"
NAMESPACE: Spec = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": TENANT}}


class Plan(NamedTuple):
    """Objects of the tenant by number: workloads, quotas, limit ranges."""

    workloads: tuple[int, ...] = (0,)
    quotas: tuple[int, ...] = (0,)
    ranges: tuple[int, ...] = ()
    seed: int = 0


NUMBERS = st.lists(st.integers(0, 59), max_size=2).map(tuple)
PLANS = st.builds(Plan, NUMBERS, NUMBERS, NUMBERS, st.integers(0, 9))


def _of_tenant(manifest: Spec, *, kept: bool = False) -> Spec:
    metadata = {**manifest["metadata"], "namespace": TENANT}
    return {**manifest, "metadata": {**metadata, "finalizers": [HELD]} if kept else metadata}


RESOURCES: list[dict[str, Any]] = [
    {},
    {"requests": {"cpu": "100m", "memory": "64Mi"}},
    {"requests": {"cpu": "200m"}, "limits": {"cpu": "300m"}},
    {"limits": {"cpu": "100m", "memory": "128Mi"}},
]


def tenant_workload(number: int) -> Spec:
    """A Deployment, StatefulSet, DaemonSet or Job, which may have a finalizer, as may its pods."""
    kind, name = ("Deployment", "StatefulSet", "DaemonSet", "Job")[number % 4], f"w{number % 5}"
    container = {"name": "c", "image": "w:1", "resources": RESOURCES[number // 4 % 4]}
    marks: dict[str, Any] = {"labels": {"app": name}, **({"finalizers": [HELD]} if number % 7 == 3 else {})}
    template = {"metadata": marks, "spec": {"containers": [container]}}
    if kind == "Job":
        found = job(name, parallelism=2, completions=3)
        return _of_tenant(found, kept=number % 5 == 2)
    sized: dict[str, Any] = {} if kind == "DaemonSet" else {"replicas": number // 3 % 4}
    return _of_tenant(workload(kind, name, template=template, **sized), kept=number % 5 == 2)


HARD: list[dict[str, Any]] = [
    {"pods": "3"}, {"requests.cpu": "350m", "pods": "10"}, {"count/jobs.batch": "1", "configmaps": "2"},
    {"limits.memory": "256Mi"}, {"persistentvolumeclaims": "1"},
    {"count/deployments.apps": "2", "requests.memory": "1Gi"},
]  # fmt: skip


def quota(number: int) -> Spec:
    scopes = ([], [], ["BestEffort"], ["NotBestEffort"])[number // 6 % 4]
    hard = {"pods": "2"} if scopes == ["BestEffort"] else HARD[number % 6]
    spec = {"hard": hard, **({"scopes": scopes} if scopes and number % 6 < 2 else {})}
    return _of_tenant(
        {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": f"q{number % 3}"}, "spec": spec}
    )


LIMITS: list[dict[str, Any]] = [
    {"default": {"cpu": "200m"}, "defaultRequest": {"cpu": "100m"}},
    {"min": {"cpu": "150m"}, "max": {"cpu": "250m"}},
    {"default": {"memory": "128Mi"}, "max": {"memory": "256Mi"}},
]


def limit_range(number: int) -> Spec:
    limits = [{"type": "Container", **LIMITS[number % 3]}]
    name = f"l{number % 2}"
    return _of_tenant(
        {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": name}, "spec": {"limits": limits}}
    )


def _config(number: int) -> Spec:
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "w0", "uid": "1", "blockOwnerDeletion": True}
    metadata = {"name": f"m{number % 3}", **({"ownerReferences": [owner]} if number % 4 == 1 else {})}
    return _of_tenant({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}, kept=number % 2 == 1)


def world_of(plan: Plan) -> World:
    return World(_settled(plan))


@lru_cache(maxsize=64)
def _settled(plan: Plan) -> Snapshot:
    world = cluster(*machines(2), NAMESPACE, nodes=0, seed=plan.seed)
    for objects, make in ((plan.quotas, quota), (plan.ranges, limit_range), (plan.workloads, tenant_workload)):
        for number in objects:
            write(world, make(number))
    world.run_for(SETTLED_S * 1_000_000)
    return world.snapshot()


def _leave(world: World, choice: Choice) -> None:
    """The namespace is deleted, or made anew where it has gone."""
    if world.store.get(ObjectKey("Namespace", "", TENANT)) is None:
        write(world, NAMESPACE)
    else:
        api.delete(world, ObjectKey("Namespace", "", TENANT), "user")


def _drop(world: World, choice: Choice) -> None:
    target = choice.pick(world.store.within(TENANT))
    if target is not None:
        try:
            api.delete(world, target.key, "user", ("Background", "Foreground", "Orphan")[choice.number // 5 % 3])
        except UserError:
            return


TENANTS = Ground(
    "tenants",
    PLANS,
    world_of,
    {
        **common("kill", "scale", "roll", "starve", "crash", "restore", "drain", "uncordon", "remove", "leave"),
        "workload": made(tenant_workload),
        "config": made(_config),
        "quota": made(quota),
        "range": made(limit_range),
        "close": _leave,
        "let go": let_go,
        "hold": patched("Pod", "ReplicaSet", "Deployment", to=held),
        "drop": _drop,
        "delete": deleted("Deployment", "StatefulSet", "DaemonSet", "Job", "ReplicaSet", "Pod"),
    },
)
