"""Network counters: bytes of the requests and answers that went; they stay with the pod, as its network does."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_sim.application.wire import ERROR_BYTES, PACKET_BYTES
from stratus_sim.cluster import api, nodes
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.faults import FAULTS, inject
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.topology import Profile
from stratus_sim.manifests.traffic_shapes import DeclaredLoad, DeclaredPolicy
from stratus_sim.telemetry.metrics import exposition
from stratus_sim.world import World
from tests.application.mesh import deployment, mesh, node_of, scale, strain
from tests.telemetry.strikes import STRIKING
from tests.telemetry.test_cpu import unready
from tests.telemetry.test_metrics import Series, series

RECEIVED, SENT = "container_network_receive_bytes_total", "container_network_transmit_bytes_total"
ALL = [
    f"container_network_{way}_{what}_total"
    for way in ("receive", "transmit")
    for what in ("bytes", "packets", "packets_dropped", "errors")
]
REQUEST, ANSWER = 700, 3_000
SIZED = Profile(latency_us=1000, cpu_us_per_request=10, request_bytes=REQUEST, response_bytes=ANSWER)


def look(world: World) -> Series:
    return series(exposition(world, ALL))


def by_workload(world: World, name: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for (named, labels), count in look(world).items():
        if named == name:
            workload = dict(labels)["pod"].rsplit("-", 2)[0]
            found[workload] = found.get(workload, 0) + count
    return found


def rises(world: World, seconds: int) -> tuple[dict[str, float], dict[str, float]]:
    """What each workload receives and sends in some seconds."""
    before = by_workload(world, RECEIVED), by_workload(world, SENT)
    world.run_for(seconds * SECOND_US)
    after = by_workload(world, RECEIVED), by_workload(world, SENT)
    found = [{n: now[n] - then.get(n, 0) for n in now} for now, then in zip(after, before, strict=True)]
    return found[0], found[1]


def rate(world: World) -> float:
    assert world.traffic.flows is not None
    return world.traffic.flows.entries[0].rate / 1000


def test_what_one_sends_the_other_receives() -> None:
    world = mesh("a>b", profile=SIZED, replicas=2)
    received, sent = rises(world, 20)
    requests = 20 * rate(world)
    assert received == pytest.approx({"a": requests * (REQUEST + ANSWER), "b": requests * REQUEST}, rel=0.001)
    assert sent == pytest.approx({"a": requests * (ANSWER + REQUEST), "b": requests * ANSWER}, rel=0.001)


def test_replicas_share_it_and_a_new_one_begins_with_nothing() -> None:
    world = mesh(profile=SIZED, replicas=2)
    scale(world, "a", 3)
    world.run_for(30 * SECOND_US)
    *old, new = sorted(v for (name, _), v in look(world).items() if name == RECEIVED)[::-1]
    assert old[0] == pytest.approx(old[1], rel=0.01)
    assert 0 < new < old[0] / 4


def test_who_is_turned_away_gets_a_short_answer_and_who_is_stopped_sends_nothing() -> None:
    world = mesh("a>b", profile=SIZED)
    scale(world, "b", 0)
    world.run_for(5 * SECOND_US)
    received, sent = rises(world, 20)
    requests = 20 * rate(world)
    assert received == pytest.approx({"a": requests * REQUEST}, rel=0.001), "no answer comes from b"
    assert sent == pytest.approx({"a": requests * ERROR_BYTES}, rel=0.001), "no request goes to b"


def test_a_server_that_fails_is_asked_all_the_same() -> None:
    world = mesh("a>b", "b>c", profile=SIZED)
    scale(world, "c", 0)
    world.run_for(5 * SECOND_US)
    received, sent = rises(world, 20)
    requests = 20 * rate(world)
    assert received == pytest.approx({"a": requests * (REQUEST + ERROR_BYTES), "b": requests * REQUEST}, rel=0.001)
    assert sent == pytest.approx({"a": requests * (REQUEST + ERROR_BYTES), "b": requests * ERROR_BYTES}, rel=0.001)


def test_a_call_nobody_waits_for_carries_bytes_until_it_fails() -> None:
    world = mesh("a>b", soft=["a>c"], profile=SIZED)
    before = rises(world, 20)
    scale(world, "c", 0)
    world.run_for(5 * SECOND_US)
    after, requests = rises(world, 20), 20 * rate(world)
    lost = [then["a"] - now["a"] for then, now in zip(before, after, strict=True)]
    assert lost == pytest.approx([requests * ANSWER, requests * REQUEST], rel=0.001)


def test_who_runs_out_of_time_has_asked_and_who_is_cut_off_has_not() -> None:
    hurried = DeclaredPolicy("a", "b", timeout_ms=200)
    slow = Profile(latency_us=500_000, cpu_us_per_request=10, request_bytes=REQUEST, response_bytes=ANSWER)
    world = mesh("a>b", policies=[hurried], profiles={"a": SIZED, "b": slow})
    world.run_for(10 * SECOND_US)
    requests = 20 * rate(world)
    received, sent = rises(world, 20)
    assert received["a"] == pytest.approx(requests * REQUEST, rel=0.001)
    assert sent["a"] - requests * ERROR_BYTES == pytest.approx(requests * REQUEST, rel=0.001)
    assert received["b"] == pytest.approx(requests * REQUEST, rel=0.001)
    cut = mesh("a>b", profile=SIZED)
    target = next(key for key in FAULTS["network-partition"].targets(cut) if key.name == "a")
    inject.schedule(cut, 0, "network-partition", target)
    cut.run_for(5 * SECOND_US)
    received, sent = rises(cut, 20)
    assert (received["b"], sent["b"]) == (0, 0)
    assert sent["a"] == pytest.approx(20 * rate(cut) * ERROR_BYTES, rel=0.001)


def pods(world: World, name: str) -> dict[str, float]:
    return {dict(labels)["pod"]: v for (named, labels), v in look(world).items() if named == name}


def test_a_node_that_is_back_before_anybody_noticed_counts_on() -> None:
    world = mesh(profile=SIZED)
    node = node_of(world, "a")
    (then,) = pods(world, RECEIVED).values()
    nodes.crash(world, node)
    world.run_for(20 * SECOND_US)
    assert pods(world, RECEIVED) == {}, "its kubelet cannot be asked"
    nodes.restore(world, node)
    world.run_for(20 * SECOND_US)
    (now,) = pods(world, RECEIVED).values()
    assert now - then == pytest.approx(20 * rate(world) * REQUEST, rel=0.1)


def test_a_restart_of_the_container_leaves_the_counters_of_its_pod_alone(hotel: World) -> None:
    geo = ObjectKey("Deployment", "hotel", "geo")
    probe = {"tcpSocket": {"port": 4242}, "periodSeconds": 5, "failureThreshold": 2}
    manifest: dict[str, Any] = {**hotel.store.state.objects[geo].manifest}
    container = {**manifest["spec"]["template"]["spec"]["containers"][0], "livenessProbe": probe}
    template = {**manifest["spec"]["template"], "spec": {"containers": [container]}}
    api.put(hotel, {**manifest, "spec": {**manifest["spec"], "template": template}}, "test")
    hotel.run_for(20 * SECOND_US)
    before = pods(hotel, RECEIVED)
    for _ in range(30):
        hotel.run_for(4_300_000)
        after = pods(hotel, RECEIVED)
        assert [pod for pod in before if pod in after and after[pod] < before[pod]] == []
        before = after
    (sick,) = [pod for pod in hotel.store.list("Pod") if pod.status.restarts]
    assert sick.status.restarts >= 2
    assert before[sick.key.name] > 0


def test_who_stops_to_serve_keeps_what_it_carried_and_adds_to_it_when_it_serves_again() -> None:
    world = mesh(profile=SIZED, replicas=2)
    seen = []
    for ready in (True, False, True):
        mine = unready(world, "a", ready=ready)
        world.run_for(30 * SECOND_US)
        seen.append(pods(world, RECEIVED)[mine])
    first, paused, back = seen
    assert first < paused < 1.1 * first, "until the next epoch it served"
    assert back - paused == pytest.approx(REQUEST * 30 * rate(world) / 2, rel=0.1)


@pytest.mark.parametrize("fault", STRIKING)
def test_counters_of_a_pod_never_fall(hotel: World, fault: str) -> None:
    before, target = look(hotel), FAULTS[fault].targets(hotel)[0]
    inject.schedule(hotel, 0, fault, target)
    hotel.schedule(40 * SECOND_US, "fault.heal", fault, target)
    for _ in range(10):
        hotel.run_for(7_300_000)
        after = look(hotel)
        assert [key for key in before if key in after and after[key] < before[key]] == []
        before = after


def test_pods_without_a_network_of_their_own_have_no_counters() -> None:
    world = mesh(extra=[deployment("host", hostNetwork=True), deployment("own")])
    found = {name: {dict(p)["pod"].partition("-")[0] for n, p in look(world) if n == name} for name in ALL}
    assert set(map(frozenset, found.values())) == {frozenset({"a", "own"})}


def test_packets_follow_the_bytes_and_none_is_lost() -> None:
    found = look(mesh("a>b", profile=SIZED))
    for (name, labels), count in found.items():
        if name.endswith("_packets_total"):
            assert count == found[name.replace("packets", "bytes"), labels] // PACKET_BYTES > 0
        if "errors" in name or "dropped" in name:
            assert count == 0


def test_sums_are_kept_of_pods_that_are_there_and_nothing_is_lost_in_summing_up() -> None:
    world = mesh(profile=SIZED, replicas=2)
    before = by_workload(world, RECEIVED)["a"]
    began_us, requests = world.now_us, rate(world)
    for step in range(80):
        unready(world, "a", ready=bool(step % 2))
        world.run_for(3 * SECOND_US)
    seconds = (world.now_us - began_us) / SECOND_US
    grown = by_workload(world, RECEIVED)["a"] - before
    assert grown == pytest.approx(REQUEST * requests * seconds, rel=0.001)
    for _ in range(40):
        api.delete(world, min(world.store.keys("Pod")), "test", grace_s=0)
        world.run_for(3 * SECOND_US)
    ((share,),) = world.traffic.shares.values()
    assert len(share.spans) < 50 and len(share.carried) < 10


def test_what_networks_have_carried_is_kept_when_pods_change_lanes() -> None:
    sized = Profile(latency_us=1000, cpu_us_per_request=1_500, request_bytes=REQUEST, response_bytes=ANSWER, queue=1000)
    world = mesh("a>b", profiles={"a": SIZED, "b": sized}, replicas=2, load=DeclaredLoad(rps=50))
    node = node_of(world, "b")
    before, seconds = by_workload(world, RECEIVED)["b"], 0
    for stolen_permille in (700, 0, 500, 900, 0):
        strain(world, node, stolen_permille)
        world.run_for(5 * SECOND_US)
        seconds += 5
        assert by_workload(world, RECEIVED)["b"] - before == pytest.approx(REQUEST * 50 * seconds, rel=0.001)


def test_replicas_of_lanes_carry_what_their_workload_does_together() -> None:
    world = mesh("a>b", profile=SIZED, replicas=2)
    strain(world, node_of(world, "a"), 100)
    world.run_for(2 * SECOND_US)
    assert world.traffic.flows is not None and "default/a" in world.traffic.flows.lanes
    received, sent = rises(world, 20)
    assert received["a"] == pytest.approx(20 * rate(world) * (REQUEST + ANSWER), rel=0.001)
    assert sent["a"] == pytest.approx(20 * rate(world) * (REQUEST + ANSWER), rel=0.001)


def test_nothing_is_kept_of_pods_that_are_gone_while_lanes_change() -> None:
    world = mesh(profile=SIZED, replicas=2)
    for step in range(20):
        strain(world, node_of(world, "a"), 100 + step)
        world.run_for(3 * SECOND_US)
        api.delete(world, min(world.store.keys("Pod")), "test", grace_s=0)
        world.run_for(20 * SECOND_US)
    shares = world.traffic.shares["default/a"]
    assert sum(len(share.carried) for share in shares) <= 4 and sum(len(share.pauses) for share in shares) <= 4
