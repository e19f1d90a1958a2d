"""What keeps a pod off a node, in the words of kube-scheduler, and what draws it to one."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from stratus_sim.cluster import api
from stratus_sim.cluster.objects import EventRecord
from stratus_sim.cluster.status import PodStatus
from stratus_sim.kernel import SECOND_US
from stratus_sim.world import World
from tests.cluster.workloads import cluster, get, key, members, template, workload

Json = dict[str, Any]
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
HOST, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
NOT_HELPFUL = "Preemption is not helpful for scheduling"
NO_VICTIMS = "No preemption victims found for incoming pod"
UNEVEN = "node(s) didn't match pod topology spread constraints"


def place(name: str, status: Json | None = None, taints: Any = (), **labels: str) -> Json:
    metadata = {"name": name, "labels": {HOST: name, **labels}}
    spec = {"taints": list(taints)}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": spec, "status": status or {}}


def web(name: str = "w", replicas: int = 1, requests: Json | None = None, ports: Any = (), **spec: Any) -> Json:
    pod = template(name, **spec)
    container = pod["spec"]["containers"][0]
    container.update({"ports": list(ports)} if ports else {})
    container.update({"resources": {"requests": requests}} if requests else {})
    return workload("Deployment", name, replicas=replicas, template=pod)


def on(world: World, name: str = "w") -> list[str]:
    """The nodes of a workload's pods, "" for a pod that waits."""
    return sorted(pod.status.node for pod in members(world, "Deployment", name))


def failures(world: World) -> list[EventRecord]:
    return [event for event in world.cluster.events.values() if event.reason == "FailedScheduling"]


def said(world: World) -> str:
    (found,) = {event.message for event in failures(world)}
    return found


def refused(total: int, first: str, second: str) -> str:
    return f"0/{total} nodes are available: {first}. preemption: 0/{total} nodes are available: {second}."


def nodes(required: Any = None, preferred: Any = None) -> Json:
    terms = {REQUIRED: {"nodeSelectorTerms": required}} if required else {}
    return {"nodeAffinity": {**terms, **({PREFERRED: preferred} if preferred else {})}}


def like(app: str, topology: str = HOST, **more: Any) -> Json:
    return {"topologyKey": topology, "labelSelector": {"matchLabels": {"app": app}}, **more}


def spread(when: str, topology: str = ZONE, app: str = "w", **more: Any) -> Json:
    selector = {"matchLabels": {"app": app}}
    fields = {"maxSkew": 1, "topologyKey": topology, "whenUnsatisfiable": when, "labelSelector": selector}
    return {"topologySpreadConstraints": [{**fields, **more}]}


TAINT = {"key": "k", "value": "v", "effect": "NoSchedule"}
EXPRESSIONS = [
    ({"key": "size", "operator": "Gt", "values": ["3"]}, ["b"]),
    ({"key": "size", "operator": "Lt", "values": ["3"]}, ["a"]),
    ({"key": "size", "operator": "In", "values": ["2", "3"]}, ["a"]),
    ({"key": "size", "operator": "NotIn", "values": ["2"]}, ["b", "c"]),
    ({"key": "size", "operator": "Exists"}, ["a", "b"]),
    ({"key": "size", "operator": "DoesNotExist"}, ["c"]),
]


def test_reasons_are_counted_and_pre_emption_says_where_it_would_not_help() -> None:
    small = place("small", {"allocatable": {"cpu": "1", "memory": "1Gi"}})
    full = place("full", {"allocatable": {"cpu": "4", "memory": "8Gi"}})
    tainted = [place("t1", taints=[TAINT]), place("t2", taints=[TAINT])]
    world = cluster(small, full, *tainted, web("first", 1, {"cpu": "3"}), nodes=0, seconds=5)
    assert on(world, "first") == ["full"]
    api.put(world, web("w", 1, {"cpu": "2", "memory": "2Gi"}), "user")
    world.run_for(0)
    first = "1 Insufficient memory, 2 Insufficient cpu, 2 node(s) had untolerated taint {k: v}"
    assert said(world) == refused(4, first, f"1 {NO_VICTIMS}, 3 {NOT_HELPFUL}")


