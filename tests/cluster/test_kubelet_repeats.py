"""Events that go on happening while nothing changes are counted when somebody reads them."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from stratus_sim.cluster import api, nodes
from stratus_sim.cluster.correlator import recent
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.kubelet.duty import full_name
from stratus_sim.cluster.kubelet.repeats import back_off, said_again
from stratus_sim.cluster.objects import EventRecord
from stratus_sim.kernel import SECOND_US
from stratus_sim.world import World
from tests.application.mesh import mesh
from tests.cluster.test_kubelet import after, only, placed, put, web

UNCONFIGURED = {"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "missing", "key": "k"}}}]}
UNMOUNTABLE = {"volumes": [{"name": "v", "configMap": {"name": "missing"}}]}
MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "missing"}, "data": {"k": "v"}}


def said(world: World, reason: str, words: str = "") -> EventRecord:
    """The one Event of this reason with these words."""
    (found,) = [e for e in recent(world).values() if e.reason == reason and words in e.message]
    return found


@pytest.mark.parametrize(
    ("manifest", "reason", "words", "times"),
    [
        (web(image="no:such"), "BackOff", "Back-off pulling image", range(12, 15)),
        (web(image="no:such"), "Failed", "Error: ImagePullBackOff", range(12, 15)),
        (web(image="no:such"), "Failed", "Error: ErrImagePull", range(4, 5)),
        (web(**UNCONFIGURED), "Failed", 'configmap "missing" not found', range(14, 16)),
        (placed(web(), **UNMOUNTABLE), "FailedMount", 'configmap "missing" not found', range(9, 10)),
        (placed(web(), nodeSelector={"no": "where"}), "FailedScheduling", "node affinity/selector", range(1, 2)),
        (web(command=["sh", "-c", "exit 3"]), "BackOff", "Back-off restarting failed container web", range(15, 18)),
    ],
)  # fmt: skip
def test_what_a_kubelet_says_again_counts(manifest: dict[str, Any], reason: str, words: str, times: range) -> None:
    world = put(mesh(), manifest, seconds=185)
    assert said(world, reason, words).count in times
    world.run_for(3600 * SECOND_US)
    later = said(world, reason, words)
    assert later.count > times.start + 8
    assert world.now_us - later.last_us <= 300 * SECOND_US


@pytest.mark.parametrize(
    "manifest", [web(image="no:such"), web(**UNCONFIGURED), placed(web(), **UNMOUNTABLE), web(command=["false"])]
)
def test_a_count_never_falls_and_stands_still_when_it_is_over(manifest: dict[str, Any]) -> None:
    world, counts = put(mesh(), manifest, seconds=0), dict[Any, int]()
    for second in range(300):
        if second == 200:
            api.put(world, MAP, "test")
        world.run_for(SECOND_US)
        now = {mark: event.count for mark, event in recent(world).items()}
        assert all(now[mark] >= count for mark, count in counts.items())
        counts = now
    world.schedule(0, "node.crash", only(world).status.node)
    world.run_for(SECOND_US)
    counts = {mark: event.count for mark, event in recent(world).items()}
    world.run_for(100 * SECOND_US)
    assert {mark: recent(world)[mark].count for mark in counts} == counts


def test_nobody_says_anything_of_a_pod_that_is_gone() -> None:
    world = put(mesh(), web(**UNCONFIGURED), seconds=100)
    pod = only(world).key
    told = said(world, "Failed").count
    api.delete(world, pod, "test")
    world.run_for(600 * SECOND_US)
    assert [e.count for e in recent(world).values() if e.involved == pod and e.reason == "Failed"] == [told]


def test_nobody_on_a_dead_node_says_anything() -> None:
    world = put(mesh(), web(command=["false"]), seconds=100)
    nodes.crash(world, only(world).status.node)
    before = said(world, "BackOff").count
    world.run_for(30 * SECOND_US)
    assert said(world, "BackOff").count == before > 3


def test_what_ran_on_a_dead_node_has_ended_with_it() -> None:
    dead = {"tcpSocket": {"port": 1}, "periodSeconds": 10}
    world = put(mesh(), web(readinessProbe=dead), seconds=100)
    crashed_us, before = world.now_us, said(world, "Unhealthy").count
    nodes.crash(world, only(world).status.node)
    world.run_for(200 * SECOND_US)
    nodes.restore(world, only(world).status.node)
    after(world, lambda: only(world).status.state == "terminated")
    assert only(world).status.ended_us == crashed_us
    assert said(world, "Unhealthy").count == before
    after(world, lambda: only(world).status.state == "running")
    world.run_for(2 * SECOND_US)
    assert said(world, "Unhealthy").count == before + 1


def test_ten_good_minutes_leave_what_was_counted() -> None:
    rarely = {"tcpSocket": {"port": 1}, "periodSeconds": 60, "failureThreshold": 11}
    world = put(mesh(), web(livenessProbe=rarely))
    pod = only(world)
    emit(world, pod.key, "BackOff", back_off("web", full_name(pod)), warning=True)
    world.store.report(pod.key, replace(pod.status, failures=7))
    after(world, lambda: only(world).status.state != "running")
    assert (only(world).status.failures, said(world, "BackOff").count) == (1, 1 + said_again(7))
