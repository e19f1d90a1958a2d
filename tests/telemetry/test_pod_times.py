"""Since when a pod's conditions hold: each since it came about, not since its pod last became ready."""

from __future__ import annotations

from typing import Any

from stratus_sim.cluster import api, calendar
from stratus_sim.kernel import SECOND_US
from stratus_sim.telemetry.metrics import exposition
from stratus_sim.telemetry.render import render, timestamp
from stratus_sim.world import World
from tests.application.mesh import deployment, mesh
from tests.telemetry.test_cpu import unready
from tests.telemetry.test_metrics import series, value

FEW = {"initContainers": [{"name": "first", "image": "i", "command": ["sleep", "3"]}]}


def times(world: World, pod: str) -> dict[str, str]:
    (found,) = [one for one in world.store.list("Pod") if one.key.name.startswith(pod)]
    return {c["type"]: c["lastTransitionTime"] for c in render(world, found)["status"]["conditions"]}


def started(world: World) -> list[float]:
    found = series(exposition(world, ["kube_pod_start_time"]))
    return [at_s for (_, labels), at_s in found.items() if dict(labels)["pod"].startswith("late-")]


def test_a_pod_that_loses_its_readiness_was_scheduled_when_it_was() -> None:
    world = mesh()
    before = times(world, "a-")
    world.run_for(60 * SECOND_US)
    name = unready(world, "a", ready=False)
    now = times(world, "a-")
    assert {kind for kind, since in now.items() if since != before[kind]} == {"Ready", "ContainersReady"}
    assert now["Ready"] == timestamp(world.now_us)
    found = series(exposition(world, ["kube_pod_status_scheduled_time", "kube_pod_created"]))
    assert value(found, "kube_pod_status_scheduled_time", pod=name) == value(found, "kube_pod_created", pod=name)


def test_a_pod_waits_for_a_node_and_for_its_init_containers() -> None:
    picky: dict[str, Any] = deployment("late", nodeSelector={"kind": "new"}, **FEW)
    world = mesh(extra=[picky])
    began = timestamp(next(one.created_us for one in world.store.list("Pod") if one.key.name.startswith("late-")))
    assert times(world, "late-") == {"PodScheduled": began}
    assert started(world) == []
    api.put(world, {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n", "labels": {"kind": "new"}}}, "test")
    came_us, came = world.now_us, timestamp(world.now_us)
    world.run_for(30 * SECOND_US)
    since = times(world, "late-")
    assert since["PodScheduled"] == since["PodReadyToStartContainers"] == came
    assert started(world) == [calendar.moment(0).timestamp() + int(came_us // SECOND_US)]
    assert came < since["Initialized"] < since["Ready"] == since["ContainersReady"]
