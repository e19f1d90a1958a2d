"""How the endpoints of a Service are spread over slices, and that whoever reads them reads them all."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from stratus_sim.application.epochs import current
from stratus_sim.application.errors import REFUSED
from stratus_sim.cluster import api, dns, endpoint_slices
from stratus_sim.cluster.endpoint_slices import MOST, all_of, amend, publish
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.cluster.status import Endpoint
from stratus_sim.kernel import SECOND_US
from stratus_sim.telemetry.render import render
from stratus_sim.world import World
from tests.application.mesh import deployment, mesh, service
from tests.cluster.test_kubelet import put
from tests.cluster.workloads import cluster

BIG = {"apiVersion": "v1", "kind": "Node", "spec": {}, "status": {"allocatable": {"cpu": "64", "memory": "64Gi"}}}
WEB = ObjectKey("Service", "default", "web")


def pod(number: int) -> Endpoint:
    return Endpoint(f"p{number:03}", "n0", {80: 80}, ready=number % 2 == 0)


def service_world() -> World:
    """A Service nobody is behind."""
    world = cluster(service("web"), nodes=0)
    world.run_for(0)
    return world


def listed(world: World) -> dict[str, list[str]]:
    """The pods of each slice of the Service."""
    return {one.key.name: [endpoint.pod for endpoint in one.status.endpoints] for one in all_of(world, WEB)}


def sizes(world: World) -> list[int]:
    """How many endpoints the first slice has, and the others, the largest first."""
    first, *others = (len(pods) for pods in listed(world).values())
    return [first, *sorted(others, reverse=True)]


def fill(world: World, *numbers: int) -> None:
    publish(world, WEB, tuple(map(pod, sorted(numbers))))


def test_a_slice_takes_a_hundred_and_the_next_pod_has_another() -> None:
    world = service_world()
    fill(world, *range(250))
    assert sizes(world) == [100, 100, 50]
    first, *others = all_of(world, WEB)
    assert first.key.name == "web"
    assert all(one.key.name.startswith("web-") and len(one.key.name) == 9 for one in others)
    assert {one.labels["kubernetes.io/service-name"] for one in (first, *others)} == {"web"}
    assert {one.key for one in world.store.owned(WEB)} == {first.key, *(one.key for one in others)}


def test_who_is_in_a_slice_stays_there_and_nothing_is_evened_out() -> None:
    world = service_world()
    fill(world, *range(250))
    before = listed(world)
    kept = [*range(0, 250, 5), 1]
    fill(world, *kept)
    assert sizes(world) == [21, 20, 10]
    assert all({*pods} <= {*before[name]} for name, pods in listed(world).items())
    fill(world, *kept, 300)
    assert sizes(world) == [22, 20, 10]


def test_the_fullest_slice_with_room_is_filled_first() -> None:
    world = service_world()
    fill(world, *range(200))
    fill(world, *range(5), *range(100, 199))
    amend(world, WEB, "p300", pod(300))
    assert sizes(world) == [5, 100]
    fill(world, *range(5), *range(100, 199), 300, 301)
    assert sizes(world) == [6, 100]


def test_a_slice_without_endpoints_goes_and_the_first_stays() -> None:
    world = service_world()
    fill(world, *range(150))
    fill(world, *range(100, 150))
    assert sizes(world) == [0, 50]
    fill(world)
    assert listed(world) == {"web": []}
    assert len(world.store.list("EndpointSlice")) == 1


def told(world: World) -> list[Endpoint]:
    return sorted((e for one in all_of(world, WEB) for e in one.status.endpoints), key=endpoint_slices.POD)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(95, 205), st.booleans()), max_size=30), st.sampled_from([99, 100, 101, 200]))
def test_one_pod_after_another_is_as_good_as_all_at_once(changes: list[tuple[int, bool]], size: int) -> None:
    world, there = service_world(), {number: pod(number) for number in range(size)}
    fill(world, *there)
    for number, comes in changes:
        there.pop(number, None)
        if comes:
            there[number] = pod(number)
        amend(world, WEB, pod(number).pod, there.get(number))
        assert told(world) == [there[number] for number in sorted(there)]
        assert max(sizes(world)) <= MOST
        assert 0 not in sizes(world)[1:]
        assert {one.key for one in all_of(world, WEB)} == {one.key for one in world.store.list("EndpointSlice")}


def crowd(replicas: int) -> World:
    """A Deployment of so many pods behind `web`, half of them in a second slice or none."""
    nodes = [{**BIG, "metadata": {"name": f"big{n}"}} for n in range(3)]
    world = cluster(*nodes, deployment("web", replicas), service("web"), nodes=0, seconds=30)
    assert len(endpoint_slices.ready(world, WEB)) == replicas
    return world


def test_pods_that_come_and_go_are_in_one_slice_each() -> None:
    world = crowd(120)
    before = listed(world)
    assert sizes(world) == [100, 20]
    gone = [next(iter(pods)) for pods in before.values()]
    for name in gone:
        api.delete(world, ObjectKey("Pod", "default", name), "test")
    world.run_for(60 * SECOND_US)
    there = [found.key.name for found in world.store.list("Pod")]
    assert sorted(name for pods in listed(world).values() for name in pods) == there
    assert (sum(sizes(world)), max(sizes(world)) <= MOST) == (120, True)
    assert not {*gone} & {*there}


def test_a_slice_that_somebody_deletes_is_made_again_at_once() -> None:
    world = crowd(120)
    for victim in all_of(world, WEB):
        api.delete(world, victim.key, "test")
        world.run_for(0)
        assert sum(sizes(world)) == 120
        assert {one.key for one in world.store.list("EndpointSlice")} == {one.key for one in all_of(world, WEB)}


def test_a_service_that_goes_takes_all_its_slices_along() -> None:
    world = crowd(120)
    api.delete(world, WEB, "test")
    world.run_for(SECOND_US)
    assert world.store.list("EndpointSlice") == []


def test_requests_go_to_the_endpoints_of_every_slice() -> None:
    world = mesh("a>web", extra=[{**BIG, "metadata": {"name": "big"}}], replicas=1)
    deaf = {"spec": {"containers": [{"name": "deaf", "image": "web:1"}]}}
    stray = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "stray"}, **deaf}
    put(world, deployment("web", 104), stray, seconds=60)

    def error() -> str:
        (call,) = current(world).calls
        return call.error

    for endpoint in all_of(world, WEB)[0].status.endpoints:
        api.delete(world, ObjectKey("Pod", "default", endpoint.pod), "test")
    world.run_for(0)
    assert not error(), "those of the second slice are still there"
    world.run_for(60 * SECOND_US)
    assert not error()
    put(world, {**stray, "metadata": {**stray["metadata"], "labels": {"app": "web"}}}, seconds=0)
    assert error() == REFUSED, "one of many"


def test_names_are_looked_up_as_long_as_any_slice_has_somebody_who_answers() -> None:
    kube_dns = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "kube-dns", "namespace": "kube-system"}}
    world = cluster({**kube_dns, "spec": {"selector": {"app": "d"}, "ports": [{"port": 53}]}}, nodes=0)
    assert dns.resolver(world) is not None
    publish(world, dns.SERVICE, tuple(map(pod, range(101))))
    publish(world, dns.SERVICE, (pod(100),))
    assert [len(one.status.endpoints) for one in all_of(world, dns.SERVICE)] == [0, 1]
    assert dns.resolver(world) is None


def test_a_slice_kept_by_hand_is_shown_as_it_is_written() -> None:
    own = {
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": "db-1", "namespace": "default"}, "endpoints": [{"addresses": ["192.0.2.7"]}],
    }  # fmt: skip
    world = mesh(extra=[own])
    api.put(world, {**own, "endpoints": [{"addresses": ["192.0.2.8"]}]}, "user")
    found = world.store.get(ObjectKey("EndpointSlice", "default", "db-1"))
    assert found is not None
    assert render(world, found)["endpoints"] == [{"addresses": ["192.0.2.8"]}]
