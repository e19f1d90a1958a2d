"""Claims and volumes: who gets which, when, where, and what is left when a claim goes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stratus_sim.cluster import api
from stratus_sim.cluster.merge import strategic_merge
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.kernel import SECOND_US
from stratus_sim.telemetry.render import render
from stratus_sim.world import World
from tests.cluster.test_scheduling import HOST, NOT_HELPFUL, ZONE, on, place, refused, said, web
from tests.cluster.workloads import change, cluster, get, key, members, workload

Json = dict[str, Any]
CLAIM, VOLUME = "PersistentVolumeClaim", "PersistentVolume"
UNBOUND = "pod has unbound immediate PersistentVolumeClaims"


def volume(name: str, size: str = "1Gi", modes: Any = ("ReadWriteOnce",), storage: str = "disk", **spec: Any) -> Json:
    body = {"capacity": {"storage": size}, "accessModes": list(modes), "storageClassName": storage, **spec}
    return {"apiVersion": "v1", "kind": VOLUME, "metadata": {"name": name}, "spec": body}


def claim(
    name: str = "c", size: str = "1Gi", modes: Any = ("ReadWriteOnce",), storage: str = "disk", **spec: Any
) -> Json:
    body = {"accessModes": list(modes), "resources": {"requests": {"storage": size}}, "storageClassName": storage}
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": CLAIM, "metadata": metadata, "spec": {**body, **spec}}


def storage_class(name: str = "disk", late: bool = False, provisioner: str = "csi.example.org", **more: Any) -> Json:
    mode = "WaitForFirstConsumer" if late else "Immediate"
    head = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name}}
    return {**head, "provisioner": provisioner, "volumeBindingMode": mode, **more}


def local(name: str, node: str, **more: Any) -> Json:
    term = {"matchExpressions": [{"key": HOST, "operator": "In", "values": [node]}]}
    return volume(name, nodeAffinity={"required": {"nodeSelectorTerms": [term]}}, **more)


def user(name: str = "w", *claims: str, replicas: int = 1, **spec: Any) -> Json:
    mounts = [{"name": c, "persistentVolumeClaim": {"claimName": c}} for c in claims or ("c",)]
    return web(name, replicas, volumes=mounts, **spec)


def bound(world: World, name: str = "c") -> str:
    """The volume of a claim."""
    return str(get(world, CLAIM, name).status.volume)


def find(world: World, name: str) -> Any:
    return world.store.get(ObjectKey(VOLUME, "", name))


def told(world: World, name: str = "c") -> dict[str, str]:
    return {e.reason: e.message for e in world.cluster.events.values() if e.involved == key(CLAIM, name)}


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({}, "small"), ({"size": "2Gi"}, "large"), ({"modes": ["ReadWriteMany"]}, "shared"), ({"size": "99Gi"}, ""),
        ({"storage": "tape"}, "other"), ({"storage": ""}, "plain"), ({"selector": {"matchLabels": {"a": "b"}}}, ""),
        ({"volumeName": "large"}, "large"), ({"volumeMode": "Block"}, "raw"),
        ({"modes": ["ReadWriteOnce", "ReadWriteMany"]}, ""),
    ],
)  # fmt: skip
def test_a_claim_gets_the_smallest_volume_that_serves_it(fields: Json, wanted: str) -> None:
    there = [
        volume("large", "5Gi"), volume("small"), volume("tiny", "1Mi"), volume("other", storage="tape"),
        volume("shared", modes=["ReadWriteMany"]), volume("plain", storage=""), volume("raw", volumeMode="Block"),
        volume("held", "1Gi", claimRef={"namespace": "default", "name": "somebody"}),
    ]  # fmt: skip
    world = cluster(*there, claim(**fields), seconds=5)
    assert bound(world) == wanted
    assert get(world, CLAIM, "c").status.phase == ("Bound" if wanted else "Pending")


def test_a_volume_kept_for_a_claim_goes_to_it_and_to_nobody_else() -> None:
    kept = volume("kept", "9Gi", claimRef={"namespace": "default", "name": "c"})
    world = cluster(volume("small"), kept, claim(), claim("b"), seconds=5)
    assert (bound(world), bound(world, "b")) == ("kept", "small")


def test_an_immediate_class_makes_a_volume_before_there_is_a_pod() -> None:
    world = cluster(storage_class(), claim(), user(), seconds=0)
    world.run_for(0)
    assert "csi.example.org" in told(world)["ExternalProvisioning"]
    assert said(world) == refused(3, UNBOUND, f"3 {NOT_HELPFUL}")
    world.run_for(5 * SECOND_US)
    made = find(world, bound(world))
    assert told(world)["ProvisioningSucceeded"] == f"Successfully provisioned volume {made.key.name}"
    assert (made.status.phase, made.spec.persistent_volume_reclaim_policy) == ("Bound", "Delete")
    assert on(world) != [""]


def test_a_class_that_waits_makes_it_in_the_zone_of_the_first_pod() -> None:
    there = [place("a", **{ZONE: "east"}), place("b", **{ZONE: "west"})]
    world = cluster(*there, storage_class(late=True), claim(), nodes=0, seconds=5)
    assert (bound(world), list(told(world))) == ("", ["WaitForFirstConsumer"])
    api.put(world, user(nodeSelector={HOST: "b"}), "user")
    world.run_for(5 * SECOND_US)
    assert on(world) == ["b"]
    api.put(world, user("second", nodeSelector={HOST: "a"}), "user")
    world.run_for(5 * SECOND_US)
    first = (
        "1 node(s) didn't match PersistentVolume's node affinity, 1 node(s) didn't match Pod's node affinity/selector"
    )
    assert said(world) == refused(2, first, f"2 {NOT_HELPFUL}")


def test_a_pod_goes_where_its_local_volume_is_and_waits_where_none_is() -> None:
    late = storage_class(late=True, provisioner="kubernetes.io/no-provisioner")
    world = cluster(late, local("v1", "n1"), claim(), claim("d"), user(), user("x", "d"), seconds=5)
    assert (bound(world), on(world), on(world, "x")) == ("v1", ["n1"], [""])
    nothing = "3 node(s) didn't find available persistent volumes to bind"
    assert said(world) == refused(3, nothing, f"3 {NOT_HELPFUL}")
    api.put(world, local("v2", "n2"), "user")
    world.run_for(5 * SECOND_US)
    assert on(world, "x") == ["n2"]


def test_two_claims_of_one_pod_get_two_volumes_on_one_node() -> None:
    late = storage_class(late=True, provisioner="kubernetes.io/no-provisioner")
    there = [local("v0", "n0"), local("v1", "n1"), local("v2", "n1")]
    world = cluster(late, *there, claim(), claim("d"), user("w", "c", "d"), seconds=5)
    assert (on(world), {bound(world), bound(world, "d")}) == (["n1"], {"v1", "v2"})


def test_without_any_class_there_is_the_default_one() -> None:
    plain = {"apiVersion": "v1", "kind": CLAIM, "metadata": {"name": "c", "namespace": "default"}, "spec": {}}
    world = cluster(plain, user(), seconds=30)
    assert find(world, bound(world)).spec.storage_class_name == "standard"
    assert members(world, "Deployment")[0].status.ready


def test_without_any_class_those_that_claims_name_are_taken_to_be_there() -> None:
    world = cluster(claim(storage="gp2"), user(), claim("d", volumeName="pvc-far"), user("x", "d"), seconds=30)
    assert find(world, bound(world)).spec.storage_class_name == "gp2"
    assert bound(world, "d") == "pvc-far"
    assert on(world) != [""]


def test_a_claim_on_a_volume_by_name_waits_for_it() -> None:
    world = cluster(storage_class(late=True), claim(volumeName="far"), user(), seconds=5)
    assert said(world) == refused(3, "3 node(s) didn't find available persistent volumes to bind", f"3 {NOT_HELPFUL}")
    api.put(world, volume("far"), "user")
    world.run_for(5 * SECOND_US)
    assert (bound(world), on(world) != [""]) == ("far", True)


def test_the_default_class_is_the_one_that_says_so() -> None:
    mark = {"storageclass.kubernetes.io/is-default-class": "true"}
    chosen = storage_class("fast", metadata={"name": "fast", "annotations": mark})
    unnamed = claim(storageClassName=None)
    world = cluster(storage_class(), chosen, unnamed, seconds=5)
    assert find(world, bound(world)).spec.storage_class_name == "fast"
    world = cluster(storage_class(), unnamed, seconds=5)
    assert told(world) == {
        "FailedBinding": "no persistent volumes available for this claim and no storage class is set"
    }


def test_a_class_that_makes_no_volumes_says_so() -> None:
    world = cluster(storage_class(provisioner="kubernetes.io/no-provisioner"), claim(), seconds=5)
    assert told(world) == {"ProvisioningFailed": "no volume plugin matched name: kubernetes.io/no-provisioner"}


def test_a_claim_says_why_it_waits() -> None:
    world = cluster(storage_class(), claim(storage="none"), seconds=5)
    assert told(world) == {"ProvisioningFailed": 'storageclass.storage.k8s.io "none" not found'}
    api.put(world, storage_class("none"), "user")
    world.run_for(5 * SECOND_US)
    assert bound(world)


def test_a_pod_whose_claim_nobody_made_waits_for_it() -> None:
    world = cluster(user(), seconds=5)
    assert said(world) == refused(3, 'persistentvolumeclaim "c" not found', f"3 {NOT_HELPFUL}")
    api.put(world, claim(storageClassName=None), "user")
    world.run_for(30 * SECOND_US)
    assert members(world, "Deployment")[0].status.ready


def test_one_pod_at_a_time_has_a_claim_for_one_pod() -> None:
    world = cluster(claim(modes=["ReadWriteOncePod"], storageClassName=None), user(replicas=2), seconds=5)
    assert on(world)[0] == ""
    assert "with the same name and ReadWriteOncePod access mode" in said(world)


@pytest.mark.parametrize(
    ("policy", "phase"), [("Delete", None), ("Retain", "Released"), (None, "Released"), ("Recycle", "Available")]
)
def test_what_a_claim_leaves_behind(policy: str | None, phase: str | None) -> None:
    world = cluster(volume("v", persistentVolumeReclaimPolicy=policy), claim(), seconds=5)
    api.delete(world, key(CLAIM, "c"), "user")
    world.run_for(SECOND_US)
    left = find(world, "v")
    assert (left.status.phase if left is not None else None) == phase
    api.put(world, claim(), "user")
    world.run_for(SECOND_US)
    assert bound(world) == ("v" if phase == "Available" else "")


@pytest.mark.parametrize(
    ("policy", "source", "phase", "problem"),
    [
        ("Delete", {"local": {"path": "/disk"}}, "Failed", "no deletable volume plugin matched"),
        ("Delete", {"nfs": {"server": "s"}}, "Failed", "no deletable volume plugin matched"),
        ("Delete", {"hostPath": {"path": "/data"}}, "Failed", "host_path deleter only supports /tmp/.+"),
        ("Delete", {"hostPath": {"path": "/tmp/x"}}, None, ""),
        ("Delete", {"csi": {"driver": "d"}}, None, ""),
        ("Delete", {"hostPath": {"path": "/mnt/tmp/x"}}, None, ""),
        ("Recycle", {"local": {"path": "/disk"}}, "Failed", "No recycler plugin found for the volume!"),
        ("Recycle", {"hostPath": {"path": "/data"}}, "Available", ""),
        ("Retain", {"local": {"path": "/disk"}}, "Released", ""),
    ],
)
def test_a_volume_nobody_can_delete_or_wipe_has_failed(
    policy: str, source: Json, phase: str | None, problem: str
) -> None:
    world = cluster(volume("v", persistentVolumeReclaimPolicy=policy, **source), claim(), seconds=5)
    api.delete(world, key(CLAIM, "c"), "user")
    world.run_for(SECOND_US)
    left = find(world, "v")
    assert (left.status.phase if left is not None else None) == phase
    said = [e.message for e in world.cluster.events.values() if e.reason == f"VolumeFailed{policy}"]
    assert (len(said), problem in "".join(said)) == (int(bool(problem)), True)
    recycled = any(e.reason == "VolumeRecycled" for e in world.cluster.events.values())
    assert recycled is ((policy, phase) == ("Recycle", "Available"))
    if phase == "Failed":
        assert problem in render(world, left)["status"]["message"]
        spec = {name: value for name, value in left.manifest["spec"].items() if name != "claimRef"}
        api.put(world, {**left.manifest, "spec": spec}, "user")
        world.run_for(0)
        assert find(world, "v").status.phase == "Available"


def test_a_claim_whose_volume_is_gone_is_lost_and_so_are_pods_to_come() -> None:
    world = cluster(volume("v"), claim(), seconds=5)
    api.delete(world, ObjectKey(VOLUME, "", "v"), "user")
    world.run_for(SECOND_US)
    assert (get(world, CLAIM, "c").status.phase, find(world, "v").deleting) == ("Bound", True)
    api.put(world, volume("v"), "user")  # whoever takes the finalizer off has it gone
    api.put(world, user(), "user")
    world.run_for(SECOND_US)
    assert (get(world, CLAIM, "c").status.phase, list(told(world))) == ("Lost", ["ClaimLost"])
    lost = 'persistentvolumeclaim "c" bound to non-existent persistentvolume "v"'
    assert said(world).startswith(f"0/3 nodes are available: {lost}. preemption: ")


def test_a_claim_stays_while_a_pod_has_it_and_goes_with_the_pod() -> None:
    world = cluster(storage_class(), claim(), user(), seconds=30)
    made = bound(world)
    api.delete(world, key(CLAIM, "c"), "user")
    world.run_for(60 * SECOND_US)
    assert (get(world, CLAIM, "c").deleting, find(world, made).status.phase) == (True, "Bound")
    change(world, "Deployment", replicas=2)
    world.run_for(SECOND_US)
    messages = [e.message for e in world.cluster.events.values() if e.reason == "FailedScheduling"]
    assert [m for m in messages if 'nodes are available: persistentvolumeclaim "c" is being deleted.' in m]
    change(world, "Deployment", replicas=0)
    world.run_for(60 * SECOND_US)
    assert (world.store.list(CLAIM), find(world, made)) == ([], None)


def test_a_claim_no_pod_has_a_node_with_goes_at_once() -> None:
    world = cluster(storage_class(provisioner="kubernetes.io/no-provisioner"), claim(), user(), seconds=30)
    assert on(world) == [""]
    api.delete(world, key(CLAIM, "c"), "user")
    assert world.store.list(CLAIM) == []


def test_a_finalizer_taken_off_a_claim_in_use_lets_it_go() -> None:
    world = cluster(storage_class(), claim(), user(), seconds=30)
    api.delete(world, key(CLAIM, "c"), "user")
    assert get(world, CLAIM, "c").manifest["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
    api.put(world, claim(), "user")
    assert world.store.list(CLAIM) == []


def test_a_volume_that_was_deleted_goes_when_its_claim_does() -> None:
    world = cluster(volume("v", persistentVolumeReclaimPolicy="Retain"), claim(), seconds=5)
    api.delete(world, ObjectKey(VOLUME, "", "v"), "user")
    api.delete(world, key(CLAIM, "c"), "user")
    world.run_for(SECOND_US)
    assert world.store.list(VOLUME) == []


def test_a_volume_that_was_made_and_is_retained_outlives_its_claim() -> None:
    world = cluster(storage_class(reclaimPolicy="Retain"), claim(), seconds=5)
    made = bound(world)
    assert "ownerReferences" not in render(world, find(world, made))["metadata"]
    api.delete(world, key(CLAIM, "c"), "user")
    world.run_for(SECOND_US)
    assert find(world, made).status.phase == "Released"


@pytest.mark.parametrize(("freed", "again"), [({"claimRef": None}, "b"), ({"claimRef": {"uid": None}}, "c")])
def test_a_released_volume_serves_again_once_its_claim_is_taken_off(freed: Json, again: str) -> None:
    """All of the reference: for anybody; its uid alone: for a claim of the same name."""
    world = cluster(volume("v"), claim(), seconds=5)
    api.delete(world, key(CLAIM, "c"), "user")
    world.run_for(SECOND_US)
    for name in ("b", "c"):
        api.put(world, claim(name), "user")
    labelled = strategic_merge(find(world, "v").manifest, {"metadata": {"labels": {"a": "b"}}})
    api.put(world, labelled, "user")
    world.run_for(SECOND_US)
    assert (find(world, "v").status.phase, bound(world, again)) == ("Released", "")
    api.put(world, strategic_merge(labelled, {"spec": freed}), "user")
    world.run_for(SECOND_US)
    assert bound(world, again) == "v"


def test_both_sides_say_whom_they_are_bound_to() -> None:
    world = cluster(storage_class(), claim(), volume("free", storage="x"), seconds=5)
    made = bound(world)
    shown = render(world, get(world, CLAIM, "c"))
    assert shown["spec"]["volumeName"] == made
    assert shown["status"] == {"phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}}
    assert shown["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
    held = render(world, find(world, made))["spec"]["claimRef"]
    assert (held["namespace"], held["name"], held["uid"]) == ("default", "c", shown["metadata"]["uid"])
    assert render(world, find(world, "free"))["status"] == {"phase": "Available"}


def test_a_pod_of_a_stateful_set_comes_back_to_its_disk() -> None:
    template = [{"metadata": {"name": "data"}, "spec": {"resources": {"requests": {"storage": "1Gi"}}}}]
    there = [place(name, **{ZONE: zone}) for name, zone in (("a", "east"), ("b", "west"))]
    world = cluster(*there, workload("StatefulSet", replicas=2, volumeClaimTemplates=template), nodes=0, seconds=30)
    before = {pod.key.name: pod.status.node for pod in members(world, "StatefulSet")}
    assert sorted(before.values()) == ["a", "b"]
    for pod in members(world, "StatefulSet"):
        api.delete(world, pod.key, "user")
    world.run_for(60 * SECOND_US)
    assert {pod.key.name: pod.status.node for pod in members(world, "StatefulSet")} == before


_SIZES = st.sampled_from(["1Gi", "2Gi", "3Gi"])
_MODES = st.lists(st.sampled_from(["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany"]), min_size=1, unique=True)
_DISKS = st.tuples(_SIZES, _MODES, st.sampled_from(["disk", "tape"]))
_GIB = {"1Gi": 1, "2Gi": 2, "3Gi": 3}


@settings(max_examples=20, deadline=None)
@given(st.lists(_DISKS, max_size=5), st.lists(_DISKS, min_size=1, max_size=5), st.lists(st.integers(0, 4), max_size=3))
def test_a_volume_serves_one_claim_that_it_suits(volumes: list[Any], claims: list[Any], gone: list[int]) -> None:
    there = [volume(f"v{i}", size, modes, name) for i, (size, modes, name) in enumerate(volumes)]
    world = cluster(*there, *[claim(f"c{i}", *wish) for i, wish in enumerate(claims)], seconds=1)
    for number in gone:
        api.delete(world, key(CLAIM, f"c{number}"), "user")
        world.run_for(SECOND_US)
    held = {c.key.name: c.status.volume for c in world.store.list(CLAIM) if c.status.phase == "Bound"}
    assert len(set(held.values())) == len(held)
    for name, found in held.items():
        (size, modes, kind), (room, able, of) = claims[int(name[1:])], volumes[int(found[1:])]
        assert (_GIB[size] <= _GIB[room], set(modes) <= set(able), kind) == (True, True, of)
        assert find(world, found).status.claim == ("default", name)
    waiting = [c for c in world.store.list(CLAIM) if c.status.phase == "Pending"]
    free = [v for v in world.store.list(VOLUME) if v.status is None or v.status.phase == "Available"]
    for c in waiting:
        size, modes, kind = claims[int(c.key.name[1:])]
        for v in free:
            room, able, of = volumes[int(v.key.name[1:])]
            assert not (_GIB[size] <= _GIB[room] and set(modes) <= set(able) and kind == of)


@pytest.mark.parametrize("late", [True, False])
def test_who_makes_a_volume_is_asked_and_answers(late: bool) -> None:
    world = cluster(storage_class(late=late), claim(), user(), seconds=30)
    (made,) = world.store.list(VOLUME)
    assert (
        told(world).items()
        >= {
            "Provisioning": 'External provisioner is provisioning volume for claim "default/c"',
            "ProvisioningSucceeded": f"Successfully provisioned volume {made.key.name}",
        }.items()
    )
    assert "csi.example.org" in told(world)["ExternalProvisioning"]


@pytest.mark.parametrize("late", [True, False])
def test_no_volume_is_made_for_a_claim_that_chooses_by_labels(late: bool) -> None:
    chosen = volume("v")
    chosen["metadata"]["labels"] = {"a": "b"}
    choosy = claim(selector={"matchLabels": {"a": "b"}})
    world = cluster(storage_class(late=late), choosy, user(), seconds=30)
    assert world.store.list(VOLUME) == []
    failed = 'failed to provision volume with StorageClass "disk": claim Selector is not supported'
    assert late or told(world)["ProvisioningFailed"] == failed
    api.put(world, chosen, "user")
    world.run_for(60 * SECOND_US)
    assert bound(world) == "v"


def test_a_claim_says_which_pods_it_waits_for() -> None:
    nowhere = {"nodeSelector": {"a": "b"}}
    world = cluster(storage_class(late=True), claim(), user("w", replicas=1, **nowhere), seconds=14)
    assert "WaitForPodScheduled" not in told(world)
    world.run_for(2 * SECOND_US)
    (first,) = world.store.list("Pod")
    assert told(world)["WaitForPodScheduled"] == f"waiting for pod {first.key.name} to be scheduled"
    api.put(world, user("v", replicas=1, **nowhere), "user")
    world.run_for(16 * SECOND_US)
    both = ",".join(pod.key.name for pod in world.store.list("Pod"))
    messages = {e.message for e in world.cluster.events.values() if e.reason == "WaitForPodScheduled"}
    assert f"waiting for pods {both} to be scheduled" in messages
    manual = cluster(storage_class(provisioner="kubernetes.io/no-provisioner"), claim(), user(), seconds=30)
    assert (get(manual, CLAIM, "c").status.phase, "WaitForPodScheduled" in told(manual)) == ("Pending", False)
    placed = cluster(storage_class(late=True), claim(), user(), seconds=30)
    api.put(placed, user("late", **nowhere), "user")
    placed.run_for(30 * SECOND_US)
    assert "WaitForPodScheduled" not in told(placed)
