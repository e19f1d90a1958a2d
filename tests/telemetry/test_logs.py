"""Logs: what a container would have written, in order, one line a line, and nothing that did not happen."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable

import pytest
from immutables import Map
from msgspec.structs import replace

from stratus_agents import kubectl
from stratus_sim.application.behaviours.queue import Backlog, Queue
from stratus_sim.cluster import api, nodes
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.merge import strategic_merge
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.faults import FAULTS, inject
from stratus_sim.kernel import SECOND_US
from stratus_sim.serve.answers import Answer, Request
from stratus_sim.serve.service import Service
from stratus_sim.telemetry.logs import lines
from stratus_sim.telemetry.logs.reading import MAX_LINES
from stratus_sim.telemetry.observation import observe
from stratus_sim.telemetry.render import timestamp
from stratus_sim.world import World
from tests.application.mesh import deployment, mesh, scale
from tests.telemetry.manifests import job, text
from tests.telemetry.strikes import STRIKING, struck

STAMPED = re.compile(r"2025-01-01T\d\d:\d\d:\d\dZ ")


def pod_of(world: World, workload: str, *, sick: bool = False) -> Resource:
    """The first pod of a workload, or the first that is not ready."""
    named = [pod for pod in world.store.list("Pod") if pod.key.name.startswith(f"{workload}-")]
    return next(pod for pod in named if not (sick and pod.status.ready))


def read(world: World, workload: str, **how: bool) -> list[str]:
    return lines(world, pod_of(world, workload, sick=how.pop("sick", False)).key, **how)


def test_a_served_request_is_a_line_and_the_log_begins_with_the_start(hotel: World) -> None:
    found = read(hotel, "frontend")
    assert found[0] == "2025-01-01T00:00:03Z INFO frontend starting"
    assert all(re.search(r"INFO request served status=200 duration_ms=\d+ trace_id=", line) for line in found[1:])
    others = lines(hotel, max(pod.key for pod in hotel.store.list("Pod") if pod.key.name.startswith("frontend-")))
    assert 58 <= len(found[1:]) + len(others[1:]) <= 60, "one a second at one of the two"


def test_a_busy_process_writes_more_than_an_idle_one() -> None:
    world = mesh("a>b", entrypoints=("a",))
    world.schedule(0, "traffic.load", 10)
    world.run_for(120 * SECOND_US)
    idle = len(read(world, "a"))
    world.schedule(0, "traffic.load", 1000)
    world.run_for(60 * SECOND_US)
    assert 10 < idle < 50 < len(read(world, "a"))


@pytest.mark.parametrize("fault", STRIKING)
def test_lines_are_in_order_and_few(hotel: World, fault: str) -> None:
    inject.schedule(hotel, 0, fault, FAULTS[fault].targets(hotel)[0])
    hotel.run_for(75 * SECOND_US)
    for pod in hotel.store.list("Pod"):
        for previous in (False, True):
            found = lines(hotel, pod.key, previous=previous)
            times = [line.split(" ")[0] for line in found if STAMPED.match(line)]
            assert times == sorted(times)
            assert all(time <= timestamp(hotel.now_us) for time in times)
            assert len(found) <= MAX_LINES
            assert all(line.isprintable() for line in found)


def test_a_second_look_finds_the_same_lines_and_those_since(hotel: World) -> None:
    before = read(hotel, "frontend")
    assert before == read(hotel.fork(), "frontend")
    hotel.run_for(10 * SECOND_US)
    after = read(hotel, "frontend")
    assert before[-20:] == [line for line in after if line in before[-20:]]
    assert [line for line in after if line not in before]


def test_failures_begin_when_they_began(hotel: World) -> None:
    world = struck(hotel, "service-target-port-misconfig", "search", after_s=20)
    began = timestamp(world.traffic.erring["hotel/frontend"] - SECOND_US)
    found = read(world, "frontend")
    failed = [line for line in found if "ERROR" in line]
    assert re.search(r"ERROR call to search failed: connection refused \(dial tcp search:\d+\) trace_id=", failed[-1])
    assert min(failed) >= began
    served = [line for line in found if "status=200" in line]
    assert len(served) > 10
    assert max(served)[:20] <= began
    assert found.index(failed[0]) + 1 == found.index(next(line for line in found if "status=503" in line))


def test_a_call_cut_off_says_how_long_it_waited(hotel: World) -> None:
    world = struck(hotel, "network-partition", "search")
    assert [line for line in read(world, "search") if "deadline exceeded (waited 1000 ms for " in line]
    assert [line for line in read(world, "search") if "WARN slow request duration_ms=1" in line]


def test_what_no_request_reaches_writes_none(hotel: World) -> None:
    world = struck(hotel, "env-var-wrong-value", "search", after_s=120)
    since = timestamp(world.now_us - 30 * SECOND_US)
    assert [line for line in read(world, "search") if line > since and "ERROR" in line]
    assert [line for line in read(world, "geo") if line > since] == []


def test_a_soft_call_is_a_warning_and_the_request_is_served() -> None:
    world = mesh("a>b", soft=["a>c"])
    scale(world, "c", 0)
    world.run_for(20 * SECOND_US)
    found = read(world, "a")
    warned = [line for line in found if "WARN call to c failed: connection refused" in line]
    assert 18 <= len(warned) <= 21, "one a second"
    assert not [line for line in found if "ERROR" in line or "status=503" in line]


def test_a_full_queue_turns_requests_away() -> None:
    world = mesh("a>b")
    world.schedule(0, "traffic.load", 400_000)
    world.run_for(20 * SECOND_US)
    assert [line for line in read(world, "a") if "WARN request queue full, request rejected trace_id=" in line]


def test_a_container_that_waits_has_no_log_but_kubectls_word(hotel: World) -> None:
    world = struck(hotel, "image-pull-bad-tag", "geo")
    pod = pod_of(world, "geo", sick=True)
    waiting = f'container "geo" in pod "{pod.key.name}" is waiting to start: ImagePullBackOff'
    assert lines(world, pod.key) == [waiting]
    missing = f'previous terminated container "geo" in pod "{pod.key.name}" not found'
    assert lines(world, pod.key, previous=True) == [missing]
    assert lines(world, pod.key, "sidecar") == [f"container sidecar is not valid for pod {pod.key.name}"]


def test_the_log_before_the_kill_is_the_present_one_while_the_next_waits(hotel: World) -> None:
    world = struck(hotel, "resource-limit-oom", "geo")
    pod = pod_of(world, "geo", sick=True)
    assert pod.status.reason == "CrashLoopBackOff"
    present = lines(world, pod.key)
    assert [line.endswith("INFO geo starting") for line in present] == [True, False]
    assert present[-1] == "Killed"
    assert lines(world, pod.key, previous=True) == present


def test_a_container_that_runs_again_has_a_log_before(hotel: World) -> None:
    world = struck(hotel, "resource-limit-oom", "geo", after_s=20)
    for _ in range(400):
        pod = pod_of(world, "geo", sick=True)
        if pod.status.restarts and pod.status.phase == "Running" and not pod.status.reason:
            break
        world.run_for(SECOND_US // 10)
    assert [line.endswith("INFO geo starting") for line in lines(world, pod.key)] == [True]
    assert lines(world, pod.key, previous=True) == ["Killed"]


def test_a_container_killed_for_its_probe_shuts_down(hotel: World) -> None:
    world, geo = hotel, ObjectKey("Deployment", "hotel", "geo")
    probe = {"tcpSocket": {"port": 4242}, "periodSeconds": 5, "failureThreshold": 2}
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "geo", "livenessProbe": probe}]}}}}
    api.put(world, strategic_merge(world.store.get(geo).manifest, patch), "test")
    world.run_for(90 * SECOND_US)
    while not any(pod.status.restarts and pod.status.ready for pod in world.store.list("Pod")):
        world.run_for(SECOND_US // 2)
    world.run_for(2 * SECOND_US)
    pod = next(pod for pod in world.store.list("Pod") if pod.status.restarts)
    assert [line for line in lines(world, pod.key) if "request served" in line]
    assert [line[21:] for line in lines(world, pod.key, previous=True)] == ["INFO received SIGTERM, shutting down"]


def test_the_containers_of_a_pod_have_a_log_each() -> None:
    web = deployment("web")
    containers = web["spec"]["template"]["spec"]["containers"]
    containers.append({**containers[0], "name": "proxy", "ports": []})
    world = mesh(extra=[web])
    pod = pod_of(world, "web").key
    emit(world, pod, "Killing", "Container proxy failed liveness probe, will be restarted")
    assert [line[21:] for line in lines(world, pod, "web")] == ["INFO web starting"]
    written = ["INFO proxy starting", "INFO received SIGTERM, shutting down"]
    assert [line[21:] for line in lines(world, pod, "proxy")] == written


def test_a_silent_node_tells_nothing_new(hotel: World) -> None:
    first, second = (pod for pod in hotel.store.list("Pod") if pod.key.name.startswith("frontend-"))
    nodes.crash(hotel, first.status.node)
    hotel.run_for(20 * SECOND_US)
    assert [line for line in lines(hotel, first.key) if "request" in line] == []
    assert [line for line in lines(hotel, second.key) if "request" in line]


def test_phases_of_a_job(small: Callable[..., World]) -> None:
    once = job("once", "sleep", "3")
    pod_spec = once["spec"]["template"]["spec"]
    pod_spec["containers"].append({"name": "other", "image": "o", "command": ["sleep", "1"]})
    pod_spec["initContainers"] = [{"name": "first", "image": "i", "command": ["true"]}]
    world = small(text(once))
    pod = pod_of(world, "once").key
    assert [line[21:] for line in lines(world, pod)] == ["INFO c starting", "INFO c finished"]
    assert [line[21:] for line in lines(world, pod, "other")] == ["INFO other starting", "INFO other finished"]
    assert [line[21:] for line in lines(world, pod, "first")] == ["INFO first starting", "INFO first finished"]
    assert lines(world, ObjectKey("Pod", "default", "nobody")) == []


def test_a_consumer_dies_of_what_it_cannot_read(hotel: World) -> None:
    world = struck(hotel, "resource-limit-oom", "geo")
    pod = pod_of(world, "geo", sick=True)
    died = world.store.get(pod.key)
    world.store.report(pod.key, replace(died.status, last_termination="Error"))
    stuck = Backlog("hotel/geo", world.now_us, taken=41_500, poison=True)
    others = Backlog("hotel/geo", world.now_us, taken=7_000), Backlog("hotel/rate", world.now_us, poison=True)
    world.traffic.memory = world.traffic.memory.update(Map({"hotel/queue": Queue(("data",), (stuck, *others))}))
    fatal = [line for line in lines(world, pod.key) if "FATAL" in line]
    assert [line[21:] for line in fatal] == ["FATAL cannot process message at offset 41, exiting"]


def test_a_database_writes_of_itself_now_and_then(hotel: World) -> None:
    databases = [name for name in hotel.application.workloads if "mongodb" in name]
    found = [line for name in databases for line in read(hotel, name.partition("/")[2])]
    assert {line[21:29] for line in found} >= {"I STORAG", "I NETWOR"}
    assert not [line for line in found if "request served" in line]


def test_nothing_is_written_before_its_time(hotel: World) -> None:
    hotel.run_until((hotel.now_us // SECOND_US + 2) * SECOND_US + 1)
    now = timestamp(hotel.now_us)
    found = [line for pod in hotel.store.list("Pod") for line in lines(hotel, pod.key)]
    assert len(found) > 100
    assert [line for line in found if line.startswith(now)] == []


def test_the_application_may_be_unknown(hotel: World) -> None:
    """What is not described, such as an operator's pod, starts and says no more."""
    hotel.application = dataclasses.replace(hotel.application, workloads={})
    hotel.traffic.flows = None
    assert [line[21:] for line in read(hotel, "geo")] == ["INFO geo starting"]


