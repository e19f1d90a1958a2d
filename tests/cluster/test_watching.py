"""Who watches is told of what it asked for: coming and going always, in between only the changes it names."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from stratus_sim.cluster import api, pods, watching
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.watching import ANY, ENDED, LEAVING, NODE, READY, STANDING, STATUS, WRITTEN, watches
from stratus_sim.kernel import SECOND_US
from stratus_sim.world import World
from tests.cluster.workloads import change, cluster, members, node, workload

Heard = list[tuple[bool, bool]]


@pytest.fixture(autouse=True)
def _own_watches(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test registers is forgotten after it."""
    monkeypatch.setattr(watching, "_WATCHES", {kind: [*found] for kind, found in watching._WATCHES.items()})
    yield
    watching.AUDIENCES.clear()


def listen(of: int, kind: str = "Pod", owner: str = "") -> Heard:
    """Whether there was an object before, and after, for each change that was told."""
    heard: Heard = []

    @watches(kind, of=of, owner=owner)
    def hear(world: World, old: Resource | None, new: Resource | None) -> None:
        heard.append((old is not None, new is not None))

    return heard


LIFE = [(False, True), (True, False)]
CHANGE = (True, True)


@pytest.mark.parametrize(("of", "times"), [(NODE, 1), (READY, 1), (LEAVING, 1), (ENDED, 0), (NODE | READY, 2)])
def test_of_a_pod_s_life_a_watcher_hears_what_it_named(of: int, times: int) -> None:
    heard = listen(of)
    world = cluster(workload("Deployment", replicas=1), nodes=1, seconds=30)
    (pod,) = world.store.list("Pod")
    assert pod.status.ready
    change(world, "Deployment", replicas=0)
    world.run_for(60 * SECOND_US)
    assert not world.store.list("Pod")
    assert heard == [LIFE[0], *[CHANGE] * times, LIFE[1]]


def test_a_pod_that_ends_for_good_is_told_of_once_however_often_its_status_changes() -> None:
    ended, standing, status = listen(ENDED), listen(STANDING), listen(STATUS)
    world = cluster(workload("Deployment", replicas=1), nodes=1, seconds=30)
    (pod,) = world.store.list("Pod")
    for heard in (ended, standing, status):
        heard.clear()
    pods.update(world, pod, message="still there")
    assert (len(ended), len(standing), len(status)) == (0, 0, 1)
    pods.update(world, pod, phase="Failed", ready=False)
    assert (len(ended), len(standing), len(status)) == (1, 1, 2)


def test_a_written_manifest_is_no_status_and_the_other_way_round() -> None:
    written, status = listen(WRITTEN, "Node"), listen(STATUS, "Node")
    world = cluster(nodes=1)
    written.clear()
    status.clear()
    api.put(world, node("n0", unschedulable=True), "user")
    assert (written, status) == ([CHANGE], [])
    world.schedule(0, "node.crash", "n0")
    world.run_for(SECOND_US)
    assert written == [CHANGE]
    assert status


def test_only_objects_of_the_owners_asked_for_are_told_of() -> None:
    sets, daemons, everybody = listen(ANY, owner="ReplicaSet"), listen(ANY, owner="DaemonSet"), listen(ANY)
    world = cluster(workload("Deployment", replicas=2), nodes=1, seconds=30)
    assert len(sets) > 2
    assert sets == everybody
    assert len(members(world, "ReplicaSet", world.store.list("ReplicaSet")[0].key.name)) == 2
    assert daemons == []


def test_who_registers_late_hears_of_what_others_heard_of_before() -> None:
    world = cluster(workload("Deployment", replicas=1), nodes=1, seconds=30)
    heard = listen(READY)
    world.store.remove(ObjectKey("Pod", "default", world.store.list("Pod")[0].key.name))
    assert heard == [LIFE[1]]


def test_watchers_are_told_in_the_order_they_registered() -> None:
    order: list[int] = []
    for number in range(3):
        watches("Node")(lambda _world, _old, _new, number=number: order.append(number))
    cluster(nodes=1)
    assert order[:3] == [0, 1, 2]