def test_each_failed_attempt_counts_in_one_event() -> None:
    world = cluster(web(requests={"cpu": "99"}), nodes=1, seconds=5)
    (before,) = failures(world)
    for number in range(3):
        world.run_for(SECOND_US)
        api.put(world, place("n0", round=str(number)), "user")
        world.run_for(0)
    (after,) = failures(world)
    assert (before.count, after.count, after.last_us) == (1, 4, world.now_us)


@pytest.mark.parametrize(("requirement", "fitting"), EXPRESSIONS)
def test_required_node_affinity(requirement: Json, fitting: list[str]) -> None:
    there = [place("a", size="2"), place("b", size="7"), place("c")]
    affinity = nodes([{"matchExpressions": [requirement]}])
    world = cluster(*there, web("w", 6, affinity=affinity), nodes=0, seconds=5)
    assert sorted(set(on(world))) == fitting


def test_terms_are_alternatives_requirements_are_not_and_an_empty_term_is_nothing() -> None:
    ssd, big = ({"key": k, "operator": "Exists"} for k in ("ssd", "big"))
    there = [place("a", ssd="1"), place("b", big="1"), place("c", ssd="1", big="1")]
    either = cluster(*there, web("w", 6, affinity=nodes([{"matchExpressions": [r]} for r in (ssd, big)])), nodes=0)
    either.run_for(SECOND_US)
    assert sorted(set(on(either))) == ["a", "b", "c"]
    both = cluster(*there, web("w", 3, affinity=nodes([{"matchExpressions": [ssd, big]}])), nodes=0, seconds=1)
    assert set(on(both)) == {"c"}
    by_name = nodes([{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["b"]}]}])
    assert set(on(cluster(*there, web("w", 2, affinity=by_name), nodes=0, seconds=1))) == {"b"}
    nothing = cluster(*there, web("w", affinity=nodes([{}])), nodes=0, seconds=1)
    assert said(nothing) == refused(3, "3 node(s) didn't match Pod's node affinity/selector", f"3 {NOT_HELPFUL}")


def test_preferences_for_nodes_outweigh_emptiness_but_forbid_nothing() -> None:
    wish = [{"weight": 1, "preference": {"matchExpressions": [{"key": "ssd", "operator": "Exists"}]}}]
    room = {"allocatable": {"cpu": "1", "memory": "8Gi"}}
    there = [place("a", room), place("b", room, ssd="1")]
    world = cluster(*there, web("w", 3, {"cpu": "400m"}, affinity=nodes(preferred=wish)), nodes=0, seconds=1)
    assert on(world) == ["a", "b", "b"]


def test_a_taint_that_only_asks_is_avoided_while_there_is_another_node() -> None:
    soft = {"key": "k", "effect": "PreferNoSchedule"}
    room = {"allocatable": {"cpu": "1", "memory": "8Gi"}}
    there = [place("a", {"allocatable": {"cpu": "8", "memory": "8Gi"}}, [soft]), place("b", room)]
    world = cluster(*there, web("w", 3, {"cpu": "400m"}), nodes=0, seconds=1)
    assert on(world) == ["a", "b", "b"]
    tolerant = [{"key": "k", "operator": "Exists"}]
    world = cluster(*there, web("w", 3, {"cpu": "400m"}, tolerations=tolerant), nodes=0, seconds=1)
    assert on(world) == ["a", "a", "b"]


def test_a_taint_that_only_asks_counts_more_than_a_preference_for_the_node() -> None:
    wish = [{"weight": 100, "preference": {"matchExpressions": [{"key": "ssd", "operator": "Exists"}]}}]
    there = [place("a", taints=[{"key": "k", "effect": "PreferNoSchedule"}], ssd="1"), place("b")]
    assert on(cluster(*there, web("w", affinity=nodes(preferred=wish)), nodes=0, seconds=1)) == ["b"]


