"""Kubernetes Events about pods: what scheduler, kubelet and node controller say, in order and with counts."""

from __future__ import annotations

import re
from typing import Any

import pytest

from stratus_sim.cluster import api, nodes
from stratus_sim.cluster.objects import EventRecord
from stratus_sim.kernel import SECOND_US
from stratus_sim.world import World
from tests.application.mesh import mesh
from tests.cluster.test_kubelet import after, messages, node, only, placed, put, web

DEAD = {"tcpSocket": {"port": 1}, "periodSeconds": 5, "failureThreshold": 4}


def about(world: World, name: str) -> list[EventRecord]:
    """The events about a pod in the order they first happened."""
    found = [e for e in world.cluster.events.values() if e.involved.name == name]
    order = ["Scheduled", "Pulling", "Pulled", "Created", "Started"]
    return sorted(found, key=lambda e: (e.first_us, order.index(e.reason) if e.reason in order else 9))


def pulled() -> World:
    """A pod on a node that did not have its image."""
    world = mesh(extra=[node("n"), node("m")])
    free = next(n.key.name for n in world.store.list("Node") if "a:1" not in n.status.images)
    return put(world, placed(web(), nodeSelector={"disk": free}))


def test_a_start_is_told_step_by_step() -> None:
    world = pulled()
    pod = only(world)
    texts = [(e.type, e.reason, e.message) for e in about(world, pod.key.name)]
    took = texts[2][2]
    said = r'Successfully pulled image "a:1" in ([\d.]+m?s) \(\1 including waiting\)\. Image size: (\d+) bytes\.'
    assert re.fullmatch(said, took)
    assert texts == [
        ("Normal", "Scheduled", f"Successfully assigned default/{pod.key.name} to {pod.status.node}"),
        ("Normal", "Pulling", 'Pulling image "a:1"'),
        ("Normal", "Pulled", took),
        ("Normal", "Created", "Created container: web"),
        ("Normal", "Started", "Started container web"),
    ]


def test_the_duration_of_a_pull_is_that_of_the_pull() -> None:
    world = pulled()
    times = {e.reason: e.first_us for e in about(world, only(world).key.name)}
    (said,) = [e.message for e in about(world, only(world).key.name) if e.reason == "Pulled"]
    number, unit = re.search(r"in ([\d.]+)(ms|s) ", said).groups()
    took_ms = float(number) * (1 if unit == "ms" else 1000)
    assert abs(took_ms - (times["Pulled"] - times["Pulling"]) / 1000) <= 1


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ("IfNotPresent", r'Container image "a:1" already present on machine'),
        ("Always", r"Successfully pulled .* in \d+ms .*"),
    ],
)
def test_an_image_that_is_there_is_asked_for_only_where_the_policy_says_so(policy: str, said: str) -> None:
    world = put(mesh(extra=[node("n")]), web(imagePullPolicy=policy))
    (event,) = [e for e in about(world, only(world).key.name) if e.reason == "Pulled"]
    assert re.fullmatch(said, event.message)
    assert bool([e for e in about(world, only(world).key.name) if e.reason == "Pulling"]) is (policy == "Always")


def test_the_first_restart_is_immediate_and_every_step_is_counted() -> None:
    world = put(mesh(), web(livenessProbe=DEAD), seconds=0)
    after(world, lambda: only(world).status.state == "terminated" or only(world).status.restarts)
    assert messages(world, "BackOff") == []
    assert after(world, lambda: only(world).status.restarts == 1) <= 2
    after(world, lambda: only(world).status.restarts == 3)
    counts = {e.reason: e.count for e in about(world, only(world).key.name)}
    assert (counts["Started"], counts["Created"], counts["BackOff"], counts["Killing"]) == (4, 4, 2, 3)


def test_a_probe_that_fails_is_counted_each_time_it_did() -> None:
    world = put(mesh(), web(livenessProbe=DEAD), seconds=0)
    after(world, lambda: messages(world, "Killing"))
    (event,) = [e for e in about(world, only(world).key.name) if e.reason == "Unhealthy"]
    assert (event.count, event.last_us - event.first_us) == (4, 15 * SECOND_US)


