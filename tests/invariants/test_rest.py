"""When writes and faults stop the world comes to rest, and stays; once what is wrong is repaired, everything serves."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stratus_sim.cluster import api, scheduler
from stratus_sim.cluster.merge import strategic_merge
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.scheduling import storage
from stratus_sim.cluster.scheduling.attempt import Attempt
from stratus_sim.kernel import SECOND_US, Timer
from stratus_sim.world import World
from tests.invariants.steady import READY, steady
from tests.invariants.steps import ROLLED, STEPS, Step, act, take
from tests.invariants.worlds import PLANS, Plan, machines, world_of

RESTS_WITHIN_S = 1800
"""Longer than the progress deadline, the toleration of a lost node and the longest back-off, one after the other."""
LATER_S = 7200
TRIED_AGAIN = frozenset({"ErrImagePull", "ImagePullBackOff", "CrashLoopBackOff", "ContainerCreating"})
"""Why a kubelet goes on trying with a pod: these, and nothing else, still have timers."""


def stop(world: World) -> None:
    """Faults are off and every node is there and alive; what was written stays."""
    for fault in sorted(world.faults.active):
        world.schedule(0, "fault.heal", *fault)
    for node in machines(3):
        if world.store.get(ObjectKey("Node", "", node["metadata"]["name"])) is None:
            api.put(world, node, "user")
    for found in world.store.list("Node"):
        world.schedule(0, "node.restore", found.key.name)


def repair(world: World) -> None:
    """Nodes take pods, templates can run, and what a broken StatefulSet waits for, or nobody owns any more, is deleted
    (a forced rollback). So are the pods of DaemonSets that wait: on full nodes each may wait for another's old pod."""
    for node in world.store.list("Node"):
        act(world, "uncordon", node.key)
        act(world, "taint", node.key, taints=["x:NoExecute-"])
    for kind in ROLLED:
        for found in world.store.list(kind):
            _make_runnable(world, found)
    for found in world.store.list("ReplicaSet"):
        if found.owner is None:
            api.delete(world, found.key, "user")
    world.run_for(60 * SECOND_US)
    waiting = {pod.owner for pod in world.store.list("Pod") if not pod.status.ready}
    for pod in world.store.list("Pod"):
        kind = pod.owner.kind if pod.owner is not None else ""
        stuck = not pod.status.ready if kind == "StatefulSet" else kind == "DaemonSet" and pod.owner in waiting
        if pod.owner is None or stuck:
            api.delete(world, pod.key, "user")


def _make_runnable(world: World, found: Resource) -> None:
    """Whatever a rollback may have brought back of a fault that was over."""
    size = {} if found.key.kind == "DaemonSet" else {"replicas": 1}
    resources = {"requests": {"cpu": "100m", "memory": None}, "limits": None}
    container = {"name": "c", "image": "w:1", "resources": resources, "readinessProbe": None}
    spec = {"paused": None, **size, "template": {"spec": {"containers": [container], "nodeSelector": None}}}
    api.put(world, strategic_merge(found.manifest, {"spec": spec}), "user")


def still(world: World) -> dict[ObjectKey, Resource]:
    """The objects nothing should happen to any more: all but pods their kubelet goes on trying with."""
    return {found.key: found for found in world.store.everything() if not _tried(found)}


def _tried(found: Resource) -> bool:
    if found.key.kind != "Pod":
        return False
    return found.status.reason in TRIED_AGAIN or found.status.last_termination != ""


@settings(max_examples=60, deadline=None)
@given(PLANS, st.lists(STEPS, min_size=1, max_size=6))
def test_when_writes_and_faults_stop_the_world_rests_and_once_repaired_serves(plan: Plan, steps: list[Step]) -> None:
    let_it_rest(plan, steps)


@pytest.mark.slow
@settings(max_examples=2000, deadline=None)
@given(PLANS, st.lists(STEPS, min_size=1, max_size=10))
def test_the_world_rests_and_once_repaired_serves_many_times(plan: Plan, steps: list[Step]) -> None:
    let_it_rest(plan, steps)


def let_it_rest(plan: Plan, steps: list[Step]) -> None:
    world = world_of(plan)
    for step in steps:
        take(world, step)
        world.run_for(step.seconds * SECOND_US)
    stop(world)
    rests(world)
    repair(world)
    rests(world)
    now = steady(world)
    assert {condition for _, condition in now.pods} <= {READY}
    assert all(now.jobs.values())
    assert len(world.kernel.timers) == 0


def rests(world: World) -> None:
    """Nothing happens any more, but for pods their kubelet goes on trying with; who has room has a node."""
    world.run_for(RESTS_WITHIN_S * SECOND_US)
    before, names = still(world), [pod.key for pod in world.store.list("Pod")]
    world.run_for(LATER_S * SECOND_US)
    assert still(world) == before
    assert [pod.key for pod in world.store.list("Pod")] == names
    assert not [pod.key for pod in world.store.on_node("") if _has_room(world, pod)]
    tried: set[Any] = {found.key for found in world.store.list("Pod") if _tried(found)}
    refused = {item for (_, item), told in world.cluster.refusals.items() if told.due_us > world.now_us}
    assert {_subject(timer) for timer in world.kernel.timers.values()} <= tried | refused


def _has_room(world: World, pod: Resource) -> bool:
    """Whether a pod that no node was found for could go to one."""
    hopeless = pod.spec.volumes and storage.hopeless(Attempt(world, pod))
    return not hopeless and any(not scheduler.refusal(world, node, pod) for node in world.store.list("Node"))


def _subject(timer: Timer) -> Any:
    """What a timer is about: a pod, or what a controller waits with that was refused one."""
    first = timer.arguments[-1] if timer.handler == "workload.available" else timer.arguments[0]
    return getattr(first, "key", first)
