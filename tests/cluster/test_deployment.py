"""Deployments: progress, pauses, proportions, Recreate."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from stratus_sim.cluster import api
from stratus_sim.cluster.workloads import deployment
from stratus_sim.kernel import SECOND_US
from stratus_sim.telemetry.render import render
from stratus_sim.world import World
from tests.cluster.workloads import (
    available,
    change,
    cluster,
    get,
    key,
    members,
    ready,
    retemplate,
    settled,
    template,
    workload,
)

KIND = "Deployment"
BROKEN: dict[str, Any] = {"containers": [{"name": "c", "image": "no:such"}]}


def deployed(replicas: int, seconds: int = 60, **spec: Any) -> World:
    return cluster(workload(KIND, replicas=replicas, **spec), seconds=seconds)


def rolling(surge: int | str, unavailable: int | str) -> dict[str, Any]:
    return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}


def progress(world: World) -> str:
    return str(get(world, KIND).status.progress)


def sizes(world: World) -> list[int]:
    return [found.spec.replicas for found in deployment.history(world, key(KIND))]


@settings(max_examples=20, deadline=None)
@given(
    st.integers(1, 6), st.integers(0, 3), st.integers(0, 3), st.integers(0, 3),
    st.lists(st.tuples(st.integers(1, 60), st.booleans()), min_size=1, max_size=3), st.integers(0, 9),
)  # fmt: skip
def test_rollouts_on_rollouts_never_break_surge_or_availability(
    replicas: int, surge: int, unavailable: int, wait_s: int, rounds: list[tuple[int, bool]], seed: int
) -> None:
    """A roll-out upon another shrinks sets some of whose pods are ready and not yet available.

    A ReplicaSet tells its pods apart by readiness, not by availability (`ActivePodsWithRanks`), so which of the two it
    lets go is open: from then on only ready pods are as many as promised.
    """
    manifest = workload(KIND, replicas=replicas, strategy=rolling(surge, unavailable), minReadySeconds=wait_s)
    world = cluster(manifest, seed=seed, seconds=60)
    lowest = replicas - (unavailable if surge or unavailable else 1)
    good = {"containers": get(world, KIND).manifest["spec"]["template"]["spec"]["containers"]}
    for number, (seconds, broken) in enumerate([*rounds, (300, False)], 1):
        retemplate(world, KIND, number, **(BROKEN if broken else good))
        for now in settled(world, seconds):
            standing = len(available(now, KIND, wait_s)) if number == 1 else ready(now, KIND)
            assert standing >= lowest
            assert len(members(now, KIND)) <= replicas + surge
    assert ready(world, KIND) == len(members(world, KIND)) == replicas
    assert progress(world) == "NewReplicaSetAvailable"


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 12), st.integers(0, 12), st.integers(0, 3), st.integers(1, 30))
def test_scaling_during_a_rollout_spreads_and_stays_within_the_new_bounds(
    before: int, after: int, surge: int, seconds: int
) -> None:
    world = deployed(before, strategy=rolling(surge, 1))
    retemplate(world, KIND, 1, **BROKEN)
    world.run_for(seconds * SECOND_US)
    start = ready(world, KIND)
    change(world, KIND, replicas=after)
    for now in settled(world, 100):
        assert ready(now, KIND) >= min(start, after - 1)
    assert len(members(world, KIND)) <= after + (surge if after else 0)
    retemplate(world, KIND, 2, containers=[{"name": "c", "image": "w:1"}])
    world.run_for(200 * SECOND_US)
    assert ready(world, KIND) == len(members(world, KIND)) == after


def test_scaling_a_stuck_rollout_keeps_its_proportions() -> None:
    """The example of the documentation: 10 replicas, 8 + 5 pods, scaled to 15, give 11 + 7."""
    world = deployed(10, strategy=rolling(3, 2))
    retemplate(world, KIND, 1, **BROKEN)
    world.run_for(60 * SECOND_US)
    assert sizes(world) == [8, 5]
    change(world, KIND, replicas=15)
    world.run_for(0)
    assert sizes(world) == [11, 7]


def test_of_sets_as_large_the_oldest_shrinks_even_if_it_alone_serves() -> None:
    """As `DeploymentController.scale` does: sizes and ages are all it looks at."""
    alone = template(containers=[{"name": "c", "image": "w:1", "ports": [{"containerPort": 80, "hostPort": 80}]}])
    manifest = workload(KIND, replicas=2, strategy=rolling(1, 0), template=alone)
    world = cluster(manifest, nodes=1, seconds=60)
    for number in (1, 2):
        retemplate(world, KIND, number)
        world.run_for(10 * SECOND_US)
    assert (sizes(world), ready(world, KIND)) == ([1, 1, 1], 1)
    change(world, KIND, replicas=1)
    world.run_for(0)
    assert (sizes(world), ready(world, KIND)) == ([0, 1, 1], 0)
    world.run_for(60 * SECOND_US)
    assert (sizes(world), ready(world, KIND)) == ([0, 1, 1], 1)  # the next oldest has got the port


def test_a_rollout_without_progress_is_said_to_have_failed_and_costs_nothing_afterwards() -> None:
    world = deployed(2, progressDeadlineSeconds=120)
    assert progress(world) == "NewReplicaSetAvailable"
    retemplate(world, KIND, 1, **BROKEN)
    world.run_for(119 * SECOND_US)
    assert progress(world) in ("NewReplicaSetCreated", "ReplicaSetUpdated")
    world.run_for(10 * SECOND_US)
    assert progress(world) == "ProgressDeadlineExceeded"
    assert "deployment.deadline" not in [timer.handler for timer in world.kernel.timers.values()]
    retemplate(world, KIND, 2, containers=[{"name": "c", "image": "w:1"}])
    world.run_for(60 * SECOND_US)
    assert progress(world) == "NewReplicaSetAvailable"
    world.run_for(300 * SECOND_US)  # the back-off of the pods that are gone
    assert len(world.kernel.timers) == 0


def test_progress_puts_the_deadline_off() -> None:
    world = deployed(6, strategy=rolling(1, 0), minReadySeconds=20, progressDeadlineSeconds=60, seconds=120)
    retemplate(world, KIND, 1)
    seen = {progress(now) for now in settled(world, 300)}
    assert "ProgressDeadlineExceeded" not in seen
    assert progress(world) == "NewReplicaSetAvailable"


def test_the_deadline_counts_from_the_last_progress() -> None:
    world = deployed(2, strategy=rolling(1, 0), minReadySeconds=20, progressDeadlineSeconds=60)
    retemplate(world, KIND, 1)
    world.run_for(15 * SECOND_US)
    for number in range(3):
        api.put(world, {**get(world, "Node", f"n{number}").manifest, "spec": {"unschedulable": True}}, "user")
    world.run_for(55 * SECOND_US)
    assert progress(world) == "ReplicaSetUpdated"
    world.run_for(40 * SECOND_US)
    assert progress(world) == "ProgressDeadlineExceeded"


def test_a_lost_pod_of_a_complete_rollout_is_no_rollout() -> None:
    world = deployed(1, progressDeadlineSeconds=30)
    for number in range(3):
        api.put(world, {**get(world, "Node", f"n{number}").manifest, "spec": {"unschedulable": True}}, "user")
    api.delete(world, members(world, KIND)[0].key, "user")
    world.run_for(90 * SECOND_US)
    assert (ready(world, KIND), progress(world)) == (0, "NewReplicaSetAvailable")


def test_a_paused_deployment_makes_no_new_set() -> None:
    world = deployed(2)
    change(world, KIND, paused=True)
    retemplate(world, KIND, 1)
    world.run_for(700 * SECOND_US)
    assert (sizes(world), progress(world)) == ([2], "DeploymentPaused")
    change(world, KIND, paused=None)
    world.run_for(60 * SECOND_US)
    assert sizes(world) == [0, 2]


def test_recreate_waits_until_the_last_old_pod_is_gone() -> None:
    world = deployed(3, strategy={"type": "Recreate"})
    retemplate(world, KIND, 1)
    uids = {pod.uid for pod in world.store.list("Pod")}
    for now in settled(world, 60):
        there = {pod.uid for pod in now.store.list("Pod")}
        assert not (there & uids and there - uids)
    assert ready(world, KIND) == 3
    assert sizes(world) == [0, 3]


def test_conditions_say_what_people_read_in_them() -> None:
    world = deployed(1, progressDeadlineSeconds=60)
    told = {"Available": "Deployment has minimum availability."}
    first = get(world, KIND).status.current
    assert conditions(world) == {**told, "Progressing": f'ReplicaSet "{first}" has successfully progressed.'}
    retemplate(world, KIND, 1, **BROKEN)
    world.run_for(20 * SECOND_US)
    second = get(world, KIND).status.current
    assert conditions(world)["Progressing"] == f'ReplicaSet "{second}" is progressing.'
    world.run_for(100 * SECOND_US)
    assert conditions(world) == {**told, "Progressing": f'ReplicaSet "{second}" has timed out progressing.'}
    change(world, KIND, replicas=3)
    world.run_for(0)
    assert conditions(world)["Available"] == "Deployment does not have minimum availability."


def conditions(world: World) -> dict[str, str]:
    """The message of each condition."""
    return {c["type"]: c["message"] for c in render(world, get(world, KIND))["status"]["conditions"]}
