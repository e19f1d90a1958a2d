"""Pods whose containers end, hang on and are killed: restarts, hooks, sidecars and grace periods on two nodes."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from hypothesis import strategies as st

from stratus_sim.cluster import api
from stratus_sim.snapshot import Snapshot
from stratus_sim.world import World
from tests.cluster.workloads import Spec, cluster, workload
from tests.invariants.grounds.ground import Ground, common, deleted, made
from tests.invariants.steps import Choice
from tests.invariants.worlds import machines

COMMANDS = (
    "serve",
    "sleep 5; exit 1",
    "exit 2",
    "sleep 700; exit 1",
    "trap '' TERM; sleep 30; exit 0",
    "sleep 90; exit 0",
)
NAMES = "abc"
GRACES = (30, 0, 5, 60)


class Plan(NamedTuple):
    """Workloads by number."""

    workloads: tuple[int, ...] = (0,)
    seed: int = 0


PLANS = st.builds(Plan, st.lists(st.integers(0, 1079), min_size=1, max_size=3).map(tuple), st.integers(0, 9))


def _container(name: str, command: str, **more: Any) -> dict[str, Any]:
    requests = {"requests": {"cpu": "100m", "memory": "64Mi"}}
    return {"name": name, "image": "w:1", "command": ["sh", "-c", command], "resources": requests, **more}


BESIDE: tuple[dict[str, Any], ...] = (
    {},
    {"initContainers": [_container("s", "serve", restartPolicy="Always")]},
    {"beside": [_container("d", "sleep 50; exit 1")]},
    {"initContainers": [_container("i", "sleep 2; exit 0"), _container("s", "serve", restartPolicy="Always")]},
    {"initContainers": [_container("i", "exit 1")]},
)
"""What a pod has beside its container, nothing, or as an init container."""


def ailing(number: int) -> Spec:
    """A Deployment behind a Service: `number` says what its container does, how it is stopped and what is beside it."""
    name, command = NAMES[number % 3], COMMANDS[number // 3 % 6]
    hook = (None, "sleep 4", "sleep 100")[number // 18 % 3]
    container = _container("c", command, ports=[{"containerPort": 80}])
    if hook is not None:
        container["lifecycle"] = {"preStop": {"exec": {"command": hook.split()}}}
    more = BESIDE[number // 216 % 5]
    pod = {
        "containers": [container, *more.get("beside", ())],
        "terminationGracePeriodSeconds": GRACES[number // 54 % 4],
    }
    if "initContainers" in more:
        pod["initContainers"] = more["initContainers"]
    template = {"metadata": {"labels": {"app": name}}, "spec": pod}
    return workload("Deployment", name, replicas=1 + number % 2, template=template)


def _service(number: int) -> Spec:
    name = NAMES[number % 3]
    spec = {"selector": {"app": name}, "ports": [{"port": 80}], "publishNotReadyAddresses": bool(number // 3 % 2)}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def world_of(plan: Plan) -> World:
    return World(_begun(plan))


@lru_cache(maxsize=64)
def _begun(plan: Plan) -> Snapshot:
    objects = (*machines(2), *map(_service, range(3)), *map(ailing, plan.workloads))
    return cluster(*objects, nodes=0, seed=plan.seed, seconds=60).snapshot()


def _hurry(world: World, choice: Choice) -> None:
    """A pod is told to end, or told again, with a shorter grace period."""
    target = choice.of(world, "Pod")
    if target is not None:
        own_s = target.spec.termination_grace_period_seconds
        api.delete(world, target.key, "user", grace_s=min(own_s, (0, 1, 3)[choice.number // 7 % 3]))


RUNS = Ground(
    "runs",
    PLANS,
    world_of,
    {
        **common("kill", "roll", "break", "scale", "crash", "restore", "drain", "uncordon", "relabel", "swap node"),
        "ail": made(ailing),
        "serve": made(_service),
        "hurry": _hurry,
        "wait": lambda _world, _choice: None,
        "drop": deleted("Deployment", "Service", "EndpointSlice"),
    },
)
