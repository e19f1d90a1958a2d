"""Pods that name their node: no scheduler looks at them, and a kubelet takes them or says why not."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from immutables import Map

from stratus_sim.cluster import api, nodes
from stratus_sim.kernel import SECOND_US
from stratus_sim.telemetry.render import render
from stratus_sim.telemetry.render_pods import status_column
from stratus_sim.world import World
from tests.cluster.test_kubelet import messages
from tests.cluster.test_scheduling import place, web
from tests.cluster.workloads import cluster, get, key, members, reasons, workload

Json = dict[str, Any]
ROOM = {"allocatable": {"cpu": "2", "memory": "1Gi", "pods": "3", "example.org/gpu": "1"}}


def pod(name: str = "p", node: str = "n", resources: Json | None = None, port: Json | None = None, **spec: Any) -> Json:
    container = {"name": "c", "image": "w:1", "resources": resources or {}, "ports": [port] if port else []}
    body = {"containers": [container], "nodeName": node, **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"}, "spec": body}


def requests(**amounts: str) -> Json:
    return {"requests": amounts}


def with_(*manifests: Json, taints: Any = (), seconds: int = 30) -> World:
    return cluster(place("n", ROOM, taints), *manifests, nodes=0, seconds=seconds)


def told(world: World) -> tuple[str, str]:
    """The reason and the message of the status of `p`, which has failed."""
    status = get(world, "Pod", "p").status
    assert (status.phase, status.node) == ("Failed", "n")
    assert messages(world, status.reason) == [status.message.removeprefix("Pod was rejected: ")]
    return status.reason, status.message


def test_it_runs_where_it_says_whoever_is_kept_away_and_nobody_schedules_it() -> None:
    world = with_(pod(resources=requests(cpu="2")), taints=[{"key": "k", "effect": "NoSchedule"}])
    found = get(world, "Pod", "p")
    assert (found.status.node, found.status.ready) == ("n", True)
    assert reasons(world, "Pod", "p")[:2] == ["Pulling", "Created"]
    assert get(world, "Node", "n").status.millicores == 2000


def test_nobody_schedules_it_while_its_kubelet_has_not_seen_it_either() -> None:
    world = with_()
    api.put(world, pod(), "user")
    world.run_for(0)
    api.put(world, place("m", ROOM), "user")
    world.run_for(3 * SECOND_US)
    assert get(world, "Pod", "p").status.node == "n" and "Scheduled" not in reasons(world, "Pod", "p")


def test_pods_of_a_daemon_set_are_tied_to_their_nodes_and_scheduled_all_the_same() -> None:
    world = with_(workload("DaemonSet"), seconds=3)
    (found,) = members(world, "DaemonSet")
    assert reasons(world, "Pod", found.key.name)[0] == "Scheduled"


SHORT = "Pod was rejected: Node didn't have enough resource: "


@pytest.mark.parametrize(
    ("rejected", "reason", "message"),
    [
        ({"resources": requests(cpu="1500m")}, "OutOfcpu", f"{SHORT}cpu, requested: 1500, used: 1000, capacity: 2000"),
        (
            {"resources": requests(memory="2Gi")}, "OutOfmemory",
            f"{SHORT}memory, requested: 2147483648, used: 67108864, capacity: 1073741824",
        ),
        (
            {"resources": {"limits": {"example.org/gpu": "2"}}}, "OutOfexample.org/gpu",
            f"{SHORT}example.org/gpu, requested: 2, used: 0, capacity: 1",
        ),
        (
            {"nodeSelector": {"a": "b"}}, "NodeAffinity",
            "Pod was rejected: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
        ),
        (
            {"port": {"containerPort": 1, "hostPort": 80}}, "NodePorts",
            "Pod was rejected: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
        ),
    ],
)  # fmt: skip
def test_what_its_kubelet_rejects_has_failed(rejected: Json, reason: str, message: str) -> None:
    there = pod("there", resources=requests(cpu="1", memory="64Mi"), port={"containerPort": 1, "hostPort": 80})
    world = with_(there)
    assert get(world, "Pod", "there").status.ready
    api.put(world, pod(**rejected), "user")
    world.run_for(3 * SECOND_US)
    assert told(world) == (reason, message)
    shown = render(world, get(world, "Pod", "p"))
    assert status_column(shown) == reason and "containerStatuses" not in shown["status"]
    assert get(world, "Node", "n").status.millicores == 1000


def test_there_is_room_for_so_many_pods() -> None:
    world = with_(*(pod(name) for name in "abc"))
    api.put(world, pod(), "user")
    world.run_for(3 * SECOND_US)
    assert told(world) == ("OutOfpods", f"{SHORT}pods, requested: 1, used: 3, capacity: 3")


def test_a_device_nobody_has_declared_is_nobodys_matter() -> None:
    assert get(with_(pod(resources={"limits": {"example.org/none": "2"}})), "Pod", "p").status.ready


def test_a_taint_that_sends_pods_away_lets_none_in() -> None:
    world = with_(pod(), taints=[{"key": "k", "effect": "NoExecute"}])
    said = "Pod was rejected: Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate"
    assert told(world) == ("TaintToleration", said)


@pytest.mark.parametrize(("asked", "taken"), [({}, False), (requests(memory="8Mi"), True)])
def test_a_node_short_of_memory_takes_no_pod_that_states_nothing(asked: Json, taken: bool) -> None:
    world = with_()
    status = get(world, "Node", "n").status
    pressed = msgspec.structs.replace(status, pressure=Map({"Memory": world.now_us}))
    world.store.report(key("Node", "n"), pressed)
    api.put(world, pod(resources=asked), "user")
    world.run_for(30 * SECOND_US)
    assert (get(world, "Pod", "p").status.node, get(world, "Pod", "p").status.phase == "Failed") == ("n", not taken)
    if not taken:
        assert told(world) == ("Evicted", "Pod was rejected: The node had condition: [MemoryPressure]. ")


def test_on_a_node_that_does_not_exist_it_waits_until_it_is_collected() -> None:
    world = with_(pod(node="nowhere"))
    assert (get(world, "Pod", "p").status.phase, get(world, "Pod", "p").status.node) == ("Pending", "nowhere")
    assert reasons(world, "Pod", "p") == []
    world.run_for(40 * SECOND_US)
    assert world.store.get(key("Pod", "p")) is None


def test_a_silent_kubelet_takes_it_when_it_is_back() -> None:
    world = with_(web("w", replicas=0))
    nodes.crash(world, "n")
    api.put(world, pod(), "user")
    world.run_for(30 * SECOND_US)
    assert (get(world, "Pod", "p").status.phase, get(world, "Pod", "p").status.node) == ("Pending", "n")
    nodes.restore(world, "n")
    world.run_for(30 * SECOND_US)
    assert get(world, "Pod", "p").status.phase == "Running"


def test_an_owner_replaces_what_is_rejected_about_once_a_second() -> None:
    world = with_(web("w", requests={"cpu": "9"}, nodeName="n"), seconds=20)
    failed = [found for found in world.store.list("Pod") if found.status.phase == "Failed"]
    assert 13 <= len(failed) <= 40
    assert {found.status.reason for found in failed} == {"OutOfcpu"}
