"""Alert rules: rows anybody can add, `for` honoured to the microsecond, and the mixin's on what they are about."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from stratus_sim.cluster import api, nodes
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.faults import FAULTS, inject
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.topology import Profile
from stratus_sim.telemetry.alerts import RULES, alert_rule, firing, pending
from stratus_sim.telemetry.metrics import exposition
from stratus_sim.telemetry.severity import HEALTHY, Severity, measure
from stratus_sim.telemetry.signals import alerts
from stratus_sim.world import World
from tests.application.mesh import mesh, node_of, scale
from tests.telemetry.strikes import STRIKING

MINUTE_US = 60 * SECOND_US
COUNTED = {
    "KubePodNotReady", "KubeDeploymentReplicasMismatch", "KubeNodeNotReady", "HighRequestErrorRate",
    "HighRequestLatency",
}  # fmt: skip
UNCONFIGURED = ("configmap-missing", "profile-config")
EMPTY = ObjectKey("ConfigMap", "default", "empty")


@pytest.fixture
def rules() -> Iterator[None]:
    """The rules a test adds go with it."""
    before = dict(RULES)
    yield
    RULES.clear()
    RULES.update(before)


def empty_maps(world: World) -> Iterator[tuple[str, str, int]]:
    for found in world.store.list("ConfigMap"):
        if not found.manifest.get("data"):
            yield found.key.namespace, found.key.name, found.created_us


def make_empty(world: World) -> None:
    metadata = {"name": EMPTY.name, "namespace": EMPTY.namespace}
    api.put(world, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}, "test")


def names(world: World) -> set[str]:
    return {alert.name for alert in firing(world)}


def since(world: World, name: str) -> int:
    """When the condition of a rule's alerts, firing or not, began: the latest of them."""
    return max(alert.since_us for alert in (*firing(world), *pending(world)) if alert.name == name)


def fires_at_last(world: World, name: str) -> None:
    """Run to the microsecond before a rule's `for` is over, then over it."""
    at_us = since(world, name) + RULES[name].for_us
    assert at_us > world.now_us
    world.run_until(at_us - 1)
    assert any(alert.name == name for alert in pending(world))
    world.run_until(at_us)
    assert name in names(world)
    assert not any(alert.name == name for alert in pending(world))


@pytest.mark.usefixtures("rules")
def test_a_rule_is_added_by_a_plain_function_and_waits_for_its_for() -> None:
    alert_rule("EmptyMap", for_us=MINUTE_US, severity="info", label="configmap")(empty_maps)
    world = mesh()
    make_empty(world)
    began = world.now_us
    assert [(a.name, a.subject, a.since_us) for a in pending(world)] == [("EmptyMap", "empty", began)]
    fires_at_last(world, "EmptyMap")
    assert (pending(world), measure(world)) == ([], HEALTHY)
    [shown] = alerts(world)
    where = {"configmap": "empty", "namespace": "default"}
    assert shown["labels"] == {"alertname": "EmptyMap", **where, "severity": "info"}
    assert 'ALERTS{alertname="EmptyMap",alertstate="firing",' in exposition(world, ["ALERTS"])
    [since_s] = [
        line.split()[-1] for line in exposition(world, ["ALERTS_FOR_STATE"]).splitlines() if "EmptyMap" in line
    ]
    assert int(since_s) == 1735689600 + began // SECOND_US


@pytest.mark.usefixtures("rules")
def test_a_condition_that_ends_and_comes_again_waits_anew() -> None:
    alert_rule("EmptyMap", for_us=MINUTE_US, severity="info")(empty_maps)
    world = mesh()
    make_empty(world)
    world.run_for(MINUTE_US - 1)
    api.delete(world, EMPTY, "test")
    world.run_for(SECOND_US)
    assert [*firing(world), *pending(world)] == []
    make_empty(world)
    assert pending(world)
    fires_at_last(world, "EmptyMap")


@pytest.mark.usefixtures("rules")
def test_severity_counts_only_the_rules_that_say_so() -> None:
    assert {rule.name for rule in RULES.values() if rule.counts} == COUNTED
    alert_rule("EmptyMap", for_us=0, severity="critical", counts=True)(empty_maps)
    world = mesh()
    make_empty(world)
    assert measure(world) == Severity(0, 0, 100)


