"""Probes follow what the application answers over time: dependencies, configuration, overload."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_sim.cluster import api
from stratus_sim.cluster.correlator import recent
from stratus_sim.cluster.merge import strategic_merge
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.topology import Profile
from stratus_sim.world import World
from tests.application.mesh import deployment, mesh, scale, service
from tests.cluster.test_kubelet import after, messages

READY = {"httpGet": {"port": 80, "path": "/ready"}, "periodSeconds": 5}
HEALTH = {"a": {"/ready": ("b",), "": ("b",)}}


def asking(readiness: dict[str, Any] | None = READY, replicas: int = 1, **probes: Any) -> World:
    """`a` calls `b`; what `a` says of itself at /ready depends on it."""
    probed = {**probes, **({"readinessProbe": readiness} if readiness else {})}
    manifest = strategic_merge(deployment("a", replicas), {"spec": {"template": {"spec": {"containers": [
        {"name": "a", **probed}]}}}})  # fmt: skip
    world = mesh("a>b", health=HEALTH)
    api.put(world, manifest, "test")
    world.run_for(60 * SECOND_US)
    return world


def pod(world: World, app: str = "a") -> Resource:
    (found,) = [p for p in world.store.list("Pod") if p.labels["app"] == app and not p.deleting]
    return found


def ready(world: World, app: str) -> bool:
    return any(p.status.ready and not p.deleting for p in world.store.list("Pod") if p.labels["app"] == app)


def unhealthy(world: World) -> list[tuple[str, int]]:
    return sorted((e.message, e.count) for e in recent(world).values() if e.reason == "Unhealthy")


def test_a_pod_whose_readiness_endpoint_fails_with_its_dependency_is_unready_after_its_threshold_and_back_after_its_own(
) -> None:  # fmt: skip
    world = asking({**READY, "failureThreshold": 4, "successThreshold": 3})
    assert pod(world).status.ready
    scale(world, "b", 0)
    assert 16 <= after(world, lambda: not pod(world).status.ready) <= 23
    assert pod(world).status.state == "running"
    assert unhealthy(world) == [("Readiness probe failed: HTTP probe failed with statuscode: 503", 4)]
    world.run_for(50 * SECOND_US)
    assert unhealthy(world) == [("Readiness probe failed: HTTP probe failed with statuscode: 503", 14)]
    scale(world, "b", 1)
    after(world, lambda: ready(world, "b"))
    assert 10 <= after(world, lambda: pod(world).status.ready) <= 17
    (told,) = unhealthy(world)
    world.run_for(60 * SECOND_US)
    assert unhealthy(world) == [told]
    assert pod(world).status.streaks == ()


def test_an_answer_that_turns_back_before_the_threshold_changes_nothing() -> None:
    world = asking({**READY, "failureThreshold": 12})
    scale(world, "b", 0)
    world.run_for(30 * SECOND_US)
    scale(world, "b", 1)
    world.run_for(60 * SECOND_US)
    assert pod(world).status.ready
    ((_, times),) = unhealthy(world)
    assert 5 <= times <= 7
    assert pod(world).status.streaks == ()


def test_failures_are_counted_anew_after_an_answer_that_was_well() -> None:
    """The timer of the first time it failed fires while it fails again, for less long than it may."""
    world = asking({**READY, "failureThreshold": 12})
    scale(world, "b", 0)
    world.run_for(30 * SECOND_US)
    scale(world, "b", 1)
    world.run_for(20 * SECOND_US)
    scale(world, "b", 0)
    began_us = world.now_us
    after(world, lambda: not pod(world).status.ready)
    assert 55 <= (world.now_us - began_us) / SECOND_US <= 65


def test_what_stays_as_it_is_costs_no_event() -> None:
    world, idle = asking(), mesh("a>b")
    scale(world, "b", 0)
    world.run_for(60 * SECOND_US)
    assert not pod(world).status.ready
    before = world.kernel.fired
    world.run_for(600 * SECOND_US)
    assert world.kernel.fired == before
    idle.run_for(60 * SECOND_US)
    before = idle.kernel.fired
    idle.run_for(600 * SECOND_US)
    assert idle.kernel.fired == before


def test_a_pod_that_starts_while_its_dependency_is_gone_is_ready_once_that_is_there() -> None:
    """Nobody sends it requests: that it has started moves nothing else."""
    world = asking()
    api.delete(world, ObjectKey("Service", "default", "a"), "test")
    scale(world, "b", 0)
    world.run_for(30 * SECOND_US)
    api.delete(world, pod(world).key, "test")
    for _ in range(60):
        world.run_for(SECOND_US)
        assert not ready(world, "a")
    scale(world, "b", 1)
    after(world, lambda: ready(world, "b"))
    assert after(world, lambda: pod(world).status.ready) <= 7


@pytest.mark.parametrize(("kind", "action"), [("livenessProbe", "httpGet"), ("startupProbe", "grpc")])
def test_a_liveness_or_startup_probe_that_looks_at_others_kills_when_they_are_gone(kind: str, action: str) -> None:
    probe = {action: {"port": 80, **({"path": "/ready"} if action == "httpGet" else {})}, "failureThreshold": 2}
    world = asking(None, **{kind: {**probe, "terminationGracePeriodSeconds": 5}})
    scale(world, "b", 0)
    world.run_for(10 * SECOND_US)
    if kind == "startupProbe":
        api.delete(world, pod(world).key, "test")
    assert after(world, lambda: [m for m in messages(world, "Killing") if "probe" in m]) <= 35
    said = 'service unhealthy (responded with "NOT_SERVING")' if action == "grpc" else "HTTP probe failed with status"
    ((told, times),) = [(told, times) for told, times in unhealthy(world) if said in told]
    assert (told.split()[0], times) == (kind.removesuffix("Probe").capitalize(), 2)
    after(world, lambda: pod(world).status.reason == "CrashLoopBackOff")
    scale(world, "b", 1)
    after(world, lambda: pod(world).status.ready)
    restarts = pod(world).status.restarts
    world.run_for(600 * SECOND_US)
    assert pod(world).status.restarts == restarts
    scale(world, "b", 0)
    world.run_for(60 * SECOND_US)
    assert (pod(world).status.restarts > restarts) is (kind == "livenessProbe")


def test_the_grace_period_of_a_probe_stands_in_for_that_of_the_pod() -> None:
    dead = {"tcpSocket": {"port": 1}, "failureThreshold": 1, "periodSeconds": 1, "terminationGracePeriodSeconds": 3}
    deaf = {"command": ["sh", "-c", "trap '' TERM; serve"], "livenessProbe": dead}
    world = asking(None, **deaf)
    (killing,) = [e for e in world.cluster.events.values() if e.reason == "Killing" and "liveness" in e.message]
    status = world.store.state.objects[killing.involved].status
    assert status.code == 137
    assert status.ended_us - killing.last_us == 3 * SECOND_US


def overrun(limit_s: int = 1) -> World:
    """`a` gets ten times what it can serve, from one minute on."""
    slow = Profile(latency_us=1000, cpu_us_per_request=1000)
    probe = {"httpGet": {"port": 80, "path": "/"}, "periodSeconds": 5, "timeoutSeconds": limit_s}
    world = mesh("a>b", profiles={"a": slow})
    manifest = strategic_merge(deployment("a"), {"spec": {"template": {"spec": {"containers": [
        {"name": "a", "readinessProbe": probe}]}}}})  # fmt: skip
    api.put(world, manifest, "test")
    world.schedule(60 * SECOND_US, "traffic.load", 100_000)
    world.run_for(60 * SECOND_US)
    return world


def test_an_overrun_process_answers_too_late_and_gets_well_when_nobody_asks_it_any_more() -> None:
    world = overrun()
    assert pod(world).status.ready
    assert 10 <= after(world, lambda: not pod(world).status.ready) <= 17
    assert "context deadline exceeded" in unhealthy(world)[0][0]
    assert after(world, lambda: pod(world).status.ready) <= 7
    assert 10 <= after(world, lambda: not pod(world).status.ready) <= 17
    world.schedule(0, "traffic.load", 1000)
    after(world, lambda: pod(world).status.ready)
    world.run_for(60 * SECOND_US)
    before = world.kernel.fired
    world.run_for(600 * SECOND_US)
    assert (pod(world).status.ready, world.kernel.fired) == (True, before)


def test_one_that_is_not_ready_has_nothing_to_do_while_others_stay_overrun() -> None:
    """The old pod has no probe, and stays until the new one has been ready for long."""
    world = mesh("a>b", profiles={"a": Profile(latency_us=1000, cpu_us_per_request=1000)})
    world.schedule(0, "traffic.load", 100_000)
    world.run_for(10 * SECOND_US)
    probe = {"httpGet": {"port": 80, "path": "/"}, "periodSeconds": 5}
    pods = {"template": {"spec": {"containers": [{"name": "a", "readinessProbe": probe}]}}}
    api.put(world, strategic_merge(deployment("a"), {"spec": {**pods, "minReadySeconds": 9999}}), "test")
    turns = []
    for _ in range(100):
        world.run_for(SECOND_US)
        assert world.traffic.vitals == {"default/a": 2}
        new = max((p for p in world.store.list("Pod") if p.labels["app"] == "a"), key=lambda p: p.uid)
        turns += [new.status.ready] if turns[-1:] != [new.status.ready] else []
    assert len(turns) > 8


def test_a_probe_of_a_closed_port_stays_as_it_is_whatever_the_process_would_answer() -> None:
    world = asking({**READY, "httpGet": {"port": 1, "path": "/ready"}})
    for replicas in (0, 1):
        scale(world, "b", replicas)
        world.run_for(60 * SECOND_US)
    (new,) = [p for p in world.store.list("Pod") if p.labels["app"] == "a" and p.spec.containers[0].readiness_probe]
    assert not new.status.ready
    assert {told.partition(":")[2][:12] for told, _ in unhealthy(world)} == {' Get "http:/'}


def test_a_probe_with_more_patience_than_the_queue_is_long_does_not_fail() -> None:
    world = overrun(limit_s=5)
    world.run_for(120 * SECOND_US)
    assert pod(world).status.ready
    assert unhealthy(world) == []


def test_a_readiness_probe_that_never_succeeds_is_counted_for_as_long_as_it_fails() -> None:
    world = asking({"tcpSocket": {"port": 1}, "periodSeconds": 10})
    old = [p for p in world.store.list("Pod") if p.labels["app"] == "a" and not p.status.ready]
    ((_, before),) = unhealthy(world)
    world.run_for(100 * SECOND_US)
    ((_, after_),) = unhealthy(world)
    assert after_ == before + 10
    api.delete(world, old[0].key, "test")
    world.run_for(100 * SECOND_US)
    gone = [e.count for e in recent(world).values() if e.reason == "Unhealthy" and e.involved == old[0].key]
    assert gone == [after_]


def test_a_port_nobody_named_is_an_error_and_kills_nobody() -> None:
    world = asking(None, livenessProbe={"httpGet": {"port": "none"}, "failureThreshold": 1})
    assert pod(world).status.restarts == 0
    ((told, times),) = unhealthy(world)
    assert told == 'Liveness probe errored and resulted in unknown state: strconv.Atoi: parsing "none": invalid syntax'
    assert times > 3


def test_a_secret_that_no_longer_lets_a_process_in_makes_it_unready() -> None:
    world = asking()
    key = ObjectKey("Service", "default", "b")
    api.put(world, {**service("b"), "spec": {"selector": {"app": "nobody"}, "ports": [{"port": 80}]}}, "test")
    assert world.store.get(key) is not None
    assert after(world, lambda: not pod(world).status.ready) <= 20
    api.put(world, service("b"), "test")
    assert after(world, lambda: pod(world).status.ready) <= 10
