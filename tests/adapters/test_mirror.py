"""The mirror says of live objects what the world they were read from says of its own."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_sim.adapters.kubernetes.mirror import mirror
from stratus_sim.cluster import pods
from stratus_sim.cluster.objects import Resource
from stratus_sim.telemetry.severity import components
from stratus_sim.world import World
from tests.adapters.served import Live
from tests.transaction import small

ROOM = {"requests": {"cpu": "250m", "memory": "100Mi"}}


def workload(kind: str, name: str, replicas: int, **container: Any) -> dict[str, Any]:
    labels = {"app": name}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": name, "image": "shop/web:1", "resources": ROOM} | container]},
    }
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    metadata = {"name": name, "namespace": small.NAMESPACE}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec}


def busy(shop: Live) -> World:
    """Stateful pods, pods without room or image, one that has ended, one that is going, a lost node, a change of this
    instant, and three revisions, the oldest of which is rolled out to again."""
    shop.put(workload("StatefulSet", "db", 2))
    shop.put(workload("Deployment", "big", 1, resources={"requests": {"cpu": "90"}}))
    bare = {"activeDeadlineSeconds": 5, "containers": [{"name": "once", "image": "shop/web:1", "resources": ROOM}]}
    shop.put({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "once", "namespace": "shop"}, "spec": bare})
    for image in ("shop/web:2", "shop/web:3", "shop/web:2"):
        shop.put(workload("Deployment", "api", 3, image=image))
        shop.server.advance(20)
    with shop.server.touching() as world:
        world.schedule(0, "node.crash", "node-1")
    shop.server.advance(60)
    shop.put(workload("Deployment", "api", 4, image="shop/web:9"))
    with shop.server.touching() as world:
        world.store.mark_deleting(world.store.list("Pod")[0].key)
        return world


def told(world: World, found: Resource) -> Any:
    status: Any = found.status
    if found.key.kind == "Pod":
        ended = pods.ended(found)
        return (
            ended or (status.phase, status.state == "running", status.ready, status.ip),
            status.node,
            found.deleting,
            found.owner,
        )
    if found.key.kind == "Node":
        capacity = status.capacity_millicores, status.capacity_mib
        return status.ready, status.millicores, status.memory_mib, status.weight, capacity
    if found.key.kind == "Deployment":
        seen = status.observed == found.generation
        return seen, status.current, status.revision, status.replicas, status.updated, status.ready
    return status.replicas, status.ready, getattr(status, "revision", 0), found.owner


def test_the_mirror_of_a_busy_cluster_is_that_cluster(shop: Live) -> None:
    world = busy(shop)
    mirrored = mirror(shop.cluster().objects, world.application)
    for kind in ("Node", "Pod", "Deployment", "ReplicaSet", "StatefulSet"):
        shown = {found.key: told(mirrored, found) for found in mirrored.store.list(kind)}
        assert shown == {found.key: told(world, found) for found in world.store.list(kind)}
    assert components(mirrored) == components(world) > 1000
    assert any(pods.ended(pod) for pod in mirrored.store.list("Pod"))


def test_a_template_is_as_its_deployment_wrote_it(shop: Live) -> None:
    sets = mirror(shop.cluster().objects, shop.server.world.application).store.list("ReplicaSet")
    assert [found.manifest["spec"]["template"]["metadata"]["labels"] for found in sets] == [{"app": "web"}]


@pytest.mark.parametrize("status", [None, {}])
def test_what_a_status_leaves_out_is_nothing(status: dict[str, Any] | None) -> None:
    """Servers leave zeros out, and of an object that has just been made there is no status at all."""
    kinds = ("Deployment", "ReplicaSet", "StatefulSet")
    found = [workload(kind, "new", 1) | {"status": status} for kind in kinds]
    mirrored = mirror(found, small.world().application)
    for kind in kinds:
        (made,) = mirrored.store.list(kind)
        assert (made.status.replicas, made.status.ready, getattr(made.status, "revision", 0)) == (0, 0, 0)
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "shop"}}
    waiting = pod | {"spec": {"nodeName": "n", "containers": [{"name": "a", "resources": ROOM}]}, "status": status}
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}, "status": status}
    mirrored = mirror([waiting, node], small.world().application)
    ((one,), (at,)) = (mirrored.store.list(kind) for kind in ("Pod", "Node"))
    assert (one.status.phase, one.status.ready, one.status.ip, one.status.node) == ("Pending", False, "", "n")
    assert (at.status.ready, at.status.millicores, at.status.capacity_millicores) == (False, 250, 8000)
