"""Pre-emption: who gives way to whom, and what the scheduler promises whatever it is asked to place."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stratus_sim.cluster import api, eviction, pods, priority
from stratus_sim.cluster.objects import ObjectKey, Resource, uuid_of
from stratus_sim.cluster.scheduling import host_ports, node_affinity, node_taints
from stratus_sim.cluster.scheduling.attempt import Attempt
from stratus_sim.kernel import SECOND_US
from stratus_sim.telemetry.observation import observe
from stratus_sim.world import World
from tests.cluster.test_eviction import budget
from tests.cluster.test_scheduling import (
    HOST,
    NO_VICTIMS,
    REQUIRED,
    TAINT,
    ZONE,
    like,
    nodes,
    on,
    place,
    refused,
    said,
    spread,
    web,
)
from tests.cluster.workloads import cluster, get, key, members

Json = dict[str, Any]
ROOM = {"allocatable": {"cpu": "1", "memory": "8Gi"}}
VALUES = {"low": 10, "mid": 50, "high": 100}


def grade(name: str, **fields: Any) -> Json:
    body = {"metadata": {"name": name}, "value": VALUES[name], **fields}
    return {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", **body}


GRADES = [grade(name) for name in VALUES]


def graded(app: str, name: str, replicas: int = 1, cpu: str = "400m", **spec: Any) -> Json:
    return web(app, replicas, {"cpu": cpu}, priorityClassName=name, **spec)


def add(world: World, *objects: Json, seconds: int = 10) -> World:
    for manifest in objects:
        api.put(world, manifest, "user")
    world.run_for(seconds * SECOND_US)
    return world


def full(*objects: Json, machines: int = 1) -> World:
    return cluster(*GRADES, *[place(f"m{i}", ROOM) for i in range(machines)], *objects, nodes=0, seconds=10)


def test_a_pod_takes_the_place_of_one_that_matters_less() -> None:
    world = full(graded("cheap", "low", 2))
    add(world, graded("dear", "high"), seconds=0)
    (dear,) = members(world, "Deployment", "dear")
    assert dear.status.message == "0/1 nodes are available: 1 Insufficient cpu."
    assert dict(world.cluster.scheduling.nominated) == {dear.key: "m0"}
    shown = {pod["metadata"]["name"]: pod["status"].get("nominatedNodeName") for pod in observe(world).list("Pod")}
    assert {name: node for name, node in shown.items() if node} == {dear.key.name: "m0"}
    (event,) = [e for e in world.cluster.events.values() if e.reason == "Preempted"]
    assert (event.type, event.message) == ("Normal", f"Preempted by pod {uuid_of(dear.uid)} on node m0")
    world.run_for(10 * SECOND_US)
    assert (on(world, "dear"), on(world, "cheap")) == (["m0"], ["", "m0"])
    assert not world.cluster.scheduling.nominated


@pytest.mark.parametrize("name", ["mid", "high"])
def test_equals_and_betters_stay(name: str) -> None:
    world = add(full(graded("there", name, 2)), graded("w", "mid"))
    assert (on(world, "there"), on(world)) == (["m0", "m0"], [""])
    assert said(world) == refused(1, "1 Insufficient cpu", f"1 {NO_VICTIMS}")


def test_a_class_may_forbid_it() -> None:
    world = full(graded("cheap", "low", 2))
    add(world, grade("high", preemptionPolicy="Never"), graded("w", "high"))
    assert on(world, "cheap") == ["m0", "m0"]
    assert said(world) == "0/1 nodes are available: 1 Insufficient cpu. preemption: not eligible due to" + (
        " preemptionPolicy=Never."
    )


def test_where_all_victims_together_are_too_few_nobody_goes() -> None:
    world = add(full(graded("firm", "high"), graded("cheap", "low")), graded("w", "mid", cpu="700m"))
    assert (on(world, "firm"), on(world, "cheap"), on(world)) == (["m0"], ["m0"], [""])
    assert said(world) == refused(1, "1 Insufficient cpu", "1 Insufficient cpu")


def test_the_node_with_the_least_important_victims_is_chosen() -> None:
    there = [graded("cheap", "low", 2, nodeSelector={HOST: "m1"}), graded("firm", "mid", 2, nodeSelector={HOST: "m0"})]
    world = add(full(*there, machines=2), graded("w", "high"))
    assert (on(world), on(world, "firm")) == (["m1"], ["m0", "m0"])


def test_a_budget_decides_between_equals_and_gives_way_where_nothing_else_does() -> None:
    there = [graded(app, "low", 2, nodeSelector={HOST: node}) for app, node in (("held", "m0"), ("free", "m1"))]
    held = budget("held", {"matchLabels": {"app": "held"}}, minAvailable=2)
    world = add(full(*there, held, machines=2), graded("w", "high"))
    assert (on(world), on(world, "held")) == (["m1"], ["m0", "m0"])
    tight = add(full(there[0], held), graded("w", "high"))
    assert on(tight) == ["m0"]


def test_nobody_of_less_importance_slips_into_the_room_that_is_being_made() -> None:
    world = full(graded("cheap", "low", 2))
    add(world, graded("dear", "high", 1, "900m"), seconds=0)
    add(world, graded("quick", "mid", 1, "300m"), seconds=0)
    while on(world, "dear") == [""]:
        assert on(world, "quick") == [""]
        world.step()
    assert on(world, "dear") == ["m0"]


def test_no_further_victims_are_taken_while_the_first_ones_leave() -> None:
    world = full(graded("cheap", "low", 2), machines=2)
    add(world, graded("firm", "low", 2), seconds=10)
    add(world, graded("dear", "high", 1, "600m"), seconds=0)
    api.put(world, place("m2", ROOM, [TAINT]), "user")
    world.run_for(0)
    (dear,) = members(world, "Deployment", "dear")
    waiting = "preemption: not eligible due to a terminating pod on the nominated node."
    tainted = "1 node(s) had untolerated taint {k: v}, 2 Insufficient cpu"
    assert dear.status.message == f"0/3 nodes are available: {tainted}. {waiting}"
    world.run_for(10 * SECOND_US)
    assert [e.reason for e in world.cluster.events.values()].count("Preempted") == 1


def test_the_node_that_room_was_made_on_comes_before_an_emptier_one() -> None:
    there = [place("m0", ROOM), place("m1", ROOM, [TAINT])]
    world = cluster(*GRADES, *there, graded("cheap", "low", 2), nodes=0, seconds=10)
    add(world, graded("dear", "high"), seconds=0)
    (victim,) = [pod for pod in world.store.list("Pod") if pod.deleting]
    world.store.remove(victim.key)
    add(world, place("m1", ROOM), seconds=0)
    assert on(world, "dear") == ["m0"]


def test_room_is_made_by_taking_away_who_holds_a_port_or_is_avoided() -> None:
    port = [{"containerPort": 1, "hostPort": 80}]
    for more in ({"ports": port}, {"affinity": {"podAntiAffinity": {REQUIRED: [like("cheap")]}}}):
        cheap = web("cheap", 1, ports=port, priorityClassName="low")
        world = add(full(cheap), web("w", 1, priorityClassName="high", **more))
        assert [e.involved.name[:5] for e in world.cluster.events.values() if e.reason == "Preempted"] == ["cheap"]
        assert on(world) == ["m0"]


def test_waiting_pods_are_tried_in_order_of_priority() -> None:
    world = full(graded("there", "high", 2), graded("a", "low"), graded("z", "mid"))
    assert (on(world, "a"), on(world, "z")) == ([""], [""])
    api.delete(world, key("Deployment", "there"), "user")
    world.run_for(2 * SECOND_US)
    world = add(full(graded("there", "high", 1, "1"), graded("a", "low", 1, "1"), graded("z", "mid", 1, "1")))
    api.delete(world, key("Deployment", "there"), "user")
    world.run_for(10 * SECOND_US)
    assert (on(world, "a"), on(world, "z")) == ([""], ["m0"])


_WISHES: list[Json] = [
    {}, {"affinity": {"podAntiAffinity": {REQUIRED: [like("w0")]}}},
    {"affinity": {"podAffinity": {REQUIRED: [like("w1", ZONE)]}}},
    {"affinity": nodes([{"matchExpressions": [{"key": ZONE, "operator": "In", "values": ["east"]}]}])},
    {"tolerations": [{"key": "k", "operator": "Exists"}]}, {"ports": [{"containerPort": 1, "hostPort": 80}]},
    spread("DoNotSchedule", app="w0"), spread("DoNotSchedule", HOST, app="w1", maxSkew=2),
    {"nodeSelector": {HOST: "m1"}},
]  # fmt: skip
_APPS = st.tuples(st.sampled_from(list(VALUES)), st.sampled_from(["100m", "300m", "600m"]), st.sampled_from(_WISHES))
_STEPS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=5)


def _machines(count: int) -> list[Json]:
    zones = ["east", "west"]
    taints = [[], [], [TAINT], []]
    return [place(f"m{i}", ROOM, taints[i], **{ZONE: zones[i % 2]}) for i in range(count)]


def _placed(world: World) -> list[Resource]:
    return [pod for pod in world.store.list("Pod") if pod.status.node and not pods.ended(pod)]


def _no_node_over_capacity(world: World) -> None:
    for node in world.store.list("Node"):
        there = [pod for pod in _placed(world) if pod.status.node == node.key.name]
        used = sum(Attempt(world, pod).millicores for pod in there)
        assert used == node.status.millicores <= node.status.capacity_millicores
        taken = [port for pod in there for port in host_ports.wanted(pod.spec)]
        assert len(taken) == len(set(taken))


def _where_it_may_be(world: World, pod: Resource) -> None:
    node = get(world, "Node", pod.status.node)
    assert node_affinity.matches(pod.spec, node)
    assert not node_taints.repelled(pod, node)
    others = [(o, get(world, "Node", o.status.node).labels) for o in _placed(world) if o.key != pod.key]
    affinity = pod.spec.affinity
    for term in affinity.pod_anti_affinity.required if affinity and affinity.pod_anti_affinity else ():
        value = node.labels.get(term.topology_key)
        wanted = term.label_selector.match_labels.items()
        assert not [o for o, labels in others if wanted <= o.labels.items() and labels.get(term.topology_key) == value]


@settings(max_examples=20, deadline=None)
@given(st.lists(_APPS, min_size=3, max_size=3), _STEPS, st.integers(1, 4))
def test_whatever_is_asked_no_node_is_overfull_and_no_pod_where_it_must_not_be(
    apps: list[tuple[str, str, Json]], steps: list[tuple[int, int, int]], machines: int
) -> None:
    world = cluster(*GRADES, *_machines(machines), nodes=0)
    for app, replicas, seconds in steps:
        name, cpu, wish = apps[app]
        known = {pod.key for pod in _placed(world)}
        before = {pod.key: pod for pod in world.store.list("Pod") if not pod.deleting}
        add(world, graded(f"w{app}", name, replicas, cpu, **wish), seconds=0)
        for pod in _placed(world):
            if pod.key not in known:
                _where_it_may_be(world, pod)
        _no_node_over_capacity(world)
        _only_lower_ones_left(world, before)
        world.run_for(seconds * SECOND_US)
    world.run_for(60 * SECOND_US)
    _no_node_over_capacity(world)


def _only_lower_ones_left(world: World, before: dict[ObjectKey, Resource]) -> None:
    """Who was pre-empted has a lower priority than somebody who waits for the node it leaves."""
    nominated = world.cluster.scheduling.nominated
    victims = {
        e.involved for e in world.cluster.events.values() if e.reason == "Preempted" and e.last_us == world.now_us
    }
    for victim in (before[name] for name in victims if name in before):
        waiting = [world.store.state.objects[k] for k in nominated if nominated[k] == victim.status.node]
        assert any(priority.value(victim.spec) < priority.value(pod.spec) for pod in waiting)


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.sampled_from(["low", "mid"]), min_size=2, max_size=5),
    st.integers(0, 2),
    st.sampled_from([200, 500, 900]),
)
def test_a_budget_is_broken_only_where_no_choice_of_victims_keeps_it(names: list[str], least: int, cpu: int) -> None:
    there = [graded(f"p{i}", name, 1, f"{1000 // len(names)}m") for i, name in enumerate(names)]
    held = budget("held", {"matchLabels": {"app": "p0"}}, minAvailable=min(least, 1))
    world = full(*there, held)
    world.run_for(60 * SECOND_US)
    add(world, graded("w", "high", 1, f"{cpu}m"), seconds=0)
    victims = {e.involved for e in world.cluster.events.values() if e.reason == "Preempted"}
    (guarded,) = [pod for pod in world.store.list("Pod") if pod.labels["app"] == "p0"][:1]
    others = sum(Attempt(world, p).millicores for p in _placed(world) if p.key != guarded.key)
    free = 1000 - others - Attempt(world, guarded).millicores
    if guarded.key in victims and least:
        assert free + others < cpu
    assert eviction.covering(world, guarded)
