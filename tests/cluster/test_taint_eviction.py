"""How long pods stay on nodes with NoExecute taints, and on nodes that do not answer."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_sim.cluster import api, nodes
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.kernel import SECOND_US
from stratus_sim.world import World
from tests.cluster.workloads import cluster, node

LOST = "node.kubernetes.io/unreachable"
TAINT = {"key": "gone", "value": "soon", "effect": "NoExecute"}


def toleration(seconds: int | None = None, key: str = "gone", **fields: Any) -> dict[str, Any]:
    timed = {} if seconds is None else {"effect": "NoExecute", "tolerationSeconds": seconds}
    return {"key": key, "operator": "Exists", **timed, **fields}


def pod(*tolerations: dict[str, Any], on: str = "n0") -> dict[str, Any]:
    spec = {"containers": [{"name": "c", "image": "w:1"}], "nodeSelector": {"kubernetes.io/hostname": on}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p"},
        "spec": {**spec, "tolerations": [*tolerations]},
    }


def there(world: World) -> bool:
    found = world.store.get(ObjectKey("Pod", "default", "p"))
    return found is not None and not found.deleting


def gone_after(world: World, at_most_s: int) -> int | None:
    """Whole seconds until the pod is told to go, None when it stays."""
    for second in range(at_most_s):
        if not there(world):
            return second
        world.run_for(SECOND_US)
    return None


def joined(world: World) -> World:
    """With another node, as nobody leaves a cluster that is lost as a whole."""
    api.put(world, node("another"), "user")
    return world


def tainted(world: World, *taints: dict[str, Any]) -> World:
    api.put(world, node("n0", taints=[*taints]), "user")
    return world


@pytest.mark.parametrize(
    ("tolerations", "seconds"),
    [
        ([], 0),
        ([toleration(40)], 40),
        ([toleration(90), toleration(25, effect="NoExecute")], 25),
        ([toleration(40), toleration()], 40),
        ([toleration(-5)], 0),
        ([toleration()], None),
        ([toleration(40, key="other")], 0),
    ],
)
def test_a_pod_stays_as_long_as_it_tolerates_the_taint(tolerations: list[dict[str, Any]], seconds: int | None) -> None:
    world = tainted(cluster(pod(*tolerations), nodes=1, seconds=20), TAINT)
    assert gone_after(world, 200) == seconds
    said = [e.message for e in world.cluster.events.values() if e.reason == "TaintManagerEviction"]
    assert said == ([] if seconds is None else ["Marking for deletion Pod default/p"])


def test_a_taint_that_is_taken_off_and_put_on_again_starts_its_clock_anew() -> None:
    world = tainted(cluster(pod(toleration(60)), nodes=1, seconds=20), TAINT)
    world.run_for(50 * SECOND_US)
    tainted(world)
    world.run_for(5 * SECOND_US)
    tainted(world, TAINT)
    assert gone_after(world, 200) == 60


def test_a_taint_beside_another_leaves_the_first_clock_alone() -> None:
    world = tainted(cluster(pod(toleration(60), toleration(key="more")), nodes=1, seconds=20), TAINT)
    world.run_for(50 * SECOND_US)
    tainted(world, TAINT, {"key": "more", "effect": "NoExecute"})
    assert gone_after(world, 200) == 10


def test_a_pod_that_comes_to_such_a_node_stays_as_long() -> None:
    world = tainted(cluster(nodes=1), TAINT)
    world.run_for(500 * SECOND_US)
    api.put(world, pod(toleration(40)), "user")
    assert gone_after(world, 200) == 40


def test_a_clock_that_was_stopped_does_not_ring_for_an_older_taint() -> None:
    world = tainted(cluster(nodes=1), TAINT)
    world.run_for(500 * SECOND_US)
    api.put(world, pod(toleration(60), toleration(10, key="more")), "user")
    world.run_for(20 * SECOND_US)
    tainted(world, TAINT, {"key": "more", "effect": "NoExecute"})
    world.run_for(5 * SECOND_US)
    tainted(world, TAINT)
    assert gone_after(world, 200) == 35


def test_each_pod_of_a_lost_node_goes_in_its_own_time() -> None:
    hasty = {**pod(toleration(30, LOST)), "metadata": {"name": "hasty"}}
    world = joined(cluster(pod(), hasty, nodes=1, seconds=20))
    nodes.crash(world, "n0")
    world.run_for((50 + 100) * SECOND_US)
    assert there(world)
    found = world.store.get(ObjectKey("Pod", "default", "hasty"))
    assert found is not None and found.deleting


@pytest.mark.parametrize(
    ("tolerations", "seconds"), [([], 300), ([toleration(30, LOST)], 30), ([toleration(key=LOST)], None)]
)
def test_a_pod_stays_on_a_lost_node_for_five_minutes_or_as_it_says(
    tolerations: list[dict[str, Any]], seconds: int | None
) -> None:
    world = joined(cluster(pod(*tolerations), nodes=1, seconds=20))
    nodes.crash(world, "n0")
    world.run_for(50 * SECOND_US)
    assert gone_after(world, 700) == seconds


def test_a_node_that_is_back_in_between_is_tolerated_anew() -> None:
    world = joined(cluster(pod(toleration(60, LOST)), nodes=1, seconds=20))
    for _ in range(3):
        nodes.crash(world, "n0")
        world.run_for((40 + 50) * SECOND_US)
        nodes.restore(world, "n0")
        world.run_for(30 * SECOND_US)
    assert there(world)