@pytest.mark.usefixtures("rules")
def test_a_name_is_one_rules_alone() -> None:
    with pytest.raises(ValueError, match="two alert rules are called 'TargetDown'"):
        alert_rule("TargetDown", for_us=0, severity="info")(empty_maps)


@pytest.mark.parametrize("fault", STRIKING)
def test_no_alert_is_both_pending_and_firing(hotel: World, fault: str) -> None:
    inject.schedule(hotel, 0, fault, FAULTS[fault].targets(hotel)[0])
    hotel.run_for(50 * SECOND_US)
    waiting = pending(hotel)
    assert waiting
    hotel.run_for(20 * MINUTE_US)
    burning = firing(hotel)
    assert burning
    assert all(hotel.now_us - a.since_us >= RULES[a.name].for_us for a in burning)
    assert all(hotel.now_us - a.since_us < RULES[a.name].for_us for a in pending(hotel))
    assert {(a.name, a.subject) for a in burning}.isdisjoint((a.name, a.subject) for a in pending(hotel))


def test_a_crash_loop_is_told_apart_from_one_crash(hotel: World) -> None:
    target = next(key for key in FAULTS["resource-limit-oom"].targets(hotel) if key.name == "geo")
    inject.schedule(hotel, 0, "resource-limit-oom", target)
    hotel.run_for(MINUTE_US)
    [pod] = [p for p in hotel.store.list("Pod") if p.status.restarts]
    crash = min(e.first_us for e in hotel.cluster.events.values() if (e.involved, e.reason) == (pod.key, "BackOff"))
    assert since(hotel, "KubePodCrashLooping") == crash
    fires_at_last(hotel, "KubePodCrashLooping")


def test_labels_are_those_of_the_series_in_the_rules_expression(hotel: World) -> None:
    for fault, name in (("resource-limit-oom", "geo"), ("image-pull-bad-tag", "search"), UNCONFIGURED):
        inject.schedule(hotel, 0, fault, next(key for key in FAULTS[fault].targets(hotel) if key.name == name))
    hotel.run_for(61 * MINUTE_US)
    told = {(alert.name, alert.labels.get("container")): alert.labels for alert in firing(hotel)}
    looping = told["KubePodCrashLooping", "geo"]
    assert {*looping} == {"alertname", "namespace", "pod", "container", "reason", "uid", "severity"}
    assert (looping["reason"], looping["severity"]) == ("CrashLoopBackOff", "warning")
    waiting = told["KubeContainerWaiting", "profile"]
    assert ({*waiting}, waiting["reason"]) == ({*looping}, "CreateContainerConfigError")
    stuck = told["KubeDeploymentRolloutStuck", None]
    assert {*stuck} == {"alertname", "namespace", "deployment", "condition", "status", "reason", "severity"}
    shown = [alert["labels"] for alert in alerts(hotel)]
    assert shown == [alert.labels for alert in firing(hotel)]
    assert all(f'alertname="{one["alertname"]}"' in exposition(hotel, ["ALERTS"]) for one in shown)


