"""CPU counters: what every container has used is what flows said at every instant it served, and never falls."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from msgspec.structs import replace

from stratus_sim.application.throttling import PERIOD_US
from stratus_sim.application.usage import worked
from stratus_sim.application.work import Work
from stratus_sim.cluster import api
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.faults import FAULTS, inject, noise
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.topology import Profile
from stratus_sim.manifests.traffic_shapes import DeclaredLoad
from stratus_sim.telemetry.metrics import exposition
from stratus_sim.world import World
from tests.application.mesh import deployment, mesh, scale, strain
from tests.telemetry.strikes import STRIKING
from tests.telemetry.test_metrics import Series, series, value

USED, RATE = (
    "container_cpu_usage_seconds_total",
    "node_namespace_pod_container:container_cpu_usage_seconds_total:sum_irate",
)
PERIODS, THROTTLED = "container_cpu_cfs_periods_total", "container_cpu_cfs_throttled_periods_total"
STALLED, STARTED = "container_cpu_cfs_throttled_seconds_total", "container_start_time_seconds"
NAMES = (USED, PERIODS, THROTTLED, STALLED, STARTED)


def look(world: World) -> Series:
    return series(exposition(world, NAMES))


def runs(world: World) -> dict[tuple[int, int], Work]:
    """What is kept of every run of a container that serves, by uid of the pod and start."""
    done = {uid: work for name in world.traffic.shares for uid, work in worked(world, name).items()}
    pods = [pod for pod in world.store.list("Pod") if pod.status.state == "running"]
    return {(pod.uid, pod.status.started_us): done[pod.uid] for pod in pods if pod.uid in done}


class Meter:
    """Adds up, event by event, what every run of a container that serves does: the slow way."""

    def __init__(self, world: World) -> None:
        self.world, self.busy, self.full = world, Counter[tuple[int, int]](), Counter[tuple[int, int]]()
        self._asked_us = -1
        self._at_work: dict[tuple[int, int], tuple[int, int]] = {}
        self._look()
        self.before = runs(world)

    def run_for(self, duration_us: int) -> None:
        end_us = self.world.now_us + duration_us
        self.world.schedule(duration_us, "traffic.again", -1)  # does nothing, but lets time pass
        while self.world.now_us < end_us:
            before_us = self.world.now_us
            self.world.step()
            self._add(self.world.now_us - before_us)
            self._look()

    def _add(self, elapsed_us: int) -> None:
        for run, (load, left) in self._at_work.items():
            self.busy[run] += min(load, 1000) * left * elapsed_us
            self.full[run] += elapsed_us if load > 1000 == left else 0

    def _left(self, pod: Resource) -> int:
        """What its node leaves to a pod, in thousandths of the CPU it may use."""
        node = self.world.store.get(ObjectKey("Node", "", pod.status.node))
        return 1000 - node.status.strain.stolen_permille if node is not None else 1000

    def _look(self) -> None:
        """An epoch has begun: who serves from now on, and under which load."""
        traffic, left = self.world.traffic, self._left
        if traffic.asked_us != self._asked_us and traffic.begun is not None and traffic.routes is not None:
            self._asked_us = traffic.asked_us
            self._at_work = {
                (pod.uid, pod.status.started_us): (traffic.begun.of(name, pod.uid).load_permille, left(pod))
                for name in traffic.begun.workloads
                for pod in traffic.routes.serving[name].pods
            }

    def compare(self) -> None:
        kept = runs(self.world)
        assert kept
        for run, work in kept.items():
            then = self.before.get(run, Work(0))
            assert (work.busy, work.full) == (then.busy + self.busy[run], then.full + self.full[run]), run


@pytest.mark.parametrize("fault", [*STRIKING, "noise"])
def test_what_was_used_is_what_flows_said_at_every_instant(hotel: World, fault: str) -> None:
    meter = Meter(hotel)
    if fault == "noise":
        noise.start(hotel)
    else:
        target = FAULTS[fault].targets(hotel)[0]
        inject.schedule(hotel, 0, fault, target)
        hotel.schedule(60 * SECOND_US, "fault.heal", fault, target)
    meter.run_for(120 * SECOND_US)
    meter.compare()


def test_the_counter_rises_as_fast_as_the_recording_rule_says(hotel: World) -> None:
    hotel.run_for(300 * SECOND_US)
    before = look(hotel)
    hotel.run_for(20 * SECOND_US)
    after, rates = look(hotel), series(exposition(hotel, [RATE]))
    rises = {key: after[key] - before[key] for key in after if key[0] == USED}
    assert len(rises) == len(rates) > 10 and max(rises.values()) > 1
    for (_, labels), rise in rises.items():
        where = {name: text for name, text in labels if name not in ("cpu", "image", "id", "name")}
        assert rise == pytest.approx(20 * value(rates, RATE, **where), abs=20 * 0.001), "as far as whole millicores go"
    assert {dict(labels)["cpu"] for _, labels in rises} == {"total"}


@pytest.mark.parametrize("fault", STRIKING)
def test_counters_of_a_container_fall_only_when_it_is_started_again(hotel: World, fault: str) -> None:
    target = FAULTS[fault].targets(hotel)[0]
    inject.schedule(hotel, 0, fault, target)
    hotel.schedule(40 * SECOND_US, "fault.heal", fault, target)
    before = look(hotel)
    for _ in range(12):
        hotel.run_for(7_300_000)
        after = look(hotel)
        for (name, labels), count in after.items():
            where = {key: text for key, text in labels if key != "cpu"}
            run = (STARTED, frozenset(where.items()))
            if name != STARTED and (name, labels) in before and before.get(run) == after[run]:
                assert count >= before[name, labels], (name, where)
        before = after


def unready(world: World, name: str, *, ready: bool) -> str:
    """The oldest pod stops or begins to serve while its container runs on, as when a probe fails; its name."""
    pod = min((pod for pod in world.store.list("Pod") if pod.key.name.startswith(f"{name}-")), key=lambda pod: pod.uid)
    world.store.report(pod.key, replace(pod.status, ready=ready, since_us=world.now_us))
    return str(pod.key.name)


def test_who_serves_no_longer_keeps_what_it_has_used_and_adds_to_it_when_it_serves_again() -> None:
    world = mesh("a>b", profile=Profile(latency_us=1000, cpu_us_per_request=100), replicas=2)
    meter, then, grew = Meter(world), {}, []  # type: ignore[var-annotated]
    for ready in (True, False, True):
        mine = unready(world, "b", ready=ready)
        meter.run_for(30 * SECOND_US)
        meter.compare()
        now = {dict(p)["pod"]: v for (n, p), v in look(world).items() if n == USED and ("container", "b") in p}
        grew.append([now[pod] - then.get(pod, 0) for pod in sorted(now, key=lambda pod: pod != mine)])
        then = now
    (before, _), (paused, alone), (back, shared) = grew
    assert 0 < paused < 0.05 * before
    assert alone == pytest.approx(2 * back, rel=0.1) and back == pytest.approx(shared, rel=0.1)


def test_who_stops_and_serves_again_before_anybody_looks_loses_nothing() -> None:
    world = mesh(replicas=2)
    meter = Meter(world)
    meter.run_for(10 * SECOND_US)
    unready(world, "a", ready=False)
    meter.run_for(SECOND_US // 10)
    unready(world, "a", ready=True)
    meter.run_for(10 * SECOND_US)
    meter.compare()
    assert min(work.busy for work in runs(world).values()) > 0


def test_marks_do_not_grow_for_ever_and_forgetting_them_changes_nothing() -> None:
    world = mesh(replicas=2)
    meter = Meter(world)
    for step in range(80):
        unready(world, "a", ready=bool(step % 2))
        if step == 20:
            scale(world, "a", 3)
        meter.run_for(3 * SECOND_US)
    meter.compare()
    ((share,),) = world.traffic.shares.values()
    assert len(share.pods) == 3 and len(share.marks) < 50


def test_who_is_slower_or_has_a_queue_is_metered_apart_and_takes_along_what_it_has_done() -> None:
    busy = Profile(latency_us=1000, cpu_us_per_request=4000, queue=100)
    world = mesh(replicas=3, profile=busy, load=DeclaredLoad(rps=60))
    meter, pod = Meter(world), min(world.store.list("Pod"), key=lambda pod: pod.uid)
    kept: list[int] = []
    for stolen_permille, replicas in ((600, 3), (600, 2), (600, 4), (0, 4), (300, 3), (0, 3)):
        strain(world, pod.status.node, stolen_permille)
        scale(world, "a", replicas)
        meter.run_for(7 * SECOND_US)
        unready(world, "a", ready=False)
        meter.run_for(3 * SECOND_US)
        unready(world, "a", ready=True)
        meter.run_for(4 * SECOND_US)
        meter.compare()
        kept.append(len(world.traffic.shares["default/a"]))
    meter.run_for(60 * SECOND_US)
    meter.compare()
    assert (max(kept), len(world.traffic.shares["default/a"])) == (2, 1)


def limited(cpu: str) -> dict[str, Any]:
    manifest = deployment("a")
    manifest["spec"]["template"]["spec"]["containers"][0]["resources"] = {"limits": {"cpu": cpu}}
    return manifest


@pytest.mark.parametrize(("limit", "share"), [("20m", 2 / 3), ("40m", 1 / 2), ("50m", 0), ("2", 0)])
def test_a_tight_limit_stops_a_container_in_its_periods(limit: str, share: float) -> None:
    """A request of 5 ms takes three periods of a 2 ms quota, and in two of them it has to wait."""
    world = mesh(profile=Profile(latency_us=1000, cpu_us_per_request=5_000))
    world.schedule(0, "traffic.load", 20)
    api.put(world, limited(limit), "test")
    world.run_for(120 * SECOND_US)
    found = look(world)
    each = 1 / (1 - share)
    assert value(found, PERIODS) == pytest.approx(120 * each, rel=0.25), "one request a second"
    assert value(found, THROTTLED) / value(found, PERIODS) == pytest.approx(share, abs=0.02)
    assert value(found, PERIODS) <= (world.now_us / PERIOD_US)
    assert (value(found, STALLED) > 0) == (share > 0)


def test_who_has_more_to_do_than_its_limit_allows_is_throttled_all_the_time() -> None:
    world = mesh(profile=Profile(latency_us=1000, cpu_us_per_request=5_000))
    before = look(world)
    world.schedule(0, "traffic.load", 5_000)
    world.run_for(60 * SECOND_US)
    found = look(world)
    grown = {name: value(found, name) - value(before, name) for name in (USED, PERIODS, THROTTLED, STALLED)}
    assert grown[THROTTLED] == grown[PERIODS] == pytest.approx(600, abs=11)
    assert grown[USED] == pytest.approx(60 * 0.1, rel=0.02), "no more than its limit"
    assert grown[STALLED] == pytest.approx(60 * 0.9, rel=0.02)


def test_what_has_no_limit_is_never_throttled(hotel: World) -> None:
    found = look(hotel)
    limited = {dict(labels)["container"] for name, labels in found if name == PERIODS}
    stated = {
        container.name
        for pod in hotel.store.list("Pod")
        for container in pod.spec.containers
        if container.resources and "cpu" in (container.resources.limits or {})
    }
    assert limited == stated
