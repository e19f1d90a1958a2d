"""Volumes that one node may have at a time: how long attaching takes, and who waits for whom."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_sim.cluster import api
from stratus_sim.kernel import SECOND_US
from tests.application.mesh import mesh
from tests.cluster.test_kubelet import messages, node, only, placed, pods, put, web


def claim(*modes: str) -> dict[str, Any]:
    size = {"resources": {"requests": {"storage": "1Gi"}}}
    spec = {"accessModes": [*modes], "volumeName": "pv-x", "storageClassName": "", **size}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "x"}, "spec": spec}


def volume(*modes: str, kind: str = "csi") -> dict[str, Any]:
    spec = {"accessModes": [*modes], "capacity": {"storage": "1Gi"}, kind: {}}
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "pv-x"}, "spec": spec}


def using(replicas: int, **pod: Any) -> dict[str, Any]:
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": "x"}}]
    spread = {"resources": {"requests": {"cpu": "600m"}}}  # two do not fit on one node
    return placed(web(replicas, **spread), volumes=volumes, **pod)


ROOM = {"cpu": "1", "memory": "1Gi"}


@pytest.mark.parametrize(("mode", "serving"), [("ReadWriteOnce", 1), ("ReadWriteMany", 2)])
def test_a_second_node_waits_for_a_volume_only_one_may_have(mode: str, serving: int) -> None:
    world = put(mesh(extra=[node("n1", ROOM), node("n2", ROOM)]), volume(mode), claim(mode), using(2), seconds=60)
    assert len({p.status.node for p in pods(world)}) == 2
    assert sum(p.status.ready for p in pods(world)) == serving
    user = [p.key.name for p in pods(world) if p.status.ready]
    said = f'Multi-Attach error for volume "pv-x" Volume is already used by pod(s) {user[0]}'
    assert messages(world, "FailedAttachVolume") == ([said] if mode == "ReadWriteOnce" else [])


def test_the_volume_comes_over_when_the_pod_that_has_it_is_gone() -> None:
    world = put(
        mesh(extra=[node("n1", ROOM), node("n2", ROOM)]),
        volume("ReadWriteOnce"),
        claim("ReadWriteOnce"),
        using(2),
        seconds=60,
    )
    (first,) = [p for p in pods(world) if p.status.ready]
    api.put(world, using(1), "test")
    api.delete(world, first.key, "test")
    world.run_for(400 * SECOND_US)
    assert sum(p.status.ready for p in pods(world)) == 1
    assert len(world.kernel.timers) == 0


def test_attaching_takes_its_time_and_is_told() -> None:
    world = put(mesh(), volume("ReadWriteOnce"), claim("ReadWriteOnce"), using(1), seconds=1)
    assert messages(world, "SuccessfulAttachVolume") == [] and not only(world).status.ready
    world.run_for(20 * SECOND_US)
    assert messages(world, "SuccessfulAttachVolume") == ['AttachVolume.Attach succeeded for volume "pv-x"']
    assert only(world).status.ready


@pytest.mark.parametrize("kind", ["nfs", "hostPath", "local"])
def test_what_is_no_disk_is_not_attached(kind: str) -> None:
    there = volume("ReadWriteOnce", kind=kind)
    world = put(mesh(extra=[node("n1", ROOM), node("n2", ROOM)]), there, claim("ReadWriteOnce"), using(2), seconds=60)
    assert sum(p.status.ready for p in pods(world)) == 2
    assert messages(world, "SuccessfulAttachVolume") == messages(world, "FailedAttachVolume") == []


@pytest.mark.parametrize(
    ("kind", "source", "data", "said"),
    [
        ("ConfigMap", {"configMap": {"name": "x"}}, None, 'configmap "x" not found'),
        ("Secret", {"secret": {"secretName": "x"}}, None, 'secret "x" not found'),
        ("ConfigMap", {"configMap": {"name": "x", "items": [{"key": "k", "path": "f"}]}}, {"j": ""},
         "configmap references non-existent config key: k"),
        ("Secret", {"secret": {"secretName": "x", "items": [{"key": "k", "path": "f"}]}}, {"j": ""},
         "references non-existent secret key: k"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("optional", [False, True])
def test_what_a_mount_lacks_is_told_and_the_pod_starts_once_it_is_there(
    kind: str, source: dict[str, Any], data: dict[str, str] | None, said: str, optional: bool
) -> None:
    (field,) = source
    volume = {"name": "v", field: {**source[field], **({"optional": True} if optional else {})}}
    there = {"apiVersion": "v1", "kind": kind, "metadata": {"name": "x"}}
    world = put(mesh(), *([] if data is None else [{**there, "data": data}]), placed(web(), volumes=[volume]))
    if optional:
        assert only(world).status.ready and messages(world, "FailedMount") == []
        return
    assert messages(world, "FailedMount") == [f'MountVolume.SetUp failed for volume "v" : {said}']
    put(world, {**there, "data": {"k": ""}})
    assert only(world).status.ready
