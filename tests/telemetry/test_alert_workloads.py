"""Rules about workloads, jobs, autoscalers and budgets: when each of them begins to wait, and when it fires."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.telemetry.alerts import firing, pending
from stratus_sim.world import World
from tests.telemetry.test_alert_rules import MINUTE_US, fires_at_last, names, since

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
BUDGET = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 4
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: w}]}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {minAvailable: 3, selector: {matchLabels: {app: web}}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template: {metadata: {labels: {app: agent}}, spec: {containers: [{name: agent, image: a}]}}
"""


def stop_serving(world: World, name: str) -> None:
    ready = [pod for pod in world.store.list("Pod") if pod.labels.get("app") == name and pod.status.ready]
    world.store.report(ready[0].key, replace(ready[0].status, ready=False, since_us=world.now_us))
    world.run_for(0)


def test_a_budget_that_is_overdrawn_and_a_daemon_that_does_not_come_up(small: Callable[..., World]) -> None:
    world = small(BUDGET)
    stop_serving(world, "web")
    world.run_for(MINUTE_US)
    assert not {"KubePdbNotEnoughHealthyPods"} & {alert.name for alert in pending(world)}, "it can spare one"
    stop_serving(world, "web")
    began = world.now_us
    world.run_for(MINUTE_US)
    stop_serving(world, "web")
    assert since(world, "KubePdbNotEnoughHealthyPods") == began, "since the one it cannot spare"
    fires_at_last(world, "KubePdbNotEnoughHealthyPods")
    stop_serving(world, "agent")
    assert since(world, "KubeDaemonSetRolloutStuck") == world.now_us
    fires_at_last(world, "KubeDaemonSetRolloutStuck")


def test_who_may_only_be_as_many_as_it_is_has_not_reached_its_limit(small: Callable[..., World]) -> None:
    world = small(JOBS.replace("minReplicas: 2", "minReplicas: 3"))
    world.run_for(20 * MINUTE_US)
    assert "KubeHpaMaxedOut" not in names(world)


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
