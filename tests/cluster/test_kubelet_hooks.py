"""Hooks, grace periods and what a pod that is told to stop does until it is gone."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_sim.cluster import api, nodes
from stratus_sim.kernel import SECOND_US
from stratus_sim.world import World
from tests.application.mesh import mesh
from tests.cluster.test_kubelet import after, messages, node, only, placed, pods, put, web


def sleeping(seconds: int) -> dict[str, Any]:
    return {"preStop": {"exec": {"command": ["sleep", str(seconds)]}}}


def gone_after(world: World) -> int:
    """Whole seconds from the deletion of the one pod until it is gone."""
    key, uid = only(world).key, only(world).uid
    api.delete(world, key, "test")
    return after(world, lambda: (found := world.store.get(key)) is None or found.uid != uid)


@pytest.mark.parametrize(
    ("lifecycle", "grace_s", "expected"),
    [
        (None, None, (1, 2)),
        (sleeping(10), None, (11, 12)),
        ({"preStop": {"sleep": {"seconds": 10}}}, None, (11, 12)),
        (sleeping(60), None, (31, 32)),
        (sleeping(60), 5, (6, 7)),
        (sleeping(60), 90, (61, 62)),
        (sleeping(9), 10, (10, 10)),
    ],
)
def test_a_pod_is_gone_after_its_hook_and_never_long_after_its_grace_period(
    lifecycle: dict[str, Any] | None, grace_s: int | None, expected: tuple[int, int]
) -> None:
    hooks: dict[str, Any] = {} if lifecycle is None else {"lifecycle": lifecycle}
    world = put(mesh(), placed(web(**hooks), **({} if grace_s is None else {"terminationGracePeriodSeconds": grace_s})))
    assert expected[0] <= gone_after(world) <= expected[1]


def test_without_a_grace_period_a_pod_is_gone_at_once() -> None:
    world = put(mesh(), placed(web(lifecycle=sleeping(9)), terminationGracePeriodSeconds=0))
    key, uid = only(world).key, only(world).uid
    api.delete(world, key, "test")
    world.run_for(0)
    assert (found := world.store.get(key)) is None or found.uid != uid


@pytest.mark.parametrize("trap", ["trap '' TERM", 'trap "" INT SIGTERM', "trap '' 15"])
def test_a_process_deaf_to_sigterm_is_killed_when_the_grace_period_ends(trap: str) -> None:
    world = put(mesh(), placed(web(command=["sh", "-c", f"{trap}; serve"]), terminationGracePeriodSeconds=12))
    assert gone_after(world) == 12


def test_a_pod_leaves_its_endpoints_at_once_while_its_hook_still_runs() -> None:
    world = put(mesh("a>web"), web(lifecycle=sleeping(20)))
    (pod,) = pods(world)
    api.delete(world, pod.key, "test")
    world.run_for(SECOND_US)
    (slice_,) = [s for s in world.store.list("EndpointSlice") if s.key.name == "web"]
    assert pod.key.name not in [e.pod for e in slice_.status.ready]
    assert world.store.state.objects[pod.key].deleting


def test_a_failed_pre_stop_hook_is_reported_and_delays_nothing() -> None:
    world = put(mesh(), web(lifecycle={"preStop": {"exec": {"command": ["false"]}}}))
    assert gone_after(world) <= 2
    assert messages(world, "FailedPreStopHook") == ["PreStopHook failed"]


def test_nobody_is_asked_before_the_post_start_hook_has_ended() -> None:
    world = put(mesh(), web(lifecycle={"postStart": {"exec": {"command": ["sleep", "25"]}}}), seconds=20)
    assert not only(world).status.ready
    world.run_for(15 * SECOND_US)
    assert only(world).status.ready


def test_a_container_whose_post_start_hook_fails_is_started_again() -> None:
    hook = {"exec": {"command": ["sh", "-c", "sleep 2; exit 1"]}}
    world = put(mesh(), web(lifecycle={"postStart": hook}))
    assert not only(world).status.ready
    assert only(world).status.restarts >= 2
    assert messages(world, "FailedPostStartHook") == ["PostStartHook failed"]


def test_a_failed_liveness_probe_lets_the_pre_stop_hook_run_first() -> None:
    dead = {"tcpSocket": {"port": 1}, "periodSeconds": 10, "failureThreshold": 1}
    world = put(mesh(), web(livenessProbe=dead, lifecycle=sleeping(7)), seconds=0)
    after(world, lambda: pods(world) and only(world).status.phase == "Running")
    assert after(world, lambda: only(world).status.state == "terminated") in (17, 18, 19)


def test_a_deletion_may_bring_its_own_grace_period_and_none_waits_for_nobody() -> None:
    deaf = placed(web(command=["sh", "-c", "trap '' TERM; serve"]), terminationGracePeriodSeconds=60)
    world = put(mesh(extra=[node("n")]), deaf)
    first = only(world).key
    api.delete(world, first, "test")
    world.run_for(10 * SECOND_US)
    assert world.store.get(first) is not None
    api.delete(world, first, "test", grace_s=5)
    world.run_for(6 * SECOND_US)
    assert world.store.get(first) is None
    assert [e.count for e in world.cluster.events.values() if e.reason == "Killing" and e.involved == first] == [1]
    world.run_for(30 * SECOND_US)
    nodes.crash(world, only(world).status.node)
    stuck = only(world).key
    api.delete(world, stuck, "test")
    world.run_for(300 * SECOND_US)
    assert world.store.get(stuck) is not None
    api.delete(world, stuck, "test", grace_s=0)
    assert world.store.get(stuck) is None