@pytest.mark.parametrize(
    ("theirs", "clash"),
    [
        ({"hostPort": 80}, True), ({"hostPort": 81}, False), ({"hostPort": 80, "protocol": "UDP"}, False),
        ({"hostPort": 80, "hostIP": "10.0.0.1"}, True), ({}, False),
    ],
)  # fmt: skip
def test_a_host_port_is_taken_once_a_node(theirs: Json, clash: bool) -> None:
    first = web("first", ports=[{"containerPort": 8080, **theirs}])
    world = cluster(first, web("w", ports=[{"containerPort": 1, "hostPort": 80}]), nodes=1, seconds=5)
    assert on(world) == ["" if clash else "n0"]
    if clash:
        assert said(world) == refused(
            1, "1 node(s) didn't have free ports for the requested pod ports", f"1 {NO_VICTIMS}"
        )
        api.delete(world, key("Deployment", "first"), "user")
        world.run_for(5 * SECOND_US)
        assert on(world) == ["n0"]


def test_resources_beside_cpu_and_memory_and_the_number_of_pods() -> None:
    room = {"allocatable": {"cpu": "8", "memory": "8Gi", "example.org/gpu": "2", "pods": "3"}}
    world = cluster(place("a", room), web("w", 2, {"example.org/gpu": "2"}), nodes=0, seconds=5)
    assert said(world) == refused(1, "1 Insufficient example.org/gpu", f"1 {NO_VICTIMS}")
    world = cluster(place("a", room), web("w", 4), nodes=0, seconds=5)
    assert (on(world), said(world)) == (["", "a", "a", "a"], refused(1, "1 Too many pods", f"1 {NO_VICTIMS}"))
    world = cluster(web("w", 1, {"example.org/gpu": "1"}), nodes=2, seconds=5)
    assert said(world) == refused(2, "2 Insufficient example.org/gpu", f"2 {NOT_HELPFUL}")


@pytest.mark.parametrize(
    ("inits", "millicores"),
    [([("300m", None)], 300), ([("50m", None)], 100), ([("300m", "Always")], 400),
     ([("200m", "Always"), ("250m", None)], 450), ([("250m", None), ("200m", "Always")], 300)],
)  # fmt: skip
def test_init_containers_and_sidecars_need_room_too(inits: list[tuple[str, str | None]], millicores: int) -> None:
    found = [
        {"name": f"i{n}", "image": "i:1", "restartPolicy": policy, "resources": {"requests": {"cpu": cpu}}}
        for n, (cpu, policy) in enumerate(inits)
    ]
    world = cluster(web(initContainers=found), nodes=1, seconds=0)
    world.run_for(0)
    assert get(world, "Node", "n0").status.millicores == millicores


def test_pods_that_request_nothing_count_for_something_where_nodes_are_compared() -> None:
    manifest = web("w", 6)
    manifest["spec"]["template"]["spec"]["containers"][0].pop("resources")
    world = cluster(manifest, nodes=3, seconds=1)
    assert on(world) == ["n0", "n0", "n1", "n1", "n2", "n2"]
    status = get(world, "Node", "n0").status
    assert (status.millicores, status.memory_mib, status.weight) == (0, 0, (200, 400))
    api.delete(world, members(world, "Deployment")[0].key, "user")
    api.put(world, {**manifest, "spec": {**manifest["spec"], "replicas": 0}}, "user")
    world.run_for(60 * SECOND_US)
    assert {node.status.weight for node in world.store.list("Node")} == {(0, 0)}


def test_the_overhead_of_a_pod_counts_beside_its_containers() -> None:
    world = cluster(web(overhead={"cpu": "250m", "memory": "1Gi"}), nodes=1, seconds=1)
    status = get(world, "Node", "n0").status
    assert (status.millicores, status.memory_mib) == (350, 1024 + 64)


@pytest.mark.parametrize(
    ("more", "fits"),
    [
        ({"initContainers": [{"name": "i", "image": "i:1", "resources": {"limits": {"example.org/gpu": "2"}}}]}, False),
        ({"initContainers": [{"name": "i", "image": "i:1", "resources": {"limits": {"example.org/gpu": "1"}}}]}, True),
        ({"overhead": {"example.org/gpu": "1"}}, False),
    ],
)
def test_other_resources_are_needed_at_each_turn_too(more: Json, fits: bool) -> None:
    room = {"allocatable": {"cpu": "8", "memory": "8Gi", "example.org/gpu": "1"}}
    world = cluster(place("a", room), web("w", 1, {"example.org/gpu": "1"}, **more), nodes=0, seconds=1)
    assert on(world) == (["a"] if fits else [""])


