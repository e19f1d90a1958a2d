"""What an epoch looks at again because it changed, though no flow, readiness or EndpointSlice tells of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from stratus_sim.application import epochs
from stratus_sim.application.usage import worked
from stratus_sim.cluster import api
from stratus_sim.cluster.kubelet.duty import run_of
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.kernel import SECOND_US
from stratus_sim.world import World
from tests.application.mesh import deployment, key, mesh, service
from tests.application.test_islands import caller, two_apart
from tests.application.test_routes import kept_and_fresh


@pytest.mark.parametrize("published", [False, True])
def test_a_process_that_is_not_ready_works_on_requests_where_its_address_is_published(published: bool) -> None:
    """A pod whose readiness probe never succeeds runs all the same; killed, it serves again once it runs again."""
    world, asked = mesh("a>b", replicas=2), service("b")
    if published:
        asked["spec"]["publishNotReadyAddresses"] = True
    api.put(world, asked, "test")
    unready = deployment("b", replicas=2)
    unready["spec"]["strategy"] = {"type": "Recreate"}
    container = unready["spec"]["template"]["spec"]["containers"][0]
    container["readinessProbe"] = {"tcpSocket": {"port": 81}, "periodSeconds": 1}
    api.put(world, unready, "test")
    world.run_for(60 * SECOND_US)
    flow, (call,) = epochs.current(world).workloads["default/b"], epochs.current(world).calls
    assert [pod.status.ready for pod in world.store.list("Pod")] == [True, True, False, False]
    assert (flow.pods, call.success_permille) == ((2, 1000) if published else (0, 0))
    for pod in [pod for pod in world.store.list("Pod") if pod.key.name.startswith("b-")]:
        world.store.remove(pod.key)
    assert epochs.current(world).workloads["default/b"].pods == 0
    world.run_for(60 * SECOND_US)
    assert epochs.current(world).workloads["default/b"].pods == flow.pods


def test_a_process_that_ends_behind_a_published_address_serves_no_more_until_it_runs_again() -> None:
    """Neither its readiness nor an EndpointSlice tells of it; and what it did before is not its work."""
    asked, unready = service("b"), deployment("b", replicas=2)
    asked["spec"]["publishNotReadyAddresses"] = True
    container = unready["spec"]["template"]["spec"]["containers"][0]
    container["readinessProbe"] = {"tcpSocket": {"port": 81}}
    unready["spec"]["strategy"] = {"type": "Recreate"}
    world = mesh("a>b", replicas=2)
    for manifest in (asked, unready):
        api.put(world, manifest, "test")
    world.run_for(60 * SECOND_US)
    crashed, other = [pod for pod in world.store.list("Pod") if pod.key.name.startswith("b-")]
    slices = world.store.list("EndpointSlice")
    for wait_s, pods in ((5, 2), (3, 1), (30, 2)):  # the second time its restart is put off
        if wait_s < 30:
            crashed = world.store.get(crashed.key) or crashed
            world.schedule(0, "kubelet.exited", run_of(crashed, 0), "Error", 1)
        world.run_for(wait_s * SECOND_US)
        assert epochs.current(world).workloads["default/b"].pods == pods
        assert world.store.list("EndpointSlice") == slices
    done = worked(world, "default/b")
    assert 0 < done[crashed.uid].busy < done[other.uid].busy // 2


def removed(world: World, *keys: ObjectKey) -> None:
    for one in keys:
        world.store.remove(one)


def pods_of(world: World, name: str) -> list[ObjectKey]:
    return [pod.key for pod in world.store.list("Pod") if pod.key.name.startswith(f"{name}-")]


@pytest.mark.parametrize(
    "change",
    [
        lambda world: removed(world, key("b", "EndpointSlice")),
        lambda world: removed(world, pods_of(world, "b")[0]),
        lambda world: removed(world, *pods_of(world, "b"), *[rs.key for rs in replica_sets(world, "b")]),
    ],
    ids=["slice", "pod", "replica set"],
)
def test_what_no_controller_has_followed_yet_is_seen(change: Callable[[World], None]) -> None:
    world = mesh("a>b", replicas=2)
    before, _ = kept_and_fresh(world)
    change(world)
    kept, fresh = kept_and_fresh(world)
    assert kept == fresh != before


def test_a_pod_is_missed_by_who_is_led_to_it_by_mistake() -> None:
    world = two_apart()
    api.put(world, caller("x:80"), "test")
    world.run_for(60 * SECOND_US)
    kept_and_fresh(world)
    removed(world, pods_of(world, "x")[0])
    kept, fresh = kept_and_fresh(world)
    assert kept == fresh
    assert [call.error for call in kept.calls] == ["connection refused"]


def test_work_is_shared_by_the_pods_there_are_although_there_are_as_many_as_before() -> None:
    world = mesh("a>b", replicas=2)
    pod = world.store.list("Pod")[-1]
    marked = {**pod.manifest, "metadata": {**pod.manifest["metadata"], "annotations": {"seen": "yes"}}}
    world.store.configure(pod.key, marked)
    epochs.touch(world)
    world.run_for(3 * SECOND_US)
    assert world.store.get(pod.key) in world.traffic.shares["default/b"][0].pods


def replica_sets(world: World, name: str) -> list[Resource]:
    return [one for one in world.store.list("ReplicaSet") if one.owner == key(name)]
