"""Autoscalers follow what pods use, no faster than their rules allow, and rest when nothing changes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.cluster.status import Recommendation, ScaleEvent
from stratus_sim.cluster.workloads import scaling
from stratus_sim.cluster.workloads.bounds import wanted
from stratus_sim.cluster.workloads.scaling import Reading
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.topology import Profile
from stratus_sim.manifests.workload_shapes import ScalingPolicy, ScalingRules
from stratus_sim.telemetry.render import render
from stratus_sim.world import World
from tests.application.mesh import key, mesh

HPA = ObjectKey("HorizontalPodAutoscaler", "default", "a")
BUSY = Profile(latency_us=1000, cpu_us_per_request=1000)
"""50 requests/s take 50 of the 100 millicores a pod requests."""


def scaled(percent: int = 50, low: int = 1, high: int = 10, **spec: Any) -> World:
    cpu = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": percent}},
    }
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"}
    body = {"scaleTargetRef": target, "minReplicas": low, "maxReplicas": high, "metrics": [cpu], **spec}
    metadata = {"name": "a", "namespace": "default"}
    manifest = {"apiVersion": "autoscaling/v2", "kind": HPA.kind, "metadata": metadata, "spec": body}
    return mesh(profile=BUSY, extra=[manifest])


def load(world: World, permille: int, seconds: int) -> None:
    world.schedule(0, "traffic.load", permille)
    world.run_for(seconds * SECOND_US)


def replicas(world: World) -> int:
    return wanted(world.store.state.objects[key("a")])


def test_load_brings_replicas_and_takes_them_after_five_minutes() -> None:
    world = scaled()
    assert replicas(world) == 1
    load(world, 4000, 120)
    assert replicas(world) == 4
    load(world, 1000, 200)
    assert replicas(world) == 4
    world.run_for(150 * SECOND_US)
    assert replicas(world) == 1


def test_a_steady_autoscaler_has_no_timer_and_what_it_wrote_is_audited() -> None:
    world = scaled()
    load(world, 2000, 60)
    assert "autoscaler" in {t.handler for t in world.kernel.timers.values()} or replicas(world) == 2
    world.run_for(600 * SECOND_US)
    assert len(world.kernel.timers) == 0
    audit = world.cluster.audit
    assert audit is not None
    assert (audit.writer, audit.key) == ("horizontal-pod-autoscaler", key("a"))


@pytest.mark.parametrize(("low", "high", "expected"), [(3, 10, 3), (1, 2, 2)])
def test_bounds_hold_whatever_metrics_say(low: int, high: int, expected: int) -> None:
    world = scaled(low=low, high=high)
    load(world, 6000 if expected == high else 1000, 300)
    assert replicas(world) == expected


def test_policies_and_windows_are_the_users() -> None:
    slow = {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}
    fast = {"stabilizationWindowSeconds": 0}
    world = scaled(behavior={"scaleUp": slow, "scaleDown": fast})
    load(world, 5000, 50)
    assert replicas(world) == 2
    world.run_for(60 * SECOND_US)
    assert replicas(world) == 3
    load(world, 1000, 60)
    assert replicas(world) == 1


def test_without_requests_or_a_source_nothing_is_scaled_and_the_condition_says_why() -> None:
    pods = {
        "type": "Pods",
        "pods": {"metric": {"name": "queue"}, "target": {"type": "AverageValue", "averageValue": 1}},
    }
    world = scaled(metrics=[pods])
    load(world, 5000, 60)
    conditions = {c["type"]: c for c in render(world, world.store.state.objects[HPA])["status"]["conditions"]}
    assert replicas(world) == 1
    assert (conditions["ScalingActive"]["status"], conditions["AbleToScale"]["status"]) == ("False", "True")


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 50), st.integers(1, 200), st.integers(0, 400), st.integers(1, 50), st.integers(0, 20))
def test_proposals_go_where_the_ratio_points_and_idle_pods_only_dampen(
    replicas: int, target: int, value: int, ready: int, unready: int
) -> None:
    measured, everyone = Reading(value, ready), Reading(value * ready // (ready + unready), ready + unready)
    found = scaling.proposal(replicas, target, measured, everyone)
    if 10 * abs(value - target) <= target:
        assert found == replicas
    elif unready == 0:
        assert (found - 1) * target < value * ready <= found * target or found == value == 0
    elif value > target:
        assert found >= replicas


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 50), st.integers(0, 100), st.lists(st.tuples(st.integers(-8, 8), st.integers(0, 90)), max_size=5))
def test_policies_only_slow_down(replicas: int, wanted: int, past: list[tuple[int, int]]) -> None:
    now_us = 100 * SECOND_US
    events = [ScaleEvent(change, now_us - ago * SECOND_US) for change, ago in past]
    found = scaling.limited(replicas, wanted, events, scaling.UP if wanted > replicas else scaling.DOWN, now_us)
    assert min(replicas, wanted) <= found <= max(replicas, wanted)
    both = [ScalingPolicy("Pods", 2, 60), ScalingPolicy("Percent", 50, 60)]
    most, least = (ScalingRules(0, select, both) for select in ("Max", "Min"))
    far, near = (abs(scaling.limited(replicas, wanted, events, rule, now_us) - replicas) for rule in (most, least))
    assert far >= near
    assert scaling.limited(replicas, wanted, events, ScalingRules(0, "Disabled", both), now_us) == replicas


def test_a_recommendation_holds_until_the_sync_before_the_next() -> None:
    past = scaling.remembered([Recommendation(5, 0)], 2, 100 * SECOND_US, 300 * SECOND_US)
    assert past == (Recommendation(5, 85 * SECOND_US), Recommendation(2, 100 * SECOND_US))
    held = scaling.stabilised(past, 5, 2, 384 * SECOND_US, 0, 300 * SECOND_US)
    assert held == (5, 385 * SECOND_US)
    assert scaling.stabilised(past, 5, 2, 385 * SECOND_US, 0, 300 * SECOND_US) == (2, None)