def test_one_crash_is_no_loop(hotel: World) -> None:
    target = next(key for key in FAULTS["resource-limit-oom"].targets(hotel) if key.name == "geo")
    inject.schedule(hotel, 0, "resource-limit-oom", target)
    while not any(pod.status.restarts for pod in hotel.store.list("Pod")):
        hotel.run_for(SECOND_US // 10)
    assert max(pod.status.failures for pod in hotel.store.list("Pod")) == 1
    assert "KubePodCrashLooping" not in {alert.name for alert in pending(hotel)}


def test_a_container_that_waits_for_an_hour(hotel: World) -> None:
    fault, name = UNCONFIGURED
    inject.schedule(hotel, 0, fault, next(key for key in FAULTS[fault].targets(hotel) if key.name == name))
    hotel.run_for(MINUTE_US)
    fires_at_last(hotel, "KubeContainerWaiting")


def test_an_image_nobody_has_is_waited_for_with_two_reasons_by_turns_and_never_for_an_hour(hotel: World) -> None:
    target = next(key for key in FAULTS["image-pull-bad-tag"].targets(hotel) if key.name == "geo")
    inject.schedule(hotel, 0, "image-pull-bad-tag", target)
    hotel.run_for(100 * MINUTE_US)
    [waiting] = [alert for alert in pending(hotel) if alert.name == "KubeContainerWaiting"]
    assert hotel.now_us - waiting.since_us <= 5 * MINUTE_US, "since the last pull"
    assert "KubeContainerWaiting" not in names(hotel)


def test_a_rollout_past_its_deadline(hotel: World) -> None:
    target = next(key for key in FAULTS["image-pull-bad-tag"].targets(hotel) if key.name == "geo")
    inject.schedule(hotel, 0, "image-pull-bad-tag", target)
    hotel.run_for(590 * SECOND_US)
    assert "KubeDeploymentRolloutStuck" not in {alert.name for alert in pending(hotel)}
    hotel.run_for(30 * SECOND_US)
    fires_at_last(hotel, "KubeDeploymentRolloutStuck")


def test_a_node_out_of_reach_and_the_targets_on_it() -> None:
    world = mesh("a>b", replicas=2)
    nodes.crash(world, node_of(world, "b"))
    fell_silent = world.now_us
    world.run_for(51 * SECOND_US)
    assert since(world, "TargetDown") == fell_silent
    assert 'up{namespace="default",job="b"' in exposition(world, ["up"])
    fires_at_last(world, "KubeNodeUnreachable")
    (unreachable,) = [alert.labels for alert in firing(world) if alert.name == "KubeNodeUnreachable"]
    assert (unreachable["key"], unreachable["effect"]) == ("node.kubernetes.io/unreachable", "NoSchedule")


def test_a_tenth_of_the_targets_may_be_down() -> None:
    world = mesh(replicas=20)
    down = [p for p in world.store.list("Pod") if p.key.name.startswith("a-")][:3]
    for number, pod in enumerate(down, 1):
        world.store.report(pod.key, replace(pod.status, state="waiting", ready=False, ended_us=world.now_us))
        assert exposition(world, ["up"]).count("} 0") == number
        assert {a.subject for a in pending(world) if a.name == "TargetDown"} == ({"a"} if number > 2 else set())


def test_a_pod_without_an_address_is_no_target_yet() -> None:
    world = mesh(replicas=2)
    scale(world, "a", 4)
    world.run_for(0)
    assert len(world.store.list("Pod")) == 4
    assert [line.split()[-1] for line in exposition(world, ["up"]).splitlines() if line.startswith("up{")] == ["1", "1"]


def test_a_throttled_container() -> None:
    """A tenth of a core is ten milliseconds a period: a request of 25 takes three of them."""
    world = mesh("a>b", profile=Profile(latency_us=1000, cpu_us_per_request=25_000))
    fires_at_last(world, "CPUThrottlingHigh")
    assert {a.subject.partition("-")[0] for a in firing(world) if a.name == "CPUThrottlingHigh"} == {"a", "b"}
    assert not [a for a in pending(mesh("a>b")) if a.name == "CPUThrottlingHigh"]


def test_who_has_too_much_to_do_for_its_limit_is_throttled_as_its_counters_say() -> None:
    world = mesh(profile=Profile(latency_us=1000, cpu_us_per_request=5_000))
    world.schedule(0, "traffic.load", 100)
    world.run_for(30 * SECOND_US)
    before = periods_of(world)
    world.schedule(0, "traffic.load", 5_000)
    world.run_for(60 * SECOND_US)
    assert not [a for a in pending(world) if a.name == "CPUThrottlingHigh"], "not yet a quarter of five minutes"
    world.run_for(30 * SECOND_US)
    throttled, periods = (now - then for now, then in zip(periods_of(world), before, strict=True))
    assert periods >= throttled > 0.25 * 3_000 and throttled == pytest.approx(periods, abs=11), "of five minutes"
    fires_at_last(world, "CPUThrottlingHigh")
    world.schedule(0, "traffic.load", 100)
    world.run_for(5 * SECOND_US)
    assert "CPUThrottlingHigh" not in names_of(world)


def periods_of(world: World) -> list[float]:
    names = ("container_cpu_cfs_throttled_periods_total", "container_cpu_cfs_periods_total")
    return [float(exposition(world, [name]).split()[-1]) for name in names]


def names_of(world: World) -> set[str]:
    return {alert.name for alert in (*firing(world), *pending(world))}
