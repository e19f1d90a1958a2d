"""What kubectl would do or refuse, the conditions under which it can be taken back, the lock and the audit log."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from stratus_sim.cluster import api, conditions, lease
from stratus_sim.cluster.actions import Action, InvalidAction, effect
from stratus_sim.cluster.configuration import ABSENT, difference, flatten, is_configuration, unflatten
from stratus_sim.cluster.objects import ObjectKey, key_of
from stratus_sim.kernel import SECOND_US
from stratus_sim.world import World
from tests.application.mesh import deployment, key, mesh, scale, service


def after(world: World, verb: str, target: str = "deployment/a", **arguments: Any) -> dict[str, Any]:
    _, manifest = effect(world, Action(verb, target, arguments))
    assert manifest is not None
    return dict(manifest)


def first_container(manifest: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = manifest["spec"]["template"]["spec"]["containers"][0]
    return found


@pytest.mark.parametrize(
    ("verb", "target", "arguments", "said"),
    [
        ("scale", "deployment/a", {"replicas": -1}, "expected a number >= 0"),
        ("scale", "deployment/a", {"replicas": True}, "expected a number >= 0"),
        ("scale", "service/a", {"replicas": 1}, "a Service has no replicas"),
        ("scale", "deployment/a", {}, "arguments do not fit"),
        ("set-image", "deployment/a", {"container": "b", "image": "x"}, "expected one of ['a']"),
        ("set-env", "deployment/a", {"env": ["A=1"]}, "arguments do not fit"),
        ("patch", "deployment/a", {"patch": [1]}, "is a JSON object"),
        ("patch", "deployment/a", {"patch": {"metadata": {"name": "b"}}}, "cannot change"),
        ("rollout-undo", "deployment/a", {}, "no rollout history"),
        ("rollout-undo", "deployment/a", {"revision": 7}, "no rollout history"),
        ("apply", "", {"manifest": {"kind": "ConfigMap", "metadata": {"name": "x"}}}, "apiVersion"),
        ("apply", "", {"manifest": {"apiVersion": "v1", "metadata": {"name": "x"}}}, "apiVersion"),
        ("create", "", {"manifest": {"apiVersion": "v1", "kind": "ConfigMap"}}, "metadata.name is missing"),
        ("delete", "deployment", {}, "expected kind/name"),
        ("delete", "deployment/b", {}, "not found in namespace 'default'"),
    ],
)
def test_what_the_api_server_would_refuse(verb: str, target: str, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidAction) as refused:
        effect(mesh(), Action(verb, target, arguments))
    assert said in str(refused.value)


@pytest.mark.parametrize("kind", ["deploy", "deployment", "deployments", "Deployment", "DEPLOYMENTS"])
def test_kinds_are_written_as_kubectl_takes_them(kind: str) -> None:
    assert Action("delete", f"{kind}/a").key == key("a")
    assert Action("delete", "no/n").key == ObjectKey("Node", "", "n")
    assert Action("delete", "networkchaos/x", {}, "chaos").key == ObjectKey("NetworkChaos", "chaos", "x")


@pytest.mark.parametrize("data", [None, {"target": "x"}, {"verb": 1}, {"verb": "scale", "arguments": [1]}])
def test_what_is_no_action_is_said_to_be_none(data: Any) -> None:
    with pytest.raises(InvalidAction):
        Action.from_json(data)


def test_an_action_survives_json() -> None:
    action = Action("set-env", "deploy/a", {"env": {"A": "x" * 99}}, "hotel")
    assert Action.from_json(action.to_json()) == action
    assert str(action).endswith("... -n hotel")
    assert Action.from_json({"verb": "delete", "target": "pod/x"}) == Action("delete", "pod/x")


def test_environment_image_and_resources_of_the_container_named() -> None:
    manifest = deployment("a")
    sidecar = {"name": "b", "image": "b:1", "env": [{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}]}
    manifest["spec"]["template"]["spec"]["containers"].append(sidecar)
    world = mesh()
    api.put(world, manifest, "test")
    env = after(world, "set-env", container="b", env={"Z": 3, "X": None, "gone": None})
    assert env["spec"]["template"]["spec"]["containers"][1]["env"] == [
        {"name": "Y", "value": "2"},
        {"name": "Z", "value": "3"},
    ]
    sidecar["env"][1] = {"name": "Y", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    api.put(world, manifest, "test")
    env = after(world, "set-env", container="b", env={"Y": "4"})
    assert env["spec"]["template"]["spec"]["containers"][1]["env"][1] == {"name": "Y", "value": "4"}
    image = after(world, "set-image", image="a:2")
    assert [c["image"] for c in image["spec"]["template"]["spec"]["containers"]] == ["a:2", "b:1"]
    sides = {"limits": {"cpu": "1"}, "requests": {"cpu": "500m"}}
    assert first_container(after(world, "set-resources", **sides))["resources"] == sides


def test_cordon_and_uncordon_undo_each_other_and_a_restart_is_a_new_template_each_time() -> None:
    world = mesh()
    node = world.store.list("Node")[0]
    cordoned = after(world, "cordon", f"node/{node.key.name}")
    assert cordoned["spec"] == {"unschedulable": True}
    api.put(world, cordoned, "test")
    assert after(world, "uncordon", f"node/{node.key.name}") == node.manifest
    first = after(world, "rollout-restart")
    world.run_for(1)
    assert first != after(world, "rollout-restart")


def test_apply_writes_what_it_is_given_and_a_copy() -> None:
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"a": "b"}}
    for verb in ("apply", "create"):
        written, copied = effect(mesh(), Action(verb, "", {"manifest": manifest}))
        assert (written, copied) == (ObjectKey("ConfigMap", "default", "x"), manifest)
        assert copied is not None
        assert copied["data"] is not manifest["data"]


def test_lists_named_and_not_and_empty_parts_are_fields() -> None:
    manifest = {"a": [{"name": "x", "v": {}}, {"name": "y"}], "b": [{"name": "x"}, {"name": "x"}], "c": [], "status": 1}
    assert flatten(manifest) == {
        ("a", "[]"): ("x", "y"),
        ("a", "[x]", "name"): "x",
        ("a", "[x]", "v", "{}"): True,
        ("a", "[y]", "name"): "y",
        ("b",): ("[]", ("{}", ("name", "x")), ("{}", ("name", "x"))),
        ("c",): ("[]",),
    }
    assert flatten(None) == {}
    assert unflatten({}) is None
    assert difference({"a": 1, "b": 2}, {"b": 2, "c": 3}) == {("a",): (1, ABSENT), ("c",): (ABSENT, 3)}


def test_an_item_somebody_else_added_or_took_survives_the_order_that_is_put_back() -> None:
    fields = flatten({"a": [{"name": "x"}, {"name": "y"}]})
    assert unflatten({**fields, ("a", "[z]", "name"): "z"}) == {"a": [{"name": "x"}, {"name": "y"}, {"name": "z"}]}
    del fields["a", "[x]", "name"]
    assert unflatten(fields) == {"a": [{"name": "y"}]}


def test_what_controllers_own_and_the_lock_are_no_configuration() -> None:
    world = mesh()
    lock = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "l"}}
    api.put(world, lock, "test")
    assert {r.key.kind for r in world.store.everything() if is_configuration(r)} == {"Deployment", "Node", "Service"}


def pod(world: World, name: str = "a") -> ObjectKey:
    return next(p.key for p in world.store.list("Pod") if p.key.name.startswith(f"{name}-") and not p.deleting)


def test_a_pod_is_replaceable_when_a_twin_serves_and_another_could_start() -> None:
    def replaceable(world: World) -> bool:
        return conditions.holds(world, "replaceable", pod(world))

    assert not replaceable(mesh())
    world = mesh(replicas=2)
    assert replaceable(world)
    for node in world.store.list("Node"):
        api.put(world, {**node.manifest, "spec": {"unschedulable": True}}, "test")
    assert not replaceable(world)
    assert not conditions.holds(world, "replaceable", ObjectKey("Pod", "default", "none"))
    world = mesh(replicas=2)
    api.delete(world, world.store.list("ReplicaSet")[0].key, "test")
    assert not conditions.holds(world, "replaceable", world.store.list("Pod")[0].key)


PULLING = ("ErrImagePull", "ImagePullBackOff")


def test_a_pod_that_does_not_serve_is_replaceable_without_a_twin_unless_its_image_or_owner_is_gone() -> None:
    manifest = deployment("a")
    first_container(manifest)["readinessProbe"] = {"tcpSocket": {"port": 1}}
    world = mesh()
    api.put(world, manifest, "test")
    world.run_for(30 * SECOND_US)
    unready = next(p.key for p in world.store.list("Pod") if not p.status.ready)
    assert conditions.holds(world, "replaceable", unready)
    first_container(manifest)["image"] = "no:such"
    api.put(world, manifest, "test")
    world.run_for(30 * SECOND_US)
    unready = next(p.key for p in world.store.list("Pod") if p.status.reason in PULLING)
    assert not conditions.holds(world, "replaceable", unready)
    bare = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bare"}, "spec": {"containers": [{"name": "c"}]}}
    api.put(world, bare, "test")
    assert not conditions.holds(world, "replaceable", ObjectKey("Pod", "default", "bare"))


@pytest.mark.parametrize("part", ["env", "volume", "image"])
def test_a_workload_is_rollable_while_every_pod_of_it_could_start_again(part: str) -> None:
    manifest, config = deployment("w"), {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}
    spec = manifest["spec"]["template"]["spec"]
    if part == "env":
        first_container(manifest)["envFrom"] = [{"configMapRef": {"name": "c"}}]
    elif part == "volume":
        spec["volumes"] = [{"name": "v", "configMap": {"name": "c"}}]
    world = mesh(extra=[manifest, config])
    assert conditions.holds(world, "rollable", key("w"))
    api.delete(world, ObjectKey("ConfigMap", "default", "c"), "test")
    if part == "image":
        manifest = copy.deepcopy(manifest)
        first_container(manifest)["image"] = "no:such"
        api.put(world, manifest, "test")
        world.run_for(30 * SECOND_US)
    assert not conditions.holds(world, "rollable", key("w"))
    assert not conditions.holds(world, "rollable", key("none"))


@pytest.mark.parametrize(
    ("replicas", "holds"), [(None, False), (1, False), (2, False), (3, True), (4, True), (5, True)]
)
def test_a_quorum_is_more_than_half_of_the_replicas_without_one(replicas: int | None, holds: bool) -> None:
    world = mesh(extra=[deployment("db", replicas, kind="StatefulSet")])
    db = key("db", "StatefulSet")
    assert conditions.holds(world, "quorum", db, after(world, "rollout-restart", "statefulset/db")) is holds
    scale(world, "db", 9, "StatefulSet")
    world.run_for(0)
    assert not conditions.holds(world, "quorum", db)
    assert not conditions.holds(world, "quorum", key("none", "StatefulSet"))


def test_the_other_conditions() -> None:
    world = mesh(replicas=2)
    used = next(p.status.node for p in world.store.list("Pod"))
    empty = next(n.key for n in world.store.list("Node") if not world.store.on_node(n.key.name))
    assert conditions.holds(world, "evictable", empty)
    assert conditions.holds(world, "evictable", ObjectKey("Node", "", used))
    for other in world.store.list("Node"):
        if other.key.name != used:
            api.put(world, {**other.manifest, "spec": {"unschedulable": True}}, "test")
    assert conditions.holds(world, "evictable", empty)
    assert not conditions.holds(world, "evictable", ObjectKey("Node", "", used))
    assert conditions.holds(world, "unused", key("free"))
    assert not conditions.holds(world, "unused", key("a"))
    assert conditions.holds(world, "no_finalizers", key("a"))
    assert not conditions.holds(world, "no_finalizers", key("none"))
    kept = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "finalizers": ["f"]}}
    api.put(world, kept, "test")
    assert not conditions.holds(world, "no_finalizers", ObjectKey("ConfigMap", "default", "x"))
    assert not conditions.holds(world, "a name nobody evaluates", key("a"))


def test_a_kind_no_built_in_group_serves_is_a_custom_object() -> None:
    assert conditions.classification("delete", "NetworkChaos") == conditions.classification("delete", "Anything")
    assert conditions.classification("delete", "Namespace") != conditions.classification("delete", "Anything")


def test_one_holder_at_a_time_and_every_grant_has_a_larger_token() -> None:
    world = mesh()
    assert lease.acquire(world, "a") == 1
    assert lease.acquire(world, "b") is None
    assert lease.acquire(world, "a") is None
    lease.release(world, "b", 1)
    lease.release(world, "a", 0)
    assert lease.current(world, "a", 1)
    assert not lease.current(world, "b", 1)
    assert not lease.current(world, "a", 2)
    lease.release(world, "a", 1)
    assert not lease.current(world, "a", 1)
    assert lease.acquire(world, "b") == 2


def test_a_lease_runs_out_after_half_an_hour_and_its_holder_is_fenced() -> None:
    world = mesh()
    lease.acquire(world, "slow")
    world.run_for(1800 * SECOND_US - 1)
    assert lease.current(world, "slow", 1)
    assert lease.acquire(world, "next") is None
    world.run_for(1)
    assert not lease.current(world, "slow", 1)
    assert lease.acquire(world, "next") == 2
    lease.release(world, "slow", 1)
    assert lease.current(world, "next", 2)
    lease.expire(world)
    assert not lease.current(world, "next", 2)


def test_every_write_of_configuration_is_audited_and_no_other() -> None:
    world = mesh()
    last = world.cluster.audit
    assert last is not None
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}
    found, changed = ObjectKey("ConfigMap", "default", "x"), {**config, "data": {"a": "b"}}
    api.put(world, config, "one")
    api.put(world, changed, "two", whole=True)
    api.delete(world, pod(world), "kubectl")
    api.delete(world, found, "three")
    api.delete(world, found, "four")
    world.run_for(30 * SECOND_US)
    changes = api.changes_since(world, last.number)
    assert [c.number - last.number for c in changes] == [1, 2, 3, 4]
    assert [(c.writer, c.key, c.before, c.after, c.whole) for c in changes] == [
        ("one", found, None, config, False),
        ("two", found, config, changed, True),
        ("three", found, changed, None, True),
        ("four", found, None, None, True),
    ]
    logged, log = [], world.kernel.log
    while log is not None and len(logged) < 4:
        logged, log = [*logged, log.event.data["verb"]], log.earlier
    assert logged == ["delete", "delete", "update", "create"]


def test_an_object_is_known_by_kind_namespace_and_name() -> None:
    meta = {"metadata": {"name": "x", "namespace": "n"}}
    assert key_of({"kind": "ConfigMap", "metadata": {"name": "x"}}) == ("ConfigMap", "default", "x")
    assert key_of({"kind": "Node", **meta}) == ("Node", "", "x")
    assert key_of({"kind": "Service", **meta}) == ("Service", "n", "x")


def test_an_event_that_happens_again_is_counted() -> None:
    from stratus_sim.cluster.events import emit  # noqa: PLC0415

    world = mesh()
    began = world.now_us
    for _ in range(3):
        emit(world, key("a"), "Reason", "text")
        world.run_for(SECOND_US)
    (event,) = [e for e in world.cluster.events.values() if e.reason == "Reason"]
    assert (event.count, event.first_us, event.last_us) == (3, began, began + 2 * SECOND_US)


def test_a_service_created_anew_keeps_no_slice_of_the_old() -> None:
    world = mesh()
    api.delete(world, key("a", "Service"), "test")
    world.run_for(SECOND_US)
    api.put(world, service("a"), "test")
    world.run_for(0)
    (found,) = world.store.list("EndpointSlice")
    assert len(found.status.endpoints) == 1
