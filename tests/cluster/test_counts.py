"""What is kept up to date change by change is what counting anew would give, at every instant."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from stratus_sim.cluster import api, pods
from stratus_sim.cluster.endpoint_slices import all_of, slice_of
from stratus_sim.cluster.endpoints import serving
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.kernel import SECOND_US
from stratus_sim.world import World
from tests.conftest import standing

Write = tuple[str, int]
VERBS = ("delete pod", "relabel pod", "crash node", "restart", "retarget", "forget slice")


def write(world: World, verb: str, number: int) -> None:
    kind = {"crash node": "Node", "restart": "Deployment", "retarget": "Service", "forget slice": "EndpointSlice"}
    found = world.store.list(kind.get(verb, "Pod"))
    if not found:
        return
    chosen = found[number % len(found)]
    if verb in ("delete pod", "forget slice"):
        api.delete(world, chosen.key, "test")
    elif verb == "crash node":
        world.schedule(0, "node.crash", chosen.key.name)
    elif verb == "relabel pod":
        metadata = {**chosen.manifest["metadata"], "labels": found[0].labels}
        api.put(world, {**chosen.manifest, "metadata": metadata}, "test")
    elif verb == "retarget":
        api.put(
            world, {**chosen.manifest, "spec": {**chosen.manifest["spec"], "selector": found[0].spec.selector}}, "t"
        )
    else:
        template = {**chosen.manifest["spec"]["template"], "metadata": {"labels": {"app": str(number)}}}
        api.put(world, {**chosen.manifest, "spec": {**chosen.manifest["spec"], "template": template}}, "test")


def check_counts(world: World) -> None:
    for replica_set in world.store.list("ReplicaSet"):
        active = [pod for pod in world.store.owned(replica_set.key) if pods.active(pod)]
        assert world.store.standing(replica_set.key) == (len(active), sum(pod.status.ready for pod in active))


def check_slices(world: World) -> None:
    for service in world.store.list("Service"):
        found = all_of(world, service.key)
        selected = world.store.selected(service.key.namespace, service.spec.selector)
        if found and service.spec.selector:
            there = [pod for pod in selected if pod.status.ip and not pods.ended(pod)]
            told = [(pod.key.name, serving(pod), pod.status.ready, pod.deleting) for pod in there]
            assert [(e.pod, e.ready, e.serving, e.terminating) for one in found for e in one.status.endpoints] == told


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(VERBS), st.integers(0, 99)), min_size=1, max_size=4))
def test_counts_and_slices_are_as_if_made_anew(writes: list[Write]) -> None:
    world = World(standing())
    for verb, number in writes:
        write(world, verb, number)
        end = world.now_us + 20 * SECOND_US
        while world.now_us < end and world.step():
            check_counts(world)
            if not world.kernel.queued:
                check_slices(world)


def test_an_owner_without_pods_is_forgotten(hotel: World) -> None:
    geo = ObjectKey("Deployment", "hotel", "geo")
    api.delete(hotel, geo, "test")
    hotel.run_for(20 * SECOND_US)
    assert not [owner for owner in hotel.store.state.standing if owner.name.startswith("geo-")]


def test_a_slice_somebody_deleted_is_made_anew_when_a_pod_changes(hotel: World) -> None:
    service = ObjectKey("Service", "hotel", "geo")
    before = hotel.store.get(slice_of(service)).status
    api.delete(hotel, slice_of(service), "test")
    api.delete(hotel, hotel.store.selected("hotel", hotel.store.get(service).spec.selector)[0].key, "test")
    hotel.run_for(60 * SECOND_US)
    assert len(hotel.store.get(slice_of(service)).status.endpoints) == len(before.endpoints)
    check_slices(hotel)