def test_a_sidecar_takes_its_host_port_and_another_init_container_none() -> None:
    ports = [{"containerPort": 1, "hostPort": 80}]
    for policy, where in (("Always", [""]), (None, ["n0"])):
        init = {"name": "i", "image": "i:1", "restartPolicy": policy, "ports": ports}
        world = cluster(web("first", initContainers=[init]), web("w", ports=ports), nodes=1, seconds=1)
        assert on(world) == where


def test_a_pod_that_waits_for_another_scheduler_is_left_alone() -> None:
    world = cluster(web(schedulerName="mine"), web("other", schedulerName="default-scheduler"), nodes=1, seconds=5)
    assert (on(world), on(world, "other"), failures(world)) == ([""], ["n0"], [])
    retried = cluster(web(schedulerName="mine"), nodes=0, seconds=5)
    api.put(retried, place("n0"), "user")
    retried.run_for(SECOND_US)
    assert on(retried) == [""]


def test_a_gated_pod_waits_until_the_last_gate_is_taken_off() -> None:
    world = cluster(web(schedulingGates=[{"name": "example.org/gate"}]), nodes=1, seconds=5)
    (pod,) = members(world, "Deployment")
    assert (pod.status.node, pod.status.reason, failures(world)) == ("", "SchedulingGated", [])
    spec = {k: v for k, v in pod.manifest["spec"].items() if k != "schedulingGates"}
    api.put(world, {**pod.manifest, "spec": spec}, "user")
    world.run_for(SECOND_US)
    assert on(world) == ["n0"]


def test_pods_that_avoid_each_other_take_a_node_each() -> None:
    apart = {"podAntiAffinity": {REQUIRED: [like("w")]}}
    world = cluster(web("w", 4, affinity=apart), nodes=3, seconds=5)
    assert on(world) == ["", "n0", "n1", "n2"]
    assert said(world) == refused(3, "3 node(s) didn't match pod anti-affinity rules", f"3 {NO_VICTIMS}")
    api.put(world, place("n3"), "user")
    world.run_for(SECOND_US)
    assert on(world) == ["n0", "n1", "n2", "n3"]


def test_a_pod_that_is_there_keeps_off_those_it_avoids() -> None:
    lonely = web("lonely", 2, affinity={"podAntiAffinity": {REQUIRED: [like("w")]}})
    world = cluster(lonely, nodes=2, seconds=5)
    api.put(world, web("w"), "user")
    world.run_for(SECOND_US)
    assert said(world) == refused(2, "2 node(s) didn't satisfy existing pods anti-affinity rules", f"2 {NO_VICTIMS}")
    api.delete(world, members(world, "Deployment", "lonely")[0].key, "user")
    api.delete(world, key("Deployment", "lonely"), "user")
    world.run_for(5 * SECOND_US)
    assert on(world) != [""]
    assert not world.cluster.scheduling.related


def test_a_pod_waits_for_the_one_it_wants_to_be_with() -> None:
    near = {"podAffinity": {REQUIRED: [like("friend", ZONE)]}}
    there = [place("a", **{ZONE: "east"}), place("b", **{ZONE: "west"}), place("c")]
    world = cluster(*there, web("w", 3, affinity=near), nodes=0, seconds=5)
    assert said(world) == refused(3, "3 node(s) didn't match pod affinity rules", f"3 {NOT_HELPFUL}")
    api.put(world, web("friend", nodeSelector={ZONE: "west"}), "user")
    world.run_for(SECOND_US)
    assert on(world) == ["b", "b", "b"]
    assert not world.cluster.scheduling.waiting


def test_the_first_of_pods_that_want_to_be_together_begins_anywhere() -> None:
    near = {"podAffinity": {REQUIRED: [like("w", ZONE)]}}
    there = [place(name, **{ZONE: zone}) for name, zone in (("a", "east"), ("b", "west"), ("c", "west"))]
    world = cluster(*there, web("w", 4, affinity=near), nodes=0, seconds=5)
    zones = {get(world, "Node", name).labels[ZONE] for name in on(world)}
    assert len(zones) == 1


