"""Deployments roll, scale, restart and remember, within the bounds Kubernetes documents."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stratus_sim.cluster import api
from stratus_sim.cluster.actions import Action, effect
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.cluster.workloads.bounds import bounds, wanted
from stratus_sim.kernel import SECOND_US
from stratus_sim.world import World
from tests.conftest import standing

FRONTEND = ObjectKey("Deployment", "hotel", "frontend")
GEO = ObjectKey("Deployment", "hotel", "geo")


def do(world: World, verb: str, target: str, **arguments: object) -> None:
    key, after = effect(world, Action(verb, target, arguments, "hotel"))
    if after is None:
        api.delete(world, key, "test")
    else:
        api.put(world, after, "test")


def pods(world: World, key: ObjectKey) -> list:
    return [p for r in world.store.owned(key) for p in world.store.owned(r.key) if not p.deleting]


def ready(world: World, key: ObjectKey) -> int:
    return sum(p.status.ready for p in pods(world, key))


def steps(world: World, duration_us: int):
    """Every instant at which something happens within a duration."""
    end = world.now_us + duration_us
    while world.kernel.queued or (world.kernel.timers and min(world.kernel.timers.values()).due_us <= end):
        world.step()
        yield world


def test_a_deployment_gets_its_pods_and_they_become_ready(hotel: World) -> None:
    for found in hotel.store.list("Deployment"):
        assert ready(hotel, found.key) == wanted(found) == found.status.ready


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 6), st.integers(0, 3), st.integers(0, 3))
def test_a_rolling_update_stays_within_surge_and_unavailable(replicas: int, surge: int, unavailable: int) -> None:
    world = World(standing())
    rolling = {"maxSurge": surge, "maxUnavailable": unavailable}
    do(
        world,
        "patch",
        "deployment/frontend",
        patch={"spec": {"replicas": replicas, "strategy": {"type": "RollingUpdate", "rollingUpdate": rolling}}},
    )
    world.run_for(60 * SECOND_US)
    assert ready(world, FRONTEND) == replicas
    before = {p.key for p in pods(world, FRONTEND)}
    do(world, "rollout-restart", "deployment/frontend")
    allowed = unavailable if surge or unavailable else 1
    for now in steps(world, 300 * SECOND_US):
        if now.kernel.queued:
            continue  # controllers have not had their say at this instant
        assert len(pods(now, FRONTEND)) <= replicas + surge
        assert ready(now, FRONTEND) >= replicas - allowed
    assert ready(world, FRONTEND) == replicas
    assert before.isdisjoint(p.key for p in pods(world, FRONTEND))


def test_recreate_takes_all_old_pods_down_first(hotel: World) -> None:
    do(
        hotel,
        "patch",
        "deployment/frontend",
        patch={"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}},
    )
    old = {p.key for p in pods(hotel, FRONTEND)}
    do(hotel, "rollout-restart", "deployment/frontend")
    for now in steps(hotel, 60 * SECOND_US):
        names = {p.key for p in pods(now, FRONTEND)}
        assert not (names & old and names - old)
    assert ready(hotel, FRONTEND) == 2


def test_a_bad_image_does_not_take_the_old_pods_down_and_undo_reuses_the_old_set(hotel: World) -> None:
    first = hotel.store.get(GEO).status.current
    do(hotel, "set-image", "deployment/geo", image="hotel/geo:no-such-tag")
    hotel.run_for(120 * SECOND_US)
    assert {p.status.reason for p in pods(hotel, GEO)} == {"", "ImagePullBackOff"}
    assert ready(hotel, GEO) >= 1
    do(hotel, "rollout-undo", "deployment/geo")
    hotel.run_for(60 * SECOND_US)
    found = hotel.store.get(GEO)
    assert found.status.current == first
    assert found.status.revision == 3
    assert {p.status.reason for p in pods(hotel, GEO)} == {""}


def test_scaling_changes_the_number_of_pods_both_ways(hotel: World) -> None:
    for replicas in (4, 1, 0, 2):
        do(hotel, "scale", "deployment/geo", replicas=replicas)
        hotel.run_for(60 * SECOND_US)
        assert ready(hotel, GEO) == replicas


def test_a_deleted_deployment_takes_its_sets_and_pods_along(hotel: World) -> None:
    do(hotel, "delete", "deployment/geo")
    hotel.run_for(10 * SECOND_US)
    assert [p for p in hotel.store.list("Pod") if p.key.name.startswith("geo-")] == []
    assert [r for r in hotel.store.list("ReplicaSet") if r.owner == GEO] == []


def test_a_deleted_namespace_is_empty(hotel: World) -> None:
    api.delete(hotel, ObjectKey("Namespace", "", "hotel"), "test")
    hotel.run_for(10 * SECOND_US)
    assert [r.key for r in hotel.store.everything() if r.key.namespace == "hotel"] == []


def test_history_is_kept_up_to_its_limit(hotel: World) -> None:
    do(hotel, "patch", "deployment/geo", patch={"spec": {"revisionHistoryLimit": 2}})
    for number in range(5):
        do(hotel, "set-env", "deployment/geo", env={"ROUND": number})
        hotel.run_for(60 * SECOND_US)
    assert len(hotel.store.owned(GEO)) == 3


@pytest.mark.parametrize(("value", "replicas", "surge"), [("25%", 4, 1), ("25%", 5, 2), (3, 1, 3), (None, 1, 1)])
def test_surge_rounds_up(hotel: World, value: object, replicas: int, surge: int) -> None:
    patch = {"spec": {"replicas": replicas, "strategy": {"rollingUpdate": {"maxSurge": value}}}}
    do(hotel, "patch", "deployment/geo", patch=patch)
    assert bounds(hotel.store.get(GEO))[0] == surge


def test_a_deployment_recreated_at_once_does_not_inherit_what_the_old_one_owned(hotel: World) -> None:
    manifest = hotel.store.get(GEO).manifest
    before = {p.key for p in pods(hotel, GEO)}
    api.delete(hotel, GEO, "test")
    api.put(hotel, manifest, "test")
    hotel.run_for(60 * SECOND_US)
    assert ready(hotel, GEO) == len(before)
    assert before.isdisjoint(p.key for p in pods(hotel, GEO))
