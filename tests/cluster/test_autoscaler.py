"""Autoscalers follow what pods use, no faster than their rules allow, and rest when nothing changes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from stratus_sim.cluster import api, pods
from stratus_sim.cluster.merge import strategic_merge
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.cluster.scale_status import Recommendation, ScaleEvent
from stratus_sim.cluster.workloads import scaling
from stratus_sim.cluster.workloads.bounds import wanted
from stratus_sim.cluster.workloads.metering import Unmeasured, measure
from stratus_sim.cluster.workloads.scaling import Measured, Usage
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.topology import Profile
from stratus_sim.manifests.workload_shapes import Metric, MetricTarget, ResourceMetric, ScalingPolicy, ScalingRules
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


def said(world: World) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for event in sorted(world.cluster.events.values(), key=lambda e: e.first_us):
        if event.involved == HPA:
            found.setdefault(event.reason, []).append(event.message)
    return found


def conditions(world: World) -> dict[str, tuple[str, str, str]]:
    """(status, reason, message) of each condition."""
    shown = render(world, world.store.state.objects[HPA])["status"]["conditions"]
    return {c["type"]: (c["status"], c["reason"], c["message"]) for c in shown}


def metric(name: str, target: dict[str, Any], kind: str = "resource", **more: Any) -> dict[str, Any]:
    return {"type": kind[0].upper() + kind[1:], kind: {"name": name, "target": target, **more}}


SHARE, NAMED = {"type": "Utilization", "averageUtilization": 50}, {"metric": {"name": "queue"}, "target": {}}
WORTH = {"type": "AverageValue", "averageValue": "50m"}


@pytest.mark.parametrize(
    ("found", "name"),
    [
        (metric("cpu", SHARE), "cpu resource utilization (percentage of request)"),
        (metric("cpu", WORTH), "cpu resource"),
        (metric("cpu", SHARE, "containerResource", container="a"),
         "cpu container resource utilization (percentage of request)"),
    ],
)  # fmt: skip
def test_an_event_says_what_a_new_size_is_for(found: dict[str, Any], name: str) -> None:
    world = scaled(metrics=[found])
    load(world, 2000, 60)
    assert said(world)["SuccessfulRescale"] == [f"New size: 2; reason: {name} above target"]
    able = ("True", "ReadyForNewScale", "recommended size matches current size")
    assert conditions(world)["AbleToScale"] == able
    load(world, 1000, 400)
    assert said(world)["SuccessfulRescale"][1:] == ["New size: 1; reason: All metrics below target"]


@pytest.mark.parametrize(
    ("low", "high", "before", "why"), [(3, 9, 1, "3; reason: Current number of replicas below Spec.MinReplicas"),
                                       (1, 2, 4, "2; reason: Current number of replicas above Spec.MaxReplicas")],
)  # fmt: skip
def test_a_size_out_of_bounds_is_brought_back_whatever_metrics_say(low: int, high: int, before: int, why: str) -> None:
    world = scaled(low=low, high=high, metrics=[{"type": "Pods", "pods": NAMED}])
    api.put(world, strategic_merge(world.store.state.objects[key("a")].manifest, {"spec": {"replicas": before}}), "x")
    world.run_for(20 * SECOND_US)
    assert said(world)["SuccessfulRescale"] == [f"New size: {why}"]


@pytest.mark.parametrize(
    ("kind", "reason", "what", "why"),
    [
        ("pods", "FailedGetPodsMetric", "pods",
         "unable to get metric queue: unable to fetch metrics from custom metrics API: "
         "no custom metrics API (custom.metrics.k8s.io) registered"),
        ("external", "FailedGetExternalMetric", "queue external",
         "unable to get external metric default/queue/nil: unable to fetch metrics from external metrics API: "
         "no external metrics API (external.metrics.k8s.io) registered"),
    ],
)  # fmt: skip
def test_a_metric_nobody_serves_lets_the_others_add_and_not_take_away(
    kind: str, reason: str, what: str, why: str
) -> None:
    cpu = metric("cpu", {"type": "Utilization", "averageUtilization": 50})
    world = scaled(metrics=[cpu, {"type": kind.capitalize(), kind: NAMED}])
    load(world, 3000, 120)
    assert replicas(world) == 3
    assert conditions(world)["ScalingActive"][:2] == ("True", "ValidMetricFound")
    assert said(world)[reason] == [why]
    assert "FailedComputeMetricsReplicas" not in said(world)
    load(world, 1000, 900)
    assert replicas(world) == 3
    message = f"the HPA was unable to compute the replica count: {why}"
    assert conditions(world)["ScalingActive"] == ("False", reason, message)
    assert said(world)[reason] == [why]
    invalid = f"invalid metrics (1 invalid out of 2), first error is: failed to get {what} metric value: {why}"
    assert said(world)["FailedComputeMetricsReplicas"] == [invalid]


def test_two_autoscalers_of_one_workload_do_nothing_until_one_is_gone() -> None:
    world = scaled()
    found = world.store.state.objects[HPA].manifest
    api.put(world, {**found, "metadata": {"name": "b", "namespace": "default"}}, "user")
    load(world, 4000, 120)
    assert replicas(world) == 1
    rivals = "pods by selector app=a are controlled by multiple HPAs: [default/a default/b]"
    assert conditions(world)["ScalingActive"] == ("False", "AmbiguousSelector", rivals)
    assert said(world)["FailedComputeMetricsReplicas"] == [rivals]
    assert said(world)["AmbiguousSelector"] == [rivals]
    api.delete(world, HPA._replace(name="b"), "user")
    world.run_for(120 * SECOND_US)
    assert replicas(world) == 4


def test_without_its_target_it_says_so_and_goes_on_when_it_comes() -> None:
    world = scaled()
    found = world.store.state.objects[key("a")].manifest
    api.delete(world, key("a"), "user")
    world.run_for(30 * SECOND_US)
    problem = "the HPA controller was unable to get the target's current scale: "
    assert said(world)["FailedGetScale"] == ['deployments.apps "a" not found']
    assert conditions(world)["AbleToScale"] == ("False", "FailedGetScale", problem + 'deployments.apps "a" not found')
    api.put(world, found, "user")
    load(world, 3000, 120)
    assert replicas(world) == 3


def test_a_window_that_holds_growth_back_says_so() -> None:
    world = scaled(behavior={"scaleUp": {"stabilizationWindowSeconds": 120}})
    load(world, 2000, 60)
    assert (replicas(world), conditions(world)["AbleToScale"][1]) == (1, "ScaleUpStabilized")
    load(world, 2000, 120)
    assert replicas(world) == 2


@settings(max_examples=200, deadline=None)
@given(*[st.integers(1, 50), st.integers(1, 200), st.integers(0, 400), st.integers(1, 50)], *[st.integers(0, 20)] * 2)
def test_proposals_go_where_the_ratio_points_and_unknown_pods_only_dampen(
    replicas: int, target: int, value: int, ready: int, unready: int, missing: int
) -> None:
    others = (Usage(count, 0, 100 * count) for count in (unready, missing))
    measured = Measured(target, True, Usage(ready, value * ready, 100 * ready), *others)
    found = scaling.proposal(replicas, measured)
    if missing == 0 and 10 * abs(value - target) <= target:
        assert found == replicas
    elif unready == missing == 0:
        assert (found - 1) * target < value * ready <= found * target or found == value == 0
    else:
        assert found >= replicas if value > target else found <= replicas if missing else True


@pytest.mark.parametrize(
    ("replicas", "measured", "expected"),
    [
        (4, Measured(50, True, Usage(2, 200, 200), unready=Usage(2, 0, 200)), 4),
        (4, Measured(50, True, Usage(2, 300, 200), unready=Usage(2, 0, 200)), 6),
        (4, Measured(50, True, Usage(2, 20, 200), unready=Usage(2, 0, 200)), 1),
        (2, Measured(50, True, Usage(1, 20, 100), missing=Usage(1, 0, 100)), 2),
        (4, Measured(50, True, Usage(3, 30, 300), missing=Usage(1, 0, 100)), 3),
        (4, Measured(150, True, Usage(3, 30, 300), missing=Usage(1, 0, 100)), 2),
        (3, Measured(50, True, Usage(2, 300, 200), missing=Usage(1, 0, 100)), 6),
        (3, Measured(50, True, Usage(2, 160, 200), missing=Usage(2, 0, 200)), 3),
        (3, Measured(100, False, Usage(2, 80), missing=Usage(1)), 2),
        (3, Measured(50, True, Usage(2, 100, 200), missing=Usage(1, 0, 100)), 3),
        (9, Measured(50, True, Usage(2, 120, 100), unready=Usage(1, 0, 50)), 9),
    ],
)  # fmt: skip
def test_pods_nobody_has_a_value_of(replicas: int, measured: Measured, expected: int) -> None:
    """kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale, "Algorithm details"."""
    assert scaling.proposal(replicas, measured) == expected


def seen(world: World, resource: str = "cpu") -> Measured:
    source = ResourceMetric(resource, MetricTarget("AverageValue", average_value=1))
    return measure(world, world.store.state.objects[key("a")], Metric("Resource", source))


def counted(world: World, resource: str = "cpu") -> tuple[int, int, int]:
    """Pods that count, that are not ready yet, that have no value."""
    found = seen(world, resource)
    return found.ready.pods, found.unready.pods, found.missing.pods


def test_who_counts() -> None:
    world = scaled(low=3)
    world.run_for(60 * SECOND_US)
    first, second, third = [pod for pod in world.store.list("Pod") if pod.labels["app"] == "a"]
    assert counted(world) == (3, 0, 0)
    pods.update(world, first, ready=False)
    assert (counted(world), counted(world, "memory")) == ((2, 1, 0), (3, 0, 0))
    pods.update(world, second, state="waiting", ready=False, reason="CrashLoopBackOff")
    assert counted(world) == (1, 1, 1)
    pods.terminate(world, third.key)
    with pytest.raises(Unmeasured, match=r"did not receive metrics for targeted pods \(pods might be unready\)"):
        counted(world)
    pods.update(world, world.store.state.objects[first.key], state="waiting")
    with pytest.raises(Unmeasured, match="no metrics returned from resource metrics API"):
        counted(world)


@pytest.mark.parametrize(("after_s", "counts"), [(0, False), (60, True)])
def test_who_was_ready_once_counts_again_when_its_start_is_long_ago(after_s: int, counts: bool) -> None:
    world = scaled(low=2)
    world.run_for(60 * SECOND_US)
    first = next(pod for pod in world.store.list("Pod") if pod.labels["app"] == "a")
    since_us = first.created_us + after_s * SECOND_US
    world.store.report(first.key, replace(first.status, ready=False, since_us=since_us))
    world.run_until(first.created_us + 299 * SECOND_US)
    assert counted(world) == (1, 1, 0)
    world.run_for(2 * SECOND_US)
    assert counted(world) == ((2, 0, 0) if counts else (1, 1, 0))
    other = next(pod for pod in world.store.list("Pod") if pod.labels["app"] == "a" and pod.key != first.key)
    used = seen(world).ready.used
    assert used > 0
    pods.terminate(world, first.key)
    assert (seen(world).ready.used, other.status.ready) == (used, True)  # who is not ready serves nobody


def test_an_autoscaler_looks_again_when_a_pod_is_about_to_count() -> None:
    world = scaled(low=2, behavior={"scaleDown": {"stabilizationWindowSeconds": 0}})
    world.run_for(60 * SECOND_US)
    first = next(pod for pod in world.store.list("Pod") if pod.labels["app"] == "a")
    pods.update(world, first, ready=False)
    world.run_for(40 * SECOND_US)
    timer = world.store.state.objects[HPA].status.timer
    assert timer is not None
    assert timer.due_us - (first.created_us + 300 * SECOND_US) <= 15 * SECOND_US


@pytest.mark.parametrize(("behavior", "sizes"), [({}, [4, 8]), ({"behavior": {"scaleDown": {}}}, [5, 10])])
def test_without_behavior_growth_is_to_twice_as_many_or_four(behavior: dict[str, Any], sizes: list[int]) -> None:
    world = scaled(percent=5, **behavior)
    load(world, 20000, 60)
    grown = [int(text.split(";")[0].removeprefix("New size: ")) for text in said(world)["SuccessfulRescale"]]
    assert grown[:2] == sizes


def test_the_scale_was_read_though_nothing_could_be_measured() -> None:
    world = scaled(metrics=[{"type": "Pods", "pods": NAMED}])
    world.run_for(30 * SECOND_US)
    told = "the HPA controller was able to get the target's current scale"
    assert conditions(world)["AbleToScale"] == ("True", "SucceededGetScale", told)


def test_the_condition_names_the_metric_that_counts() -> None:
    world = scaled()
    load(world, 2000, 60)
    told = "the HPA was able to successfully calculate a replica count from "
    name = "cpu resource utilization (percentage of request)"
    assert conditions(world)["ScalingActive"] == ("True", "ValidMetricFound", told + name)


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
