"""Alert rules: rows anybody can add, `for` honoured to the microsecond, and the mixin's on what they are about."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from stratus_sim.cluster import api, nodes
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.faults import FAULTS, inject
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.topology import Profile
from stratus_sim.telemetry.alerts import RULES, Symptom, alert_rule, firing, pending
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
EMPTY = ObjectKey("ConfigMap", "default", "empty")


@pytest.fixture
def rules() -> Iterator[None]:
    """The rules a test adds go with it."""
    before = dict(RULES)
    yield
    RULES.clear()
    RULES.update(before)


def empty_maps(world: World) -> Iterator[Symptom]:
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
    assert shown["labels"] == {"alertname": "EmptyMap", "configmap": "empty", "namespace": "default"}
    assert 'ALERTS{alertname="EmptyMap",alertstate="firing",' in exposition(world, ["ALERTS"])


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


def test_one_crash_is_no_loop(hotel: World) -> None:
    target = next(key for key in FAULTS["resource-limit-oom"].targets(hotel) if key.name == "geo")
    inject.schedule(hotel, 0, "resource-limit-oom", target)
    while not any(pod.status.restarts for pod in hotel.store.list("Pod")):
        hotel.run_for(SECOND_US // 10)
    assert max(pod.status.failures for pod in hotel.store.list("Pod")) == 1
    assert "KubePodCrashLooping" not in {alert.name for alert in pending(hotel)}


def test_a_container_that_waits_for_an_hour(hotel: World) -> None:
    target = next(key for key in FAULTS["image-pull-bad-tag"].targets(hotel) if key.name == "geo")
    inject.schedule(hotel, 0, "image-pull-bad-tag", target)
    hotel.run_for(MINUTE_US)
    fires_at_last(hotel, "KubeContainerWaiting")


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
    world.run_for(41 * SECOND_US)
    assert since(world, "TargetDown") == fell_silent
    assert 'up{namespace="default",job="b"' in exposition(world, ["up"])
    fires_at_last(world, "KubeNodeUnreachable")


def test_a_tenth_of_the_targets_may_be_down() -> None:
    world = mesh(replicas=20)
    lame = [p for p in world.store.list("Pod") if p.key.name.startswith("a-")]
    down = exposition(world, ["up"]).count("} 0")
    assert (down, [a for a in pending(world) if a.name == "TargetDown"]) == (0, [])
    scale(world, "a", 22)
    world.run_for(0)
    new = [p for p in world.store.list("Pod") if p not in lame]
    assert len(new) == 2
    assert exposition(world, ["up"]).count("} 0") == 2
    assert [a for a in pending(world) if a.name == "TargetDown"] == []
    scale(world, "a", 30)
    world.run_for(0)
    assert {a.subject for a in pending(world) if a.name == "TargetDown"} == {"a"}


def test_a_throttled_container() -> None:
    """A tenth of a core is ten milliseconds a period: a request of 25 takes three of them."""
    world = mesh("a>b", profile=Profile(latency_us=1000, cpu_us_per_request=25_000))
    fires_at_last(world, "CPUThrottlingHigh")
    assert {a.subject.partition("-")[0] for a in firing(world) if a.name == "CPUThrottlingHigh"} == {"a", "b"}
    assert not [a for a in pending(mesh("a>b")) if a.name == "CPUThrottlingHigh"]


JOBS = """
apiVersion: batch/v1
kind: Job
metadata: {name: doomed}
spec:
  backoffLimit: 0
  template: {spec: {restartPolicy: Never, containers: [{name: c, image: i, command: [sh, -c, "sleep 1; exit 3"]}]}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: endless}
spec:
  template: {spec: {restartPolicy: Never, containers: [{name: c, image: i, command: [sleep, "100000"]}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: w}]}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec: {maxReplicas: 3, minReplicas: 2, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  selector: {matchLabels: {app: db}}
  template: {metadata: {labels: {app: db}}, spec: {nodeSelector: {no: such}, containers: [{name: db, image: d}]}}
"""


def test_jobs_autoscalers_and_stateful_sets(small: Callable[..., World]) -> None:
    world = small(JOBS)
    fires_at_last(world, "KubeHpaMaxedOut")
    world.run_until(max(since(world, n) for n in ("KubeJobFailed", "KubeStatefulSetReplicasMismatch")) + 15 * MINUTE_US)
    assert {"KubeHpaMaxedOut", "KubeJobFailed", "KubeStatefulSetReplicasMismatch"} <= names(world)
    assert "KubeJobNotCompleted" not in names(world)
    started = world.store.state.objects[ObjectKey("Job", "default", "endless")].status.started_us
    world.run_until(started + 12 * 60 * MINUTE_US)
    assert "KubeJobNotCompleted" not in names(world)
    world.run_for(1)
    assert [a.subject for a in firing(world) if a.name == "KubeJobNotCompleted"] == ["endless"]