def test_terms_reach_into_other_namespaces_only_where_they_say_so() -> None:
    friend = web("friend", nodeSelector={HOST: "n1"})
    friend["metadata"] = {"name": "friend", "namespace": "other"}
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other", "labels": {"team": "x"}}}
    by_name = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "other"}}}
    for reach in ({"namespaces": ["other"]}, {"namespaceSelector": {"matchLabels": {"team": "x"}}}, by_name):
        near = {"podAffinity": {REQUIRED: [like("friend", **reach)]}}
        assert on(cluster(space, friend, web(affinity=near), seconds=5)) == ["n1"]
    near = {"podAffinity": {REQUIRED: [like("friend")]}}
    assert on(cluster(space, friend, web(affinity=near), seconds=5)) == [""]


@pytest.mark.parametrize(("side", "node"), [("podAffinity", "n1"), ("podAntiAffinity", "n0")])
def test_preferred_terms_draw_and_repel(side: str, node: str) -> None:
    friend = web("friend", requests={"cpu": "2"}, nodeSelector={HOST: "n1"})
    wish = {side: {PREFERRED: [{"weight": 100, "podAffinityTerm": like("friend")}]}}
    assert on(cluster(friend, web(affinity=wish), nodes=2, seconds=5)) == [node]


def test_pods_are_spread_over_zones() -> None:
    there = [place(name, **{ZONE: zone}) for name, zone in (("a", "east"), ("b", "west"), ("c", "west"))]
    world = cluster(*there, place("d"), web("w", 4, **spread("DoNotSchedule")), nodes=0, seconds=5)
    zones = [get(world, "Node", name).labels[ZONE] for name in on(world)]
    assert sorted(zones) == ["east", "east", "west", "west"]
    api.put(world, place("a", taints=[TAINT], **{ZONE: "east"}), "user")
    api.put(world, web("w", 6, **spread("DoNotSchedule")), "user")
    world.run_for(SECOND_US)
    first = f"1 {UNEVEN} (missing required label), 1 node(s) had untolerated taint {{k: v}}, 2 {UNEVEN}"
    assert said(world) == refused(4, first, f"2 {NO_VICTIMS}, 2 {NOT_HELPFUL}")


def test_a_wanted_number_of_domains_counts_the_missing_ones_as_empty() -> None:
    there = [place("a", **{ZONE: "east"}), place("b", **{ZONE: "west"})]
    world = cluster(*there, web("w", 4, **spread("DoNotSchedule", minDomains=3)), nodes=0, seconds=5)
    assert on(world) == ["", "", "a", "b"]


def test_a_wish_to_be_spread_outweighs_emptiness_but_forbids_nothing() -> None:
    busy = web("busy", requests={"cpu": "3"}, nodeSelector={HOST: "b"})
    there = [place("a", **{ZONE: "east"}), place("b", **{ZONE: "west"})]
    plain = cluster(*there, busy, web("w"), web("v"), nodes=0, seconds=5)
    assert on(plain) == on(plain, "v") == ["a"]
    world = cluster(*there, busy, web("w"), web("v", **spread("ScheduleAnyway")), nodes=0, seconds=5)
    assert (on(world), on(world, "v")) == (["a"], ["b"])
    world = cluster(place("a", **{ZONE: "east"}), web("w", 3, **spread("ScheduleAnyway")), nodes=0, seconds=5)
    assert on(world) == ["a", "a", "a"]