def test_each_container_that_runs_is_told_to_stop() -> None:
    world = put(mesh(), web(sidecar={"image": "a:1"}))
    name = only(world).key.name
    api.delete(world, only(world).key, "test")
    stopped = [(e.type, e.message) for e in about(world, name) if e.reason == "Killing"]
    assert stopped == [("Normal", "Stopping container sidecar"), ("Normal", "Stopping container web")] or stopped == [
        ("Normal", "Stopping container web"), ("Normal", "Stopping container sidecar"),
    ]  # fmt: skip


def test_nobody_on_a_dead_node_is_told_to_stop_and_its_pods_are_said_to_be_lost() -> None:
    world = put(mesh(extra=[node("n")]), web())
    name = only(world).key.name
    nodes.crash(world, "n")
    world.run_for(50 * SECOND_US)
    assert [e.message for e in about(world, name) if e.reason == "NodeNotReady"] == ["Node is not ready"]
    (lost,) = [e for e in world.cluster.events.values() if e.involved.kind == "Node" and e.reason == "NodeNotReady"]
    assert (lost.type, lost.message) == ("Normal", "Node n status is now: NodeNotReady")
    back = world.fork()
    nodes.restore(back, "n")
    assert messages(back, "NodeReady") == ["Node n status is now: NodeReady"]
    assert messages(world, "NodeReady") == []
    api.delete(world, only(world).key, "test")
    assert [e for e in about(world, name) if e.reason == "Killing"] == []


def test_a_missing_volume_is_said_each_time_it_is_looked_for() -> None:
    volume = {"name": "v", "secret": {"secretName": "s", "items": [{"key": "k", "path": "k"}]}}
    world = put(mesh(), placed(web(), volumes=[volume]))
    for name in ("other", "another"):
        put(world, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}})
    (event,) = [e for e in about(world, only(world).key.name) if e.reason == "FailedMount"]
    assert event.type == "Warning"
    assert event.count > 10
    assert event.message == 'MountVolume.SetUp failed for volume "v" : secret "s" not found'


@pytest.mark.parametrize(("command", "code"), [("serve", 143), ("trap '' TERM; serve", 137)])
def test_the_exit_code_tells_who_ended_on_sigterm_and_who_had_to_be_killed(command: str, code: int) -> None:
    fields: dict[str, Any] = {"command": ["sh", "-c", command], "livenessProbe": DEAD}
    world = put(mesh(), placed(web(**fields), terminationGracePeriodSeconds=7), seconds=0)
    after(world, lambda: messages(world, "Killing"))
    took = after(world, lambda: only(world).status.state == "terminated")
    assert (only(world).status.code, took >= 6) == (code, code == 137)


@pytest.mark.parametrize(
    ("command", "reason", "code"),
    [
        (["sh", "-c", "echo broken; sleep 2; exit 3"], "Error", 3),
        (["/bin/false"], "Error", 1),
        (["sleep", "4"], "Completed", 0),
    ],
)
def test_a_container_that_is_meant_to_stay_and_ends_is_started_again_with_a_back_off(
    command: list[str], reason: str, code: int
) -> None:
    world = put(mesh(), web(command=command), seconds=0)
    after(world, lambda: only(world).status.reason == "CrashLoopBackOff")
    assert (only(world).status.last_termination, only(world).status.code) == (reason, code)
    assert only(world).status.restarts == 1


@pytest.mark.parametrize(
    "script",
    [
        "sleep 3; exec serve", "while true; do sleep 2; done", "serve & sleep 2", "test -f /x || exit 1",
        "sleep infinity", "trap exit TERM; sleep 5",
    ],
)  # fmt: skip
def test_one_of_which_nobody_can_tell_stays(script: str) -> None:
    world = put(mesh(), web(command=["sh", "-c", script]), seconds=60)
    assert (only(world).status.ready, only(world).status.restarts) == (True, 0)


@pytest.mark.parametrize(("policy", "phase", "restarts"), [("Never", "Failed", 0), ("OnFailure", "Running", 1)])
def test_a_bare_pod_does_as_its_restart_policy_says(policy: str, phase: str, restarts: int) -> None:
    spec = {
        "restartPolicy": policy,
        "containers": [{"name": "c", "image": "a:1", "command": ["sh", "-c", "sleep 9; exit 6"]}],
    }
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-p"}, "spec": spec}
    world = put(mesh(), pod, seconds=20)
    assert (only(world).status.phase, only(world).status.restarts, only(world).status.code) == (phase, restarts, 6)
