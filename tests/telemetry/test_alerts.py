"""Which alerts fire, in which order and since when; and what each oracle adds to the severity."""

from __future__ import annotations

from typing import Any

from stratus_sim.cluster import api, nodes
from stratus_sim.kernel import SECOND_US
from stratus_sim.telemetry.alerts import firing
from stratus_sim.telemetry.severity import HEALTHY, Severity, measure, unwell
from stratus_sim.world import World
from tests.application.mesh import deployment, key, mesh, node_of, scale, service

NODE = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}}


def broken(name: str, **changes: Any) -> dict[str, Any]:
    """A workload whose image does not exist."""
    manifest = deployment(name, **changes)
    manifest["spec"]["template"]["spec"]["containers"][0]["image"] = "no:such"
    return manifest


def test_users_weigh_ten_times_a_component_and_an_alert_a_tenth_of_one() -> None:
    assert Severity(1, 2, 300).scalar == 321
    assert str(Severity(1, 2, 300)) == "321 (components 1, requests 2, alerts 300)"


def test_a_lost_node_counts_at_once_and_its_pods_and_alerts_when_they_are_known() -> None:
    world = mesh(extra=[NODE])
    nodes.crash(world, "n")
    assert measure(world) == Severity(components=1000, requests=1000, alerts=0)
    world.run_for(51 * SECOND_US)
    assert measure(world) == Severity(components=2000, requests=1000, alerts=0)
    world.run_for(9 * SECOND_US)
    assert measure(world).alerts == 0
    world.run_for(SECOND_US)
    assert measure(world).alerts == 100
    world.run_for(60 * SECOND_US)
    assert [(a.name, a.severity, a.since_us // SECOND_US) for a in firing(world)] == [
        ("KubePodNotReady", "warning", 230),
        ("KubeDeploymentReplicasMismatch", "warning", 230),
        ("KubeNodeNotReady", "critical", 230),
        ("HighRequestErrorRate", "critical", 181),
    ]


def test_an_alert_fires_in_the_instant_its_for_has_passed() -> None:
    world = mesh("a>b")
    scale(world, "b", 0)
    world.run_for(2 * SECOND_US)
    begun = world.traffic.erring["default/a"]
    world.run_until(begun + 60 * SECOND_US - 1)
    assert firing(world) == []
    world.run_for(1)
    assert [(a.name, a.subject, a.since_us) for a in firing(world)] == [("HighRequestErrorRate", "a", begun)]


def test_a_node_that_is_lost_fires_after_thirty_seconds_and_its_stuck_pods_do_not() -> None:
    world = mesh("a>b", replicas=2)
    nodes.crash(world, node_of(world, "b"))
    world.run_for(79 * SECOND_US)
    assert "KubeNodeNotReady" not in {a.name for a in firing(world)}
    world.run_for(SECOND_US)
    assert "KubeNodeNotReady" in {a.name for a in firing(world)}
    world.run_for(400 * SECOND_US)
    assert any(pod.deleting for pod in world.store.list("Pod"))
    assert {a.name for a in firing(world)} == {"KubeNodeNotReady"}


def test_alerts_of_one_rule_come_in_order_of_their_subject() -> None:
    names = [f"w{n}" for n in range(9)]
    world = mesh(*(f"{a}>{b}" for a, b in zip(["a", *names], names, strict=False)))
    scale(world, "w8", 0)
    world.run_for(70 * SECOND_US)
    assert [a.subject for a in firing(world)] == ["a", *names[:-1]], "what gets no requests fails none"


def test_a_daemon_set_and_a_workload_of_no_replicas_are_well() -> None:
    daemon = deployment("agent", None, kind="DaemonSet")
    assert measure(mesh(extra=[daemon, deployment("spare", 0)])) == HEALTHY


def test_a_stateful_set_is_well_with_its_pods_and_sick_without() -> None:
    world = mesh("a>b", extra=[deployment("db", kind="StatefulSet"), service("db")])
    assert measure(world) == HEALTHY
    scale(world, "db", 0, "StatefulSet")
    world.run_for(5 * SECOND_US)
    assert unwell(world) == {"default/db": 1000}


def test_what_came_later_counts_by_its_own_replicas() -> None:
    world = mesh()
    api.put(world, broken("late", kind="StatefulSet"), "test")
    assert unwell(world) == {"default/late": 1000}
    healthy = deployment("later", None)
    healthy["spec"]["template"]["spec"]["containers"][0]["image"] = "a:1"
    api.put(world, healthy, "test")
    assert unwell(world) == {"default/late": 1000, "default/later": 1000}
    api.delete(world, key("late", "StatefulSet"), "test")
    world.run_for(30 * SECOND_US)
    assert unwell(world) == {}


def test_a_stuck_rollout_is_unwell_though_no_replica_is_missing() -> None:
    world = mesh(replicas=4)
    api.put(world, broken("a", replicas=4), "test")
    world.run_for(90 * SECOND_US)
    assert world.store.state.objects[key("a")].status.ready >= 3
    assert unwell(world) == {"default/a": 500}
    api.put(world, deployment("a", 4), "test")
    world.run_for(30 * SECOND_US)
    assert unwell(world) == {}


def test_no_workload_counts_more_than_wholly_and_pods_on_their_way_out_not_at_all() -> None:
    world = mesh()
    api.put(world, broken("b", replicas=3), "test")
    world.run_for(20 * SECOND_US)
    scale(world, "b", 1)
    assert unwell(world) == {"default/b": 1000}
    api.put(world, broken("a"), "test")
    world.run_for(20 * SECOND_US)
    api.put(world, deployment("a"), "test")
    world.run_for(0)
    assert "default/a" not in unwell(world)


def test_a_pod_that_fails_in_a_new_way_has_been_failing_since_it_came() -> None:
    world = mesh()
    api.put(world, broken("late"), "test")
    began = world.now_us
    world.run_for(61 * SECOND_US)
    assert ("KubePodNotReady", began) in [(a.name, a.since_us) for a in firing(world)]


def test_an_alert_on_latency_or_errors_needs_no_look_at_the_flows_before() -> None:
    world: World = mesh("a>b")
    world.traffic.flows = None
    assert firing(world) == []