@pytest.mark.parametrize(
    ("kind", "own", "taken"),
    [
        ("Deployment", {}, ["a", "b", "c"]),
        ("StatefulSet", {"podManagementPolicy": "Parallel"}, ["a", "b", "c"]),
        ("Deployment", {"template": template("w", **spread("ScheduleAnyway", "no.such/key"))}, ["a", "a", "a"]),
    ],
)
def test_pods_of_one_owner_are_spread_unless_they_say_otherwise_though_one_node_is_emptier(
    kind: str, own: Json, taken: list[str]
) -> None:
    busy = web("busy", 2, requests={"cpu": "4"}, affinity={"podAntiAffinity": {REQUIRED: [like("busy")]}})
    world = cluster(place("b"), place("c"), busy, nodes=0, seconds=5)
    api.put(world, place("a"), "user")
    api.put(world, workload(kind, "w", replicas=3, **own), "user")
    world.run_for(5 * SECOND_US)
    assert sorted(pod.status.node for pod in members(world, kind)) == taken


def test_a_pod_takes_the_place_of_its_sibling_that_is_on_its_way_out() -> None:
    world = cluster(place("a"), place("b"), web("w", 2), nodes=0, seconds=5)
    assert on(world) == ["a", "b"]
    (leaving,) = [pod.key for pod in members(world, "Deployment") if pod.status.node == "b"]
    api.delete(world, leaving, "user")
    world.run_for(0)
    assert on(world) == ["a", "b"]


def test_pods_of_one_owner_are_spread_over_zones_too() -> None:
    there = [place(name, **{ZONE: zone}) for name, zone in (("a", "east"), ("b", "east"), ("c", "west"))]
    busy = web("busy", 1, requests={"cpu": "1"}, nodeSelector={HOST: "c"})
    world = cluster(*there, busy, web("w", 2), nodes=0, seconds=5)
    assert on(world) == ["a", "c"]


def test_a_node_others_made_room_on_is_taken_whoever_is_there() -> None:
    world = cluster(place("a"), place("b"), web(), nodes=0, seconds=5)
    assert on(world) == ["a"]
    for name in "ab":
        api.put(world, {**place(name), "spec": {"unschedulable": True}}, "user")
    api.put(world, web("w", 2), "user")
    world.run_for(SECOND_US)
    (waiting,) = [pod.key for pod in members(world, "Deployment") if not pod.status.node]
    memory = world.cluster.scheduling
    world.cluster.scheduling = msgspec.structs.replace(memory, nominated=memory.nominated.set(waiting, "a"))
    for name in "ba":
        api.put(world, place(name), "user")
    world.run_for(0)
    assert on(world) == ["a", "a"]


def test_pods_on_their_way_out_do_not_count_in_the_spread() -> None:
    world = cluster(place("a"), place("b"), web("w", 2, **spread("DoNotSchedule", HOST)), nodes=0, seconds=10)
    (leaving,) = [pod.key for pod in members(world, "Deployment") if pod.status.node == "b"]
    api.delete(world, leaving, "user")
    world.run_for(0)
    assert on(world) == ["a", "b"]


def test_a_pod_that_came_with_its_node_keeps_off_those_it_avoids_too() -> None:
    world = cluster(nodes=1)
    spec = template("lonely", affinity={"podAntiAffinity": {REQUIRED: [like("w")]}})["spec"]
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "default"}, "spec": spec}
    world.store.create(manifest, status=PodStatus(phase="Running", node="n0"))
    api.put(world, web("w"), "user")
    world.run_for(SECOND_US)
    assert said(world) == refused(1, "1 node(s) didn't satisfy existing pods anti-affinity rules", f"1 {NO_VICTIMS}")


def test_a_daemon_set_goes_where_its_affinity_lets_it() -> None:
    affinity = nodes([{"matchExpressions": [{"key": "ssd", "operator": "Exists"}]}])
    daemon = workload("DaemonSet", "d", template=template("d", affinity=affinity))
    world = cluster(place("a", ssd="1"), place("b"), daemon, nodes=0, seconds=5)
    assert [pod.status.node for pod in members(world, "DaemonSet", "d")] == ["a"]


def test_a_pod_of_a_daemon_set_waits_for_room_on_its_own_node() -> None:
    there = [place("a", {"allocatable": {"cpu": "50m"}}), place("b")]
    world = cluster(*there, workload("DaemonSet", "d"), nodes=0, seconds=5)
    first = "1 Insufficient cpu, 1 node(s) didn't satisfy plugin(s) [NodeAffinity]"
    assert said(world) == refused(2, first, f"2 {NOT_HELPFUL}")
