"""Deployments, ReplicaSets and StatefulSets: which pods come, which go, in which order, and what is remembered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from stratus_sim.cluster import api
from stratus_sim.cluster.actions import Action, effect
from stratus_sim.cluster.merge import strategic_merge
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.workloads.templates import template_hash
from stratus_sim.kernel import SECOND_US
from stratus_sim.telemetry.alerts import firing
from stratus_sim.world import World
from tests.application.mesh import deployment as manifest_of
from tests.application.mesh import key, mesh, scale

WEB = key("a")


def patch(world: World, target: ObjectKey, spec: dict[str, Any], seconds: int = 30) -> None:
    api.put(world, strategic_merge(world.store.state.objects[target].manifest, {"spec": spec}), "test")
    world.run_for(seconds * SECOND_US)


def container(**fields: Any) -> dict[str, Any]:
    return {"template": {"spec": {"containers": [{"name": "a", **fields}]}}}


def round_of(number: int) -> dict[str, Any]:
    return container(env=[{"name": "ROUND", "value": str(number)}])


def rolling(surge: int, unavailable: int) -> dict[str, Any]:
    return {"strategy": {"rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}}


def pods(world: World, owner: ObjectKey = WEB) -> list[Resource]:
    owners = [owner, *(r.key for r in world.store.owned(owner))]
    return [p for o in owners for p in world.store.owned(o) if p.key.kind == "Pod" and not p.deleting]


def ready(world: World) -> int:
    return sum(p.status.ready for p in pods(world))


def settled(world: World, duration_us: int) -> Iterator[World]:
    """Every instant at which controllers have had their say."""
    end = world.now_us + duration_us
    while world.kernel.queued or (world.kernel.timers and min(t.due_us for t in world.kernel.timers.values()) <= end):
        world.step()
        if not world.kernel.queued:
            yield world


def events(world: World, reason: str) -> list[str]:
    return [e.message for e in world.cluster.events.values() if e.reason == reason]


def test_a_new_deployment_makes_just_its_replicas() -> None:
    world = mesh(replicas=3)
    assert [m.rpartition(" from ")[2] for m in events(world, "ScalingReplicaSet")] == ["0 to 3"]
    assert events(world, "SuccessfulDelete") == []


def test_scaling_says_in_which_direction() -> None:
    world = mesh()
    for replicas, said in ((3, "Scaled up"), (1, "Scaled down")):
        scale(world, "a", replicas)
        world.run_for(SECOND_US)
        assert any(m.startswith(said) and m.endswith(f"to {replicas}") for m in events(world, "ScalingReplicaSet"))


def test_a_paused_deployment_scales_but_does_not_roll() -> None:
    world = mesh(replicas=2)
    (old,) = world.store.owned(WEB)
    patch(world, WEB, {"paused": True, **round_of(1)})
    scale(world, "a", 3)
    world.run_for(30 * SECOND_US)
    assert [p.owner for p in pods(world)] == [old.key] * 3
    patch(world, WEB, {"paused": None})
    assert len(pods(world)) == 3
    assert old.key not in {p.owner for p in pods(world)}


def test_null_and_empty_fields_and_order_do_not_name_another_template() -> None:
    name = template_hash
    assert name({"a": 1, "b": [{"c": None}], "d": {}}) == name({"b": [{}], "a": 1})
    assert name({"a": 1}) != name({"a": 2})


def test_scaling_down_in_the_midst_of_a_rollout_keeps_its_bounds() -> None:
    world = mesh(replicas=6)
    patch(world, WEB, {**rolling(1, 0), **container(image="no:such")})
    scale(world, "a", 2)
    for now in settled(world, 60 * SECOND_US):
        assert ready(now) >= 2
    assert ready(world) == 2
    assert len(pods(world)) == 3


@pytest.mark.parametrize("broken", [f"no:{n}" for n in range(4)])
def test_broken_pods_of_an_earlier_rollout_go_before_good_ones(broken: str) -> None:
    world = mesh(replicas=4)
    patch(world, WEB, {**rolling(1, 0), **container(image=broken)})
    assert (ready(world), len(pods(world))) == (4, 5)
    api.put(world, strategic_merge(world.store.state.objects[WEB].manifest, {"spec": container(image="a:1")}), "t")
    patch(world, WEB, round_of(2), seconds=0)
    for now in settled(world, 60 * SECOND_US):
        assert ready(now) >= 4
        assert len(pods(now)) <= 5
    assert ready(world) == 4


@pytest.mark.parametrize("half", [1, 2, 3])
def test_a_rollout_on_top_of_a_rollout_stays_within_its_bounds(half: int) -> None:
    world = mesh(replicas=4)
    patch(world, WEB, {**rolling(1, 1), **round_of(1)}, seconds=0)
    first = next(r for r in world.store.owned(WEB) if r.status.revision == 2)
    for now in settled(world, 60 * SECOND_US):
        if sum(p.status.ready for p in now.store.owned(first.key)) == half:
            break
    patch(world, WEB, round_of(2), seconds=0)
    for now in settled(world, 60 * SECOND_US):
        assert ready(now) >= 3
        assert len(pods(now)) <= 5
    assert {p.status.env["a"]["ROUND"] for p in pods(world)} == {"2"}


def revisions(world: World) -> list[int]:
    return sorted(r.status.revision for r in world.store.owned(WEB))


@pytest.mark.parametrize(("limit", "kept"), [(None, [*range(3, 14)]), (2, [11, 12, 13]), (0, [13])])
def test_the_newest_revisions_are_kept(limit: int | None, kept: list[int]) -> None:
    world = mesh()
    for number in range(12):
        patch(world, WEB, {"revisionHistoryLimit": limit, **round_of(number)})
    assert revisions(world) == kept


def test_an_earlier_template_becomes_the_newest_revision_again() -> None:
    world = mesh()
    for number in (1, 2, 1):
        patch(world, WEB, round_of(number))
    assert revisions(world) == [1, 3, 4]
    assert world.store.state.objects[WEB].status.revision == 4


@pytest.mark.parametrize(("arguments", "value"), [({}, "3"), ({"revision": 2}, "1"), ({"revision": 1}, None)])
def test_undo_goes_to_the_revision_before_or_the_one_named(arguments: dict[str, Any], value: str | None) -> None:
    world = mesh()
    for number in range(1, 5):
        patch(world, WEB, round_of(number))
    _, after = effect(world, Action("rollout-undo", "deployment/a", arguments))
    assert after is not None
    env = after["spec"]["template"]["spec"]["containers"][0].get("env", [{"value": None}])
    assert env[0]["value"] == value


def test_how_long_replicas_have_been_missing_survives_a_change_of_the_spec() -> None:
    world = mesh(extra=[{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}, "spec": {}}])
    api.put(
        world, {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}, "spec": {"unschedulable": True}}, "t"
    )
    api.delete(world, pods(world)[0].key, "test")
    began = world.now_us
    world.run_for(30 * SECOND_US)
    patch(world, WEB, {"revisionHistoryLimit": 3}, seconds=31)
    assert ("KubeDeploymentReplicasMismatch", began) in [(a.name, a.since_us) for a in firing(world)]


ONE_NODE = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}}


def test_the_youngest_pods_go_first() -> None:
    world = mesh(replicas=2, extra=[ONE_NODE])
    oldest = {p.key for p in pods(world)}
    for replicas in (5, 2):
        scale(world, "a", replicas)
        world.run_for(20 * SECOND_US)
    assert {p.key for p in pods(world)} == oldest
    assert len(events(world, "SuccessfulDelete")) == 3


def test_pods_without_a_node_go_before_those_that_serve_and_unready_before_ready() -> None:
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}}
    small = {**node, "status": {"allocatable": {"cpu": "250m"}}}
    world = mesh(replicas=2, extra=[small])
    first, second = pods(world)
    world.store.report(first.key, _unready(first))
    scale(world, "a", 1)
    world.run_for(0)
    assert [p.key for p in pods(world)] == [second.key]
    scale(world, "a", 5)
    world.run_for(20 * SECOND_US)
    bound = {p.key for p in pods(world) if p.status.node}
    assert len(bound) == 2
    scale(world, "a", 2)
    world.run_for(0)
    assert {p.key for p in pods(world)} == bound


def _unready(pod: Resource) -> Any:
    import msgspec  # noqa: PLC0415

    return msgspec.structs.replace(pod.status, ready=False)


DB = key("db", "StatefulSet")


def stateful(replicas: int | None, **pod: Any) -> World:
    world = mesh()
    manifest = manifest_of("db", replicas, kind="StatefulSet", **pod)
    manifest["spec"]["template"]["spec"]["containers"][0]["image"] = "a:1"
    api.put(world, manifest, "test")
    return world


def ordinals(world: World) -> list[str]:
    return [p.key.name for p in pods(world, DB)]


def test_a_stateful_set_starts_its_pods_in_order_and_one_at_a_time() -> None:
    world, seen = stateful(3), []
    for now in settled(world, 60 * SECOND_US):
        names = ordinals(now)
        assert all(p.status.ready for p in pods(now, DB)[:-1])
        seen += [names] if names not in seen else []
    assert seen == [["db-0"], ["db-0", "db-1"], ["db-0", "db-1", "db-2"]]
    assert world.store.state.objects[DB].status.ready == 3


def test_a_stateful_set_without_replicas_has_one_pod() -> None:
    world = stateful(None)
    world.run_for(60 * SECOND_US)
    assert ordinals(world) == ["db-0"]


def test_a_stateful_set_scales_down_from_the_highest_number_one_at_a_time() -> None:
    world = stateful(11)
    world.run_for(120 * SECOND_US)
    scale(world, "db", 9, "StatefulSet")
    gone = []
    for now in settled(world, 60 * SECOND_US):
        dying = [p.key.name for p in now.store.owned(DB) if p.deleting]
        assert len(dying) <= 1
        gone += [name for name in dying if name not in gone]
    assert gone == ["db-10", "db-9"]
    assert sorted(ordinals(world)) == sorted(f"db-{n}" for n in range(9))


def test_a_stateful_set_rolls_from_the_highest_number_and_waits_for_each() -> None:
    world = stateful(3)
    world.run_for(60 * SECOND_US)
    patch(world, DB, {"template": {"spec": {"nodeSelector": {"none": "such"}}}}, seconds=60)
    assert ordinals(world) == ["db-0", "db-1", "db-2"]
    assert [bool(p.status.node) for p in pods(world, DB)] == [True, True, False]


def test_a_lost_pod_of_a_stateful_set_comes_back_under_its_name() -> None:
    world = stateful(3)
    world.run_for(60 * SECOND_US)
    uid = world.store.state.objects[ObjectKey("Pod", "default", "db-1")].uid
    api.delete(world, ObjectKey("Pod", "default", "db-1"), "test")
    world.run_for(60 * SECOND_US)
    assert ordinals(world) == ["db-0", "db-1", "db-2"]
    assert world.store.state.objects[ObjectKey("Pod", "default", "db-1")].uid != uid


def test_scaling_down_and_rolling_at_once_scales_down_first() -> None:
    world = stateful(3)
    world.run_for(60 * SECOND_US)
    patch(world, DB, {"replicas": 1, "template": {"spec": {"nodeSelector": {"none": "such"}}}}, seconds=0)
    for now in settled(world, 60 * SECOND_US):
        assert len(ordinals(now)) == 1 or all(p.status.node for p in pods(now, DB))
    assert [bool(p.status.node) for p in pods(world, DB)] == [False]


def test_what_a_deleted_owner_owned_goes_and_nothing_else() -> None:
    world = stateful(2)
    world.run_for(60 * SECOND_US)
    others = {p.key for p in pods(world)}
    api.delete(world, DB, "test")
    api.delete(world, key("a", "Service"), "test")
    world.run_for(10 * SECOND_US)
    assert {p.key for p in world.store.list("Pod")} == others
    assert world.store.list("EndpointSlice") == []


def test_restarting_a_stateful_set_replaces_every_pod() -> None:
    world = stateful(3)
    world.run_for(60 * SECOND_US)
    before = {p.key.name: p.uid for p in pods(world, DB)}
    patch(world, DB, {"template": {"metadata": {"annotations": {"restartedAt": "now"}}}}, seconds=120)
    after = {p.key.name: p.uid for p in pods(world, DB)}
    assert before.keys() == after.keys()
    assert all(before[name] != after[name] for name in before)
