"""Small call graphs whose flows can be worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_sim.application import epochs
from stratus_sim.application.dynamics.plan import plan_of
from stratus_sim.application.flow import CallFlow, EntryFlow, Flows
from stratus_sim.cluster import api, nodes
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.genesis import deploy
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.application import describe
from stratus_sim.manifests.load import Manifests
from stratus_sim.manifests.topology import Profile
from stratus_sim.manifests.traffic_shapes import DeclaredLoad
from stratus_sim.telemetry.alerts import firing
from stratus_sim.world import World
from tests.application.mesh import deployment, key, mesh, node_of, scale, service

DEFAULT_RATE = 50_000


def rates(world: World) -> dict[str, int]:
    return {name.partition("/")[2]: flow.rate for name, flow in epochs.current(world).workloads.items()}


def down(world: World, name: str) -> Flows:
    """The flows once a workload has no pods."""
    scale(world, name, 0)
    world.run_for(5 * SECOND_US)
    return epochs.current(world)


def call(flows: Flows, source: str, target: str) -> CallFlow:
    return next(f for f in flows.calls if (f.call.source, f.call.target) == (source, target))


def entry(world: World) -> EntryFlow:
    return epochs.current(world).entries[0]


def test_every_request_makes_each_hard_call_once() -> None:
    world = mesh("a>b", "a>c", "b>d", "c>d", soft=["d>e"])
    one = DEFAULT_RATE
    assert rates(world) == {"a": one, "b": one, "c": one, "d": 2 * one, "e": 0}


def test_a_failure_goes_round_a_cycle_to_the_users() -> None:
    world = mesh("a>c", "c>b", "b>c", "b>d")
    assert entry(world).success_permille == 1000
    assert down(world, "d").entries[0].success_permille == 0


def test_a_cycle_is_worked_out_in_order_of_name() -> None:
    ring = [f"w{n}>w{(n + 1) % 8}" for n in range(8)]
    plan = plan_of(mesh("a>w0", *ring).application)
    order = [plan.workloads[one.workload].partition("/")[2] for one in plan.operations if one.workload >= 0]
    assert order == ["a", *(f"w{n}" for n in range(8))]


def test_a_circle_is_seen_through_from_wherever_it_is_entered() -> None:
    world = mesh("a>b", "b>c", "c>a", "x>c", entrypoints="ax")
    one = DEFAULT_RATE
    assert rates(world) == {"a": 2 * one, "b": 2 * one, "c": 2 * one, "x": one}
    fared = {entry.service[-1]: (entry.success_permille, entry.latency_us) for entry in epochs.current(world).entries}
    assert fared["a"] == (1000, pytest.approx(4000, rel=0.02)), "a, b, c, and a again, who has its answer by then"
    assert fared["x"] == (1000, pytest.approx(5000, rel=0.02)), "x, c, a, b, and c again"
    scale(world, "b", 0)
    world.run_for(10 * SECOND_US)
    assert [entry.success_permille for entry in epochs.current(world).entries] == [0, 0]


def test_what_a_workload_without_pods_refuses_never_arrives() -> None:
    flows = down(mesh("a>b", "b>c"), "b")
    gone = flows.workloads["default/b"]
    assert (gone.pods, gone.success_permille, gone.load_permille, gone.rate) == (0, 0, 0, 0)
    assert call(flows, "a", "b").rate == DEFAULT_RATE
    assert (call(flows, "a", "b").error, call(flows, "a", "b").latency_us) == ("connection refused", 1000)
    assert (call(flows, "b", "c").error, call(flows, "b", "c").success_permille) == ("", 1000), "nobody calls"


@pytest.mark.parametrize(
    ("cpu_us", "load", "success", "latency_us"),
    [(1000, 500, 1000, 2_000), (1900, 950, 1000, 20_000), (4000, 2000, 500, 20_000), (0, 0, 1000, 1_000)],
)
def test_latency_grows_to_twenty_times_and_the_excess_fails(
    cpu_us: int, load: int, success: int, latency_us: int
) -> None:
    flow = epochs.current(mesh(profile=Profile(latency_us=1000, cpu_us_per_request=cpu_us))).workloads["default/a"]
    assert (flow.load_permille, flow.success_permille, flow.latency_us) == (load, success, latency_us)


def test_the_callees_latency_is_part_of_the_callers() -> None:
    world = mesh("a>b", soft=["a>c"])
    assert entry(world).latency_us == pytest.approx(2 * 1000, rel=0.02)


def test_a_dead_node_times_out_for_its_share_of_the_requests() -> None:
    world = mesh("a>b", replicas=2)
    lost = node_of(world, "b")
    alone = {p.status.node for p in world.store.list("Pod") if p.key.name.startswith("b-")}
    assert len(alone) == 2
    nodes.crash(world, lost)
    found = call(epochs.current(world), "a", "b")
    assert (found.success_permille, found.error) == (500, "deadline exceeded")
    assert found.latency_us == pytest.approx(500_000, rel=0.02)
    assert epochs.current(world).workloads["default/b"].pods == 1


def test_pods_of_a_stateful_set_serve() -> None:
    world = mesh("a>b", extra=[deployment("db", kind="StatefulSet"), service("db")])
    flow = epochs.current(world).workloads["default/db"]
    assert (flow.pods, flow.success_permille) == (1, 1000)


def chaos(**spec: Any) -> dict[str, Any]:
    metadata = {"name": "x", "namespace": "chaos-mesh"}
    return {"apiVersion": "chaos-mesh.org/v1alpha1", "kind": "NetworkChaos", "metadata": metadata, "spec": spec}


def pods_of(name: str) -> dict[str, Any]:
    return {"selector": {"labelSelectors": {"app": name}}}


@pytest.mark.parametrize(
    ("spec", "cut"),
    [
        ({"action": "partition", **pods_of("a"), "target": pods_of("b")}, {("a", "b")}),
        ({"action": "partition", "direction": "from", **pods_of("b"), "target": pods_of("a")}, {("a", "b")}),
        ({"action": "partition", "direction": "from", **pods_of("a"), "target": pods_of("b")}, set()),
        ({"action": "partition", "direction": "both", **pods_of("c"), "target": pods_of("b")}, {("b", "c")}),
        ({"action": "partition", "direction": "both", **pods_of("b"), "target": pods_of("c")}, {("b", "c")}),
        ({"action": "delay", **pods_of("a"), "target": pods_of("b")}, set()),
        ({"action": "partition", **pods_of("a")}, set()),
        ({"action": "partition", **pods_of("x"), "target": pods_of("b")}, set()),
    ],
)
def test_a_partition_cuts_what_its_selectors_and_direction_say(spec: dict[str, Any], cut: set) -> None:
    world = mesh("a>b", "b>c")
    api.put(world, chaos(**spec), "test")
    flows = epochs.current(world).calls
    assert {(f.call.source, f.call.target) for f in flows if f.error == "deadline exceeded"} == cut


def test_a_partition_is_noticed_within_a_second() -> None:
    world = mesh("a>b")
    api.put(world, chaos(action="partition", **pods_of("a"), target=pods_of("b")), "test")
    begun = world.now_us + SECOND_US
    world.run_for(120 * SECOND_US)
    found = {alert.subject: alert.since_us for alert in firing(world) if alert.name == "HighRequestErrorRate"}
    assert found == {"a": begun}


def test_a_lost_node_is_felt_by_users_before_the_control_plane_knows() -> None:
    world = mesh("a>b", extra=[{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}}])
    nodes.crash(world, "n")
    begun = world.now_us + SECOND_US
    world.run_for(39 * SECOND_US)
    assert world.store.state.objects[ObjectKey("Node", "", "n")].status.ready
    assert dict(world.traffic.erring) == {"default/a": begun}


def test_more_users_are_felt_without_any_change_of_the_cluster() -> None:
    world = mesh(profile=Profile(latency_us=1000, cpu_us_per_request=1000))
    world.schedule(0, "traffic.load", 3000)
    world.run_for(90 * SECOND_US)
    assert [alert.name for alert in firing(world)] == ["HighRequestErrorRate"]


@pytest.mark.parametrize(("cpu_us", "fires"), [(2200, False), (2300, True)])
def test_a_tenth_of_failed_requests_is_still_no_alert(cpu_us: int, fires: bool) -> None:
    world = mesh(profile=Profile(latency_us=1000, cpu_us_per_request=cpu_us))
    world.run_for(90 * SECOND_US)
    assert bool(firing(world)) is fires


def test_slow_answers_fire_an_alert_of_their_own() -> None:
    world = mesh("a>b", profile=Profile(latency_us=1_600_000, cpu_us_per_request=0))
    world.run_for(90 * SECOND_US)
    assert [(a.name, a.subject) for a in firing(world)] == [("HighRequestLatency", "a")]


def test_what_nobody_asks_for_neither_errs_nor_lags() -> None:
    world = mesh("b>c", entrypoints=["a"])
    down(world, "c")
    world.run_for(60 * SECOND_US)
    assert dict(world.traffic.erring) == {}
    idle = epochs.current(world).workloads["default/b"]
    assert (idle.rate, idle.success_permille) == (0, 0), "but it is known how it would fare"


def test_many_changes_at_one_instant_are_one_look() -> None:
    world = mesh("a>b", "b>c")
    for name in "abc":
        api.put(world, {**service(name), "metadata": {"name": name, "namespace": "default", "labels": {"x": "y"}}}, "t")
    world.run_for(0)
    assert [timer.handler for timer in world.kernel.timers.values()] == ["traffic.epoch"]


def test_an_entry_service_is_told_apart_from_its_workload() -> None:
    world = mesh("a>b")
    api.delete(world, key("a", "Service"), "test")
    world.run_for(70 * SECOND_US)
    assert dict(world.traffic.erring).keys() == {"default/a"}
    assert epochs.current(world).workloads["default/a"].success_permille == 1000


def caller(replicas: int, **env: str) -> dict[str, Any]:
    manifest = deployment("caller", replicas)
    container = manifest["spec"]["template"]["spec"]["containers"][0]
    container["env"] = [{"name": name, "value": value} for name, value in env.items()]
    manifest["spec"]["strategy"] = {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    return manifest


def wired(**env: str) -> World:
    """`caller` finds `b` by its environment; `b` has two ports."""
    two = {**service("b"), "spec": {"selector": {"app": "b"}, "ports": [{"name": "x", "port": 81}, {"port": 80}]}}
    manifests = Manifests((caller(2, **env), service("caller"), deployment("b"), two))
    return deploy(manifests, describe(manifests), 1)


def test_a_rollout_of_a_wrong_address_costs_the_share_of_the_pods_that_have_it() -> None:
    world, shares = wired(B_ADDR="b:80"), []
    api.put(world, caller(2, B_ADDR="nowhere:80"), "test")
    while world.kernel.queued or world.kernel.timers:
        world.step()
        found = epochs.current(world).calls[0].success_permille
        shares += [found] if found not in shares else []
    assert shares == [1000, 667, 500, 333, 0]


def test_the_port_of_an_address_may_stand_in_a_variable_beside_it() -> None:
    world = wired(B_HOST="b", B_PORT="80")
    assert (epochs.current(world).calls[0].error, entry(world).success_permille) == ("", 1000)
    api.put(world, caller(2, B_HOST="b", B_PORT="82"), "test")
    world.run_for(60 * SECOND_US)
    assert epochs.current(world).calls[0].error == "connection refused"


def test_what_a_circle_of_calls_carries_reaches_all_of_it_and_what_it_calls() -> None:
    world = mesh("a>c", "c>b", "b>c", "b>d")
    assert rates(world) == dict.fromkeys("abcd", DEFAULT_RATE)


@pytest.mark.parametrize("load", [None, DeclaredLoad()])
def test_a_circle_of_calls_comes_to_rest(load: DeclaredLoad | None) -> None:
    world = mesh("a>b", "b>a", load=load)
    world.run_for(3600 * SECOND_US)
    found = entry(world)
    assert (found.success_permille, found.latency_us) == (1000, pytest.approx(3 * 1000, rel=0.02)), "a, b, a once more"
    assert not world.kernel.timers


def test_a_circle_that_was_broken_is_whole_again() -> None:
    world = mesh("a>c", "c>b", "b>c", "b>d")
    assert down(world, "d").entries[0].success_permille == 0
    scale(world, "d", 1)
    world.run_for(60 * SECOND_US)
    assert entry(world).success_permille == 1000
