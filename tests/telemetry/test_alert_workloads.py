"""Rules about workloads, jobs, autoscalers and budgets: when each of them begins to wait, and when it fires."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.telemetry.alerts import firing, pending
from stratus_sim.world import World
from tests.application.mesh import deployment
from tests.telemetry.manifests import DAY, FAILS, autoscaler, budget, job, text, web
from tests.telemetry.test_alert_rules import MINUTE_US, fires_at_last, names, since

UNPLACED = deployment("db", kind="StatefulSet", nodeSelector={"no": "such"})


def jobs(fewest: int) -> str:
    """Jobs that fail and that do not end, an autoscaler at its limit, and a set no node takes."""
    return text(
        job("doomed", *FAILS, backoffLimit=0), job("endless", *DAY), web(3), autoscaler("web", fewest, 3), UNPLACED
    )


def stop_serving(world: World, name: str) -> None:
    ready = [pod for pod in world.store.list("Pod") if pod.labels.get("app") == name and pod.status.ready]
    world.store.report(ready[0].key, replace(ready[0].status, ready=False, since_us=world.now_us))
    world.run_for(0)


def test_a_budget_that_is_overdrawn_and_a_daemon_that_does_not_come_up(small: Callable[..., World]) -> None:
    world = small(text(web(4), budget("web", 3), deployment("agent", None, kind="DaemonSet")))
    stop_serving(world, "web")
    world.run_for(MINUTE_US)
    assert not {"KubePdbNotEnoughHealthyPods"} & {alert.name for alert in pending(world)}, "it can spare one"
    stop_serving(world, "web")
    began = world.now_us
    world.run_for(MINUTE_US)
    stop_serving(world, "web")
    assert since(world, "KubePdbNotEnoughHealthyPods") == began, "since the one it cannot spare"
    fires_at_last(world, "KubePdbNotEnoughHealthyPods")
    assert [alert.value for alert in firing(world) if alert.name == "KubePdbNotEnoughHealthyPods"] == [2]
    stop_serving(world, "agent")
    assert since(world, "KubeDaemonSetRolloutStuck") == world.now_us
    fires_at_last(world, "KubeDaemonSetRolloutStuck")


def test_who_may_only_be_as_many_as_it_is_has_not_reached_its_limit(small: Callable[..., World]) -> None:
    world = small(jobs(fewest=3))
    world.run_for(20 * MINUTE_US)
    assert "KubeHpaMaxedOut" not in names(world)


def test_jobs_autoscalers_and_stateful_sets(small: Callable[..., World]) -> None:
    world = small(jobs(fewest=2))
    fires_at_last(world, "KubeHpaMaxedOut")
    world.run_until(max(since(world, n) for n in ("KubeJobFailed", "KubeStatefulSetReplicasMismatch")) + 15 * MINUTE_US)
    assert {"KubeHpaMaxedOut", "KubeJobFailed", "KubeStatefulSetReplicasMismatch"} <= names(world)
    assert "KubeJobNotCompleted" not in names(world)
    started = world.store.state.objects[ObjectKey("Job", "default", "endless")].status.started_us
    world.run_until(started + 12 * 60 * MINUTE_US)
    assert "KubeJobNotCompleted" not in names(world)
    world.run_for(1)
    assert [a.subject for a in firing(world) if a.name == "KubeJobNotCompleted"] == ["endless"]
