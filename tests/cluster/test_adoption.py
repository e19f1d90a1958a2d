"""Pods and ReplicaSets change hands by their labels, as in a cluster: quarantined, taken in, left behind and found."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_sim.cluster import api
from stratus_sim.cluster.actions import Action, effects
from stratus_sim.cluster.merge import strategic_merge
from stratus_sim.cluster.objects import Resource
from stratus_sim.cluster.workloads.deployment import history
from stratus_sim.kernel import SECOND_US
from stratus_sim.world import World
from tests.cluster.workloads import cluster, get, job, key, members, ready, reasons, retemplate, template, workload

Json = dict[str, Any]
KEEPERS = ["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"]


def label(world: World, pod: Resource, **labels: str | None) -> None:
    found = world.store.state.objects[pod.key].manifest
    api.put(world, strategic_merge(found, {"metadata": {"labels": labels}}), "user")


def made(kind: str, **spec: Any) -> World:
    return cluster(workload(kind, **({} if kind == "DaemonSet" else {"replicas": 3}), **spec), seconds=60)


def bare(name: str, **labels: str) -> Json:
    metadata = {"name": name, "namespace": "default", "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template()["spec"]}


@pytest.mark.parametrize("kind", ["Deployment", "ReplicaSet", "DaemonSet"])
def test_a_pod_whose_label_is_taken_off_is_let_go_and_replaced_and_taken_in_again_with_it(kind: str) -> None:
    world = made(kind)
    suspect = members(world, kind)[0]
    label(world, suspect, app=None)
    world.run_for(60 * SECOND_US)
    now = get(world, "Pod", suspect.key.name)
    assert (now.owner, now.uid, now.status.ready) == (None, suspect.uid, True)
    assert ready(world, kind) == len(members(world, kind)) == 3
    label(world, suspect, app="w")
    world.run_for(60 * SECOND_US)
    assert len(world.store.list("Pod")) == len(members(world, kind)) == 3


def test_pods_of_a_deployment_bear_the_hash_that_tells_its_sets_apart() -> None:
    world = made("Deployment")
    retemplate(world, "Deployment", 1)
    world.run_for(60 * SECOND_US)
    sets = world.store.owned(key("Deployment"))
    marks = [found.labels["pod-template-hash"] for found in sets]
    assert [found.key.name for found in sets] == [f"w-{mark}" for mark in marks] and len({*marks}) == 2
    for found, mark in zip(sets, marks, strict=True):
        assert found.spec.selector.match_labels == {"app": "w", "pod-template-hash": mark}
        assert {pod.labels["pod-template-hash"] for pod in members(world, "ReplicaSet", found.key.name)} <= {mark}
    label(world, members(world, "Deployment")[0], **{"pod-template-hash": marks[0]})
    world.run_for(60 * SECOND_US)
    assert ready(world, "Deployment") == len(world.store.list("Pod")) == 3


@pytest.mark.parametrize("kind", KEEPERS)
def test_what_a_controller_leaves_behind_its_successor_takes_in_untouched(kind: str) -> None:
    world = made(kind)
    before, manifest = {pod.uid for pod in members(world, kind)}, get(world, kind).manifest
    api.delete(world, key(kind), "user", "Orphan")
    world.run_for(60 * SECOND_US)
    assert (world.store.get(key(kind)), {pod.uid for pod in world.store.list("Pod")}) == (None, before)
    api.put(world, manifest, "user")
    world.run_for(60 * SECOND_US)
    assert {pod.uid for pod in world.store.list("Pod")} == {pod.uid for pod in members(world, kind)} == before
    assert get(world, kind).status.ready == 3
    assert not [found for found in world.store.list("ControllerRevision") if found.owner is None]


def test_a_bare_pod_is_taken_in_by_whose_selector_it_matches_and_surplus_goes() -> None:
    world = made("ReplicaSet")
    api.put(world, bare("mine", app="w"), "user")
    api.put(world, bare("stranger", app="x"), "user")
    world.run_for(60 * SECOND_US)
    assert len(members(world, "ReplicaSet")) == 3
    names = {pod.key.name for pod in world.store.list("Pod")}
    assert "mine" not in names and "stranger" in names


def test_a_pod_like_those_of_a_deployment_is_not_its_own_without_the_hash() -> None:
    world = made("Deployment")
    api.put(world, bare("mine", app="w"), "user")
    world.run_for(60 * SECOND_US)
    assert (len(world.store.list("Pod")), len(members(world, "Deployment"))) == (4, 3)


def test_a_stateful_set_cannot_replace_a_pod_whose_name_is_taken() -> None:
    world = made("StatefulSet")
    label(world, get(world, "Pod", "w-1"), app="x")
    world.run_for(60 * SECOND_US)
    assert (get(world, "Pod", "w-1").owner, len(members(world, "StatefulSet"))) == (None, 2)
    events = [e.message for e in world.cluster.events.values() if e.reason == "FailedCreate"]
    assert events == ['create Pod w-1 in StatefulSet w failed error: pods "w-1" already exists']
    api.delete(world, key("Pod", "w-1"), "user")
    world.run_for(1000 * SECOND_US)
    assert ready(world, "StatefulSet") == 3


def test_a_stateful_set_takes_in_only_pods_with_names_of_its_own() -> None:
    world = cluster(bare("w-0", app="w"), bare("v-1", app="w"), workload("StatefulSet", replicas=2), seconds=60)
    assert [pod.key.name for pod in members(world, "StatefulSet")] == ["w-0", "w-1"]
    assert get(world, "Pod", "v-1").owner is None


def test_a_job_replaces_a_pod_it_no_longer_knows() -> None:
    world = cluster(job(command="sleep 30"), seconds=10)
    label(world, members(world, "Job")[0], **{"batch.kubernetes.io/controller-uid": None})
    world.run_for(60 * SECOND_US)
    assert (get(world, "Job").status.succeeded, reasons(world, "Job").count("SuccessfulCreate")) == (1, 2)
    assert len(world.store.list("Pod")) == 2


@pytest.mark.parametrize(("kind", "name"), [("ReplicaSet", "late"), ("StatefulSet", "w-0")])
def test_one_that_is_on_its_way_out_is_not_taken_in(kind: str, name: str) -> None:
    world = cluster(bare(name, app="w"), seconds=60)
    api.delete(world, key("Pod", name), "user")
    api.put(world, workload(kind, replicas=1), "user")
    world.run_for(0)
    assert get(world, "Pod", name).owner is None
    world.run_for(60 * SECOND_US)
    assert len(members(world, kind)) == len(world.store.list("Pod")) == 1


def test_an_undone_rollout_gives_the_template_back_as_it_was_written() -> None:
    world = made("Deployment")
    before = get(world, "Deployment").manifest["spec"]["template"]
    retemplate(world, "Deployment", 1)
    world.run_for(60 * SECOND_US)
    ((_, manifest),) = ((w.key, w.after) for w in effects(world, Action("rollout-undo", "Deployment/w", {})))
    assert manifest is not None and manifest["spec"]["template"] == before
    api.put(world, manifest, "user")
    world.run_for(60 * SECOND_US)
    assert [found.spec.replicas for found in history(world, key("Deployment"))] == [0, 3]
