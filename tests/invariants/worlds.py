"""Small worlds drawn by Hypothesis: a few nodes, workloads that call each other in a row, budgets over some of them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from hypothesis import strategies as st

from stratus_sim.cluster import api
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.application import describe
from stratus_sim.manifests.load import Manifests
from stratus_sim.manifests.topology import Topology
from stratus_sim.snapshot import Snapshot
from stratus_sim.testing.stage import Source, Stage
from stratus_sim.world import World
from tests.cluster.workloads import Spec, cluster, job, workload

KINDS = ("Deployment", "StatefulSet", "DaemonSet")
SETTLED_S = 120
PORT = 80
OTHER = "other"
"""A namespace, and what the names of the nodes reserved for it begin with."""


class Shape(NamedTuple):
    """A workload: `surge` and `unavailable` bound its rollouts, `wait_s` is its minReadySeconds.

    A budget over it wants `kept` pods available; None for no budget.
    """

    kind: str = "Deployment"
    replicas: int = 2
    millicores: int = 100
    surge: int = 1
    unavailable: int = 0
    wait_s: int = 0
    kept: int | None = None
    grace_s: int = 30


class Plan(NamedTuple):
    """What a world begins with: nodes of one core each, shapes called `a`, `b`, ... behind Services, and a Job or none.

    A plan without shapes is the embedded application."""

    nodes: int = 3
    shapes: tuple[Shape, ...] = (Shape(),)
    job: bool = False
    seed: int = 0


SHAPES = st.builds(
    Shape,
    st.sampled_from(KINDS),
    st.integers(0, 4),
    st.sampled_from([100, 300, 600]),
    st.integers(0, 2),
    st.integers(0, 2),
    st.sampled_from([0, 0, 5]),
    st.none() | st.integers(0, 3),
    st.sampled_from([0, 30]),
)
PLANS = st.builds(
    Plan, st.integers(1, 3), st.lists(SHAPES, min_size=1, max_size=3).map(tuple), st.booleans(), st.integers(0, 9)
)
GUARDED = PLANS.map(lambda plan: plan._replace(shapes=tuple(s._replace(kept=s.kept or 1) for s in plan.shapes)))
"""Plans with a budget over every workload."""
EMBEDDED = st.builds(Plan, st.just(3), st.just(()), st.just(False), st.integers(0, 2))


def manifests(plan: Plan) -> list[Spec]:
    """The objects of a plan, without its nodes."""
    names = [chr(ord("a") + number) for number in range(len(plan.shapes))]
    found: list[Spec] = []
    for number, (name, shape) in enumerate(zip(names, plan.shapes, strict=True)):
        found += [_service(name), _workload(name, shape, names[number + 1 : number + 2])]
        found += [_budget(name, shape.kept)] if shape.kept is not None else []
    found += [job("j", completions=2, parallelism=2, backoffLimit=3)] if plan.job else []
    return found


def world_of(plan: Plan) -> World:
    """The world of a plan once it has come to rest; the same plan is settled once."""
    return World(_settled(plan))


@lru_cache(maxsize=64)
def _settled(plan: Plan) -> Snapshot:
    if not plan.shapes:
        return Stage(Source()).standing(plan.seed).snapshot()
    return cluster(*machines(plan.nodes), *manifests(plan), nodes=0, seed=plan.seed, seconds=SETTLED_S).snapshot()


def beside(plan: Plan, others: Plan | None) -> World:
    """The world of a plan, and beside it other objects in a namespace of their own, on nodes reserved for them.

    There is room for all: of pods that compete, the one that is tried first depends on what woke the scheduler.
    """
    reserved = [machine(f"{OTHER}-{n}", taints=[{"key": OTHER, "effect": "NoSchedule"}]) for n in range(2)]
    theirs = [kept_apart(one) for one in manifests(others)] if others else []
    roomy = [{**node, "status": {"allocatable": {"cpu": "32", "memory": "64Gi"}}} for node in machines(plan.nodes)]
    objects = Manifests((*roomy, *reserved, *manifests(plan), *theirs))
    entries = ("default/a", *([f"{OTHER}/a"] if others else []))  # said, as what is one is guessed from all there is
    world = World.empty(describe(objects, Topology(entrypoints=entries)), plan.seed)
    for manifest in objects.objects:
        api.put(world, manifest, "user")
    world.run_for(SETTLED_S * SECOND_US)
    return world


def kept_apart(manifest: Spec) -> Spec:
    """An object in the namespace `OTHER`, its pods on the nodes reserved for it."""
    manifest = {**manifest, "metadata": {**manifest["metadata"], "namespace": OTHER}}
    if "template" not in manifest["spec"]:
        return manifest
    terms = [{"matchExpressions": [{"key": OTHER, "operator": "Exists"}]}]
    place = {
        "tolerations": [{"key": OTHER, "operator": "Exists"}],
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}},
    }
    template = manifest["spec"]["template"]
    template = {**template, "spec": {**template["spec"], **place}}
    return {**manifest, "spec": {**manifest["spec"], "template": template}}


def machines(count: int) -> list[Spec]:
    return [machine(f"n{number}") for number in range(count)]


def machine(name: str, **spec: Any) -> Spec:
    """A node of one core."""
    reserved = {OTHER: "true"} if name.startswith(OTHER) else {}
    metadata = {"name": name, "labels": {"kubernetes.io/hostname": name, **reserved}}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": metadata,
        "spec": spec,
        "status": {"allocatable": {"cpu": "1", "memory": "4Gi"}},
    }


def _workload(name: str, shape: Shape, called: list[str]) -> Spec:
    container = {
        "name": "c",
        "image": "w:1",
        "ports": [{"containerPort": PORT}],
        "env": [{"name": f"{callee.upper()}_ADDR", "value": f"{callee}:{PORT}"} for callee in called],
        "resources": {"requests": {"cpu": f"{shape.millicores}m", "memory": "64Mi"}},
    }
    pod = {"containers": [container], "terminationGracePeriodSeconds": shape.grace_s}
    template = {"metadata": {"labels": {"app": name}}, "spec": pod}
    rolling = {"maxSurge": shape.surge, "maxUnavailable": shape.unavailable}
    sized: dict[str, Any] = {} if shape.kind == "DaemonSet" else {"replicas": shape.replicas}
    if shape.kind == "Deployment":
        sized["strategy"] = {"type": "RollingUpdate", "rollingUpdate": rolling}
    if shape.kind == "StatefulSet":
        sized["volumeClaimTemplates"] = [{"metadata": {"name": "data"}, "spec": {}}]
    return workload(shape.kind, name, minReadySeconds=shape.wait_s, template=template, **sized)


def _service(name: str) -> Spec:
    spec = {"selector": {"app": name}, "ports": [{"port": PORT}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def _budget(name: str, kept: int) -> Spec:
    spec = {"minAvailable": kept, "selector": {"matchLabels": {"app": name}}}
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name}, "spec": spec}
