"""Claims that ask for more: who may, how the volume and its file system follow, and what is said on the way."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_sim.cluster import api
from stratus_sim.cluster.admission.registry import Denied
from stratus_sim.kernel import SECOND_US
from stratus_sim.serve.showing import View
from stratus_sim.telemetry.render import render
from stratus_sim.world import World
from tests.cluster.test_admission_quota import quota
from tests.cluster.test_volumes_binder import CLAIM, Json, bound, claim, find, storage_class, told, user, volume
from tests.cluster.workloads import change, cluster, get, reasons

ROOMY = storage_class(allowVolumeExpansion=True)


def ask(world: World, size: str, name: str = "c", **spec: Any) -> None:
    change(world, CLAIM, name, resources={"requests": {"storage": size}}, **spec)


def refusal(world: World, size: str = "1Gi", **spec: Any) -> str:
    with pytest.raises(Denied) as refused:
        ask(world, size, **spec)
    return str(refused.value)


def shown(world: World) -> Json:
    """The status of the claim as the API server returns it, times left out."""
    status: Json = render(world, get(world, CLAIM, "c"))["status"]
    conditions = [(c["type"], c["message"]) for c in status.pop("conditions", ())]
    names = ("capacity", "allocatedResources", "allocatedResourceStatuses")
    return {**{name: status[name]["storage"] for name in names if name in status}, "conditions": conditions}


def test_a_mounted_volume_grows_and_then_its_file_system() -> None:
    world = cluster(ROOMY, claim(), user(), seconds=60)
    ask(world, "3Gi")
    asked = {"capacity": "1Gi", "allocatedResources": "3Gi"}
    resizing = {"conditions": [("Resizing", "")], "allocatedResourceStatuses": "ControllerResizeInProgress"}
    assert shown(world) == {**asked, **resizing}
    while get(world, CLAIM, "c").status.growing == "Resizing":
        world.run_for(SECOND_US)
    assert find(world, bound(world)).spec.capacity == {"storage": "3Gi"}
    pending = "Waiting for user to (re-)start a pod to finish file system resize of volume on node."
    both = [("Resizing", ""), ("FileSystemResizePending", pending)]
    assert shown(world) == {**asked, "conditions": both, "allocatedResourceStatuses": "NodeResizePending"}
    world.run_for(100 * SECOND_US)
    assert shown(world) == {"capacity": "3Gi", "conditions": []}
    (pod,) = world.store.list("Pod")
    grown = f'MountVolume.NodeExpandVolume succeeded for volume "{bound(world)}" {pod.status.node}'
    assert (
        told(world).items()
        >= {
            "ExternalExpanding": "waiting for an external controller to expand this PVC",
            "Resizing": f"External resizer is resizing volume {bound(world)}",
            "FileSystemResizeRequired": "Require file system resize of volume on node",
            "FileSystemResizeSuccessful": grown,
        }.items()
    )
    assert "FileSystemResizeSuccessful" in reasons(world, "Pod", pod.key.name)


def test_a_file_system_nobody_mounts_waits_for_a_pod() -> None:
    world = cluster(ROOMY, claim(), seconds=20)
    ask(world, "3Gi")
    world.run_for(500 * SECOND_US)
    assert shown(world)["conditions"][1][0] == "FileSystemResizePending"
    api.put(world, user(), "user")
    world.run_for(10 * SECOND_US)
    assert shown(world) == {"capacity": "3Gi", "conditions": []}


def test_a_file_system_does_not_grow_on_a_node_that_is_lost() -> None:
    world = cluster(ROOMY, claim(), user(), seconds=60)
    (pod,) = world.store.list("Pod")
    world.schedule(0, "node.crash", pod.status.node)
    ask(world, "3Gi")
    world.run_for(200 * SECOND_US)
    assert shown(world)["conditions"][1][0] == "FileSystemResizePending"


def test_a_block_device_has_no_file_system_to_wait_for() -> None:
    world = cluster(ROOMY, claim(volumeMode="Block"), seconds=20)
    ask(world, "3Gi")
    world.run_for(20 * SECOND_US)
    assert shown(world) == {"capacity": "3Gi", "conditions": []}
    assert told(world)["VolumeResizeSuccessful"] == "Resize volume succeeded"


def test_who_asks_for_more_on_the_way_gets_that_too() -> None:
    world = cluster(ROOMY, claim(), user(), seconds=60)
    ask(world, "3Gi")
    world.run_for(12 * SECOND_US)
    ask(world, "5Gi")
    assert shown(world)["capacity"] == "1Gi"
    assert find(world, bound(world)).spec.capacity == {"storage": "3Gi"}
    world.run_for(300 * SECOND_US)
    assert (shown(world), find(world, bound(world)).spec.capacity) == (
        {"capacity": "5Gi", "conditions": []}, {"storage": "5Gi"}
    )  # fmt: skip
    ask(world, "6Gi")
    assert shown(world)["conditions"] == [("Resizing", "")], "it begins anew"


@pytest.mark.parametrize("allowed", [{}, {"allowVolumeExpansion": False}])
def test_a_class_has_to_let_its_claims_grow(allowed: Json) -> None:
    world = cluster(storage_class(**allowed), claim(), seconds=20)
    assert refusal(world, "3Gi") == (
        'persistentvolumeclaims "c" is forbidden: only dynamically provisioned pvc can be resized and the storageclass '
        "that provisions the pvc must support resize"
    )


def test_no_claim_shrinks_below_what_it_has_but_an_expansion_may_be_cut_short() -> None:
    world = cluster(ROOMY, claim(), seconds=20)
    smaller = 'PersistentVolumeClaim "c" is invalid: spec.resources.requests.storage: Forbidden: field can not be less'
    assert refusal(world, "512Mi") == f"{smaller} than status.capacity"
    ask(world, "9Gi")
    ask(world, "2Gi")
    world.run_for(60 * SECOND_US)
    assert find(world, bound(world)).spec.capacity == {"storage": "2Gi"}
    assert refusal(world, "1Gi") == f"{smaller} than status.capacity"


@pytest.mark.parametrize(
    "changed", [{"accessModes": ["ReadWriteMany"]}, {"storageClassName": "tape"}, {"volumeName": "other"}]
)
def test_nothing_else_of_a_claim_can_be_changed(changed: Json) -> None:
    world = cluster(ROOMY, claim(), seconds=20)
    assert refusal(world, **changed) == (
        'PersistentVolumeClaim "c" is invalid: spec: Forbidden: spec is immutable after creation except '
        "resources.requests and volumeAttributesClassName for bound claims"
    )


def test_a_claim_that_waits_can_name_a_volume_and_a_class_once_and_ask_for_no_more() -> None:
    waiting = claim(storage="tape")
    del waiting["spec"]["storageClassName"]
    world = cluster(storage_class("tape"), volume("small", storage="tape", size="512Mi"), waiting, seconds=1)
    assert "spec is immutable" in refusal(world, "2Gi")
    ask(world, "1Gi", storageClassName="tape")
    ask(world, "1Gi", volumeName="small")
    assert "spec is immutable" in refusal(world, storageClassName="disk")
    assert "spec is immutable" in refusal(world, volumeName="other")


def test_a_claim_may_be_written_back_as_it_is_shown() -> None:
    world = cluster(ROOMY, claim(), seconds=20)
    body = View(world).show(get(world, CLAIM, "c"))
    api.put(
        world,
        {**body, "spec": {**body["spec"], "volumeMode": "Filesystem", "resources": {"requests": {"storage": "2Gi"}}}},
        "user",
    )
    world.run_for(60 * SECOND_US)
    assert find(world, bound(world)).spec.capacity == {"storage": "2Gi"}


def test_a_quota_on_storage_counts_what_a_claim_grows_by() -> None:
    world = cluster(ROOMY, claim(), quota(requests_storage="2Gi"), seconds=20)
    assert refusal(world, "3Gi") == (
        'persistentvolumeclaims "c" is forbidden: exceeded quota: q, requested: requests.storage=2Gi, '
        "used: requests.storage=1Gi, limited: requests.storage=2Gi"
    )
    ask(world, "2Gi")
    assert get(world, "ResourceQuota", "q").status.used["requests.storage"] == 1000 * (2 << 30)