def test_an_agent_reads_the_same(hotel: World) -> None:
    world = struck(hotel, "resource-limit-oom", "geo")
    pod = pod_of(world, "geo", sick=True).key
    seen = observe(world)
    assert seen.logs(pod.name) == lines(world, pod)
    assert seen.logs(pod.name, "hotel", "geo", previous=True) == lines(world, pod, previous=True)


def test_kubectl_and_the_served_api_read_the_run_before(hotel: World) -> None:
    world = struck(hotel, "resource-limit-oom", "geo")
    sick, well = pod_of(world, "geo", sick=True).key, pod_of(world, "frontend").key
    line = kubectl.parse(f"kubectl logs {sick.name} --previous -c geo", "hotel")
    assert kubectl.answer(line, observe(world)).splitlines() == lines(world, sick, previous=True)
    service = Service(world)
    assert asked(service, sick) == (200, [*lines(world, sick, previous=True)])
    code, [told] = asked(service, well)
    assert (code, told) == (400, f'previous terminated container "frontend" in pod "{well.name}" not found')


def asked(service: Service, pod: ObjectKey) -> tuple[int, list[str]]:
    """Status code, and the log or the message."""
    path = ("api", "v1", "namespaces", pod.namespace, "pods", pod.name, "log")
    answer = service.handle(Request("GET", path, {"previous": "true"}))
    assert isinstance(answer, Answer)
    return answer.code, answer.body.splitlines() if isinstance(answer.body, str) else [answer.body["message"]]
