"""Events: what happens again to the same object in the same words is counted, as the API server's clients do it."""

from __future__ import annotations

from stratus_sim.cluster import nodes
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.faults import FAULTS, inject
from stratus_sim.kernel import SECOND_US
from stratus_sim.serve import kinds
from stratus_sim.serve.showing import View
from stratus_sim.telemetry.chronicle import chronicle
from stratus_sim.telemetry.observation import observe
from stratus_sim.telemetry.render import timestamp
from stratus_sim.telemetry.reporters import component
from stratus_sim.telemetry.signals import events
from stratus_sim.world import World
from tests.application.mesh import mesh

EVENT = next(kind for kind in kinds.built_in() if kind.name == "Event")
POD, OTHER = ObjectKey("Pod", "default", "p"), ObjectKey("Pod", "default", "q")


def about(world: World, key: ObjectKey) -> list[tuple[str, str, int]]:
    found = [e for e in events(world, key.namespace) if e["involvedObject"]["name"] == key.name]
    return [(e["reason"], e["message"], e["count"]) for e in found]


def test_the_same_words_about_the_same_object_are_one_event() -> None:
    world = mesh()
    began = timestamp(world.now_us)
    for _ in range(3):
        emit(world, POD, "BackOff", "back-off", warning=True)
        world.run_for(10 * SECOND_US)
    emit(world, POD, "BackOff", "back-off", warning=True)
    [found] = [e for e in events(world, "default") if e["involvedObject"]["name"] == "p"]
    assert (found["count"], found["type"]) == (4, "Warning")
    assert (found["firstTimestamp"], found["lastTimestamp"]) == (began, timestamp(world.now_us))


def test_other_words_another_reason_or_another_object_are_another_event() -> None:
    world = mesh()
    for key, reason, message in ((POD, "A", "x"), (POD, "A", "y"), (POD, "B", "x"), (OTHER, "A", "x"), (POD, "A", "x")):
        emit(world, key, reason, message)
        world.run_for(SECOND_US)
    assert about(world, POD) == [("A", "y", 1), ("B", "x", 1), ("A", "x", 2)]
    assert about(world, OTHER) == [("A", "x", 1)]


def test_those_of_one_instant_come_as_one_leads_to_the_next_and_as_the_api_serves_them() -> None:
    world = mesh()
    for reason in ("Started", "Pulled", "Created", "Scheduled"):
        emit(world, POD, reason, "x")
    assert [reason for reason, _, _ in about(world, POD)] == ["Scheduled", "Pulled", "Created", "Started"]
    told = [(e["reason"], e["message"], e["involvedObject"]["name"]) for e in events(world, None)]
    served = [View(world).show_event(e) for e in chronicle(world)]
    assert told == [(e["reason"], e["message"], e["involvedObject"]["name"]) for e in served]
    assert served == View(world).list(EVENT)


def test_counts_go_on_in_a_fork_and_leave_the_other_alone() -> None:
    world = mesh()
    emit(world, POD, "A", "x")
    seen, fork = observe(world), world.fork()
    emit(fork, POD, "A", "x")
    assert (about(fork, POD), about(world, POD)) == ([("A", "x", 2)], [("A", "x", 1)])
    assert [e["count"] for e in seen.events() if e["involvedObject"]["name"] == "p"] == [1]


def test_a_crash_loop_counts_its_starts_and_its_waits(hotel: World) -> None:
    target = next(key for key in FAULTS["resource-limit-oom"].targets(hotel) if key.name == "geo")
    inject.schedule(hotel, 0, "resource-limit-oom", target)
    hotel.run_for(120 * SECOND_US)
    pod = next(pod for pod in hotel.store.list("Pod") if pod.status.reason == "CrashLoopBackOff")
    said = [e for e in events(hotel, "hotel") if e["involvedObject"]["name"] == pod.key.name]
    [started] = [e["count"] for e in said if e["reason"] == "Started"]
    [waited] = [e["count"] for e in said if e["reason"] == "BackOff"]
    assert started == pod.status.restarts + 1 > 2
    assert waited > 1


def test_every_event_names_who_reports_it(hotel: World) -> None:
    nodes.crash(hotel, "node-1")
    hotel.run_for(60 * SECOND_US)
    said = {(e.involved.kind, e.reason): component(e) for e in hotel.cluster.events.values()}
    assert said["Pod", "Scheduled"] == "default-scheduler"
    assert said["Pod", "Started"] == "kubelet"
    assert said["ReplicaSet", "SuccessfulCreate"] == "replicaset-controller"
    assert said["Deployment", "ScalingReplicaSet"] == "deployment-controller"
    assert said["Node", "NodeNotReady"] == "node-controller"
    assert "kubernetes" not in said.values()
