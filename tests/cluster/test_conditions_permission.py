"""Which condition an action has: by the object it writes, whatever else it says."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_sim.cluster import api, conditions
from stratus_sim.cluster.actions import Action, InvalidAction, effects
from stratus_sim.cluster.configuration import Manifest
from stratus_sim.kernel import SECOND_US
from stratus_sim.world import World
from tests.cluster.asking import cordon, manifest, of
from tests.cluster.workloads import change, cluster, get, key, workload

MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "default"}, "data": {"a": "b"}}


def permitted(world: World, action: Action, begun: Manifest | None = None) -> bool:
    return conditions.permitted(world, action, effects(world, action), lambda _key: begun)


def test_an_action_without_a_condition_is_permitted() -> None:
    assert permitted(cluster(MAP), Action("patch", "configmap/c", {"patch": {"data": {"a": "c"}}}))


@pytest.mark.parametrize("verb", ["apply", "create", "replace"])
def test_a_verb_that_stores_a_manifest_is_known_by_it_whatever_its_target_says(verb: str) -> None:
    assert conditions.subject(Action(verb, "deployment/w", {"manifest": MAP})) == key("ConfigMap", "c")
    for none in (None, "text", {"kind": "ConfigMap"}):
        with pytest.raises(InvalidAction, match="manifest"):
            conditions.subject(Action(verb, "deployment/w", {"manifest": none}))


@pytest.mark.parametrize("aside", [{}, {"manifest": {}}, {"manifest": MAP}])
def test_an_argument_its_verb_does_not_know_frees_no_action_of_its_condition(aside: dict[str, Any]) -> None:
    world = cluster(workload("Deployment", replicas=2), seconds=60)
    for least, free in ((1, False), (2, True)):
        action = Action("autoscale", "deployment/w", {"min": least, "max": 2, **aside})
        assert conditions.subject(action) == key("Deployment")
        assert permitted(world, action) is free


def test_a_manifest_is_looked_at_under_its_own_name() -> None:
    world = cluster(workload("Deployment", replicas=2), MAP, seconds=60)
    applied = Action("apply", "configmap/c", {"manifest": manifest(world, "Deployment", replicas=1)})
    assert permitted(world, applied)
    cordon(world)
    assert not permitted(world, applied)


def test_a_drain_takes_all_who_can_be_moved_and_another_change_of_a_node_those_it_sends_away() -> None:
    world = cluster(workload("Deployment", replicas=2), nodes=1, seconds=60)
    assert permitted(world, Action("label", "node/n0", {"labels": {"a": "b"}}))
    assert not permitted(world, Action("drain", "node/n0"))


def test_what_undo_puts_back_is_what_there_was_when_the_transaction_began_or_else_what_is_found() -> None:
    world = cluster(workload("Deployment", replicas=2), seconds=60)
    running = get(world, "Deployment").manifest
    change(world, "Deployment", paused=True, template=of(image="w:2"))
    world.run_for(SECOND_US)
    resumed = Action("rollout-resume", "deployment/w")
    assert not permitted(world, resumed), "somebody else has paused it"
    assert permitted(world, resumed, running)


def test_a_condition_nobody_evaluates_does_not_hold() -> None:
    assert not conditions.holds(cluster(MAP), "a name nobody evaluates", key("ConfigMap", "c"))


def test_finalizers_run_on_deletion() -> None:
    world = cluster(MAP)
    assert conditions.holds(world, "no_finalizers", key("ConfigMap", "c"))
    api.put(world, {**MAP, "metadata": {**MAP["metadata"], "finalizers": ["f"]}}, "user")  # type: ignore[dict-item]
    assert not conditions.holds(world, "no_finalizers", key("ConfigMap", "c"))
    assert not conditions.holds(world, "no_finalizers", key("ConfigMap", "none"))
