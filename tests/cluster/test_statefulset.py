"""StatefulSets: order, partitions, claims and revisions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stratus_sim.cluster import api
from stratus_sim.cluster.kubelet import pressure
from stratus_sim.cluster.workloads import revisions
from stratus_sim.kernel import SECOND_US
from stratus_sim.telemetry.render import render
from stratus_sim.world import World
from tests.cluster.workloads import (
    available,
    change,
    cluster,
    get,
    key,
    members,
    node,
    ready,
    reasons,
    retemplate,
    settled,
    template,
    workload,
)

KIND = "StatefulSet"
CLAIM = {"metadata": {"name": "data"}, "spec": {"resources": {"requests": {"storage": "1Gi"}}}}


def stateful(replicas: int, seconds: int = 60, **spec: Any) -> World:
    return cluster(workload(KIND, replicas=replicas, **spec), seconds=seconds)


def ordinals(world: World) -> list[int]:
    return sorted(int(pod.key.name.rpartition("-")[2]) for pod in members(world, KIND))


def rounds(world: World) -> dict[int, str]:
    """By ordinal, which template each pod is of."""
    marks = {
        p.key.name: (p.manifest["metadata"].get("annotations") or {}).get("round", "0") for p in members(world, KIND)
    }
    return {int(name.rpartition("-")[2]): mark for name, mark in marks.items()}


def claims(world: World) -> list[str]:
    return [found.key.name for found in world.store.list("PersistentVolumeClaim")]


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 5), st.integers(0, 4), st.integers(0, 3), st.integers(0, 9))
def test_no_pod_starts_before_the_one_below_is_ready(replicas: int, later: int, wait_s: int, seed: int) -> None:
    world = cluster(workload(KIND, replicas=replicas, minReadySeconds=wait_s), seed=seed)
    known: set[int] = set()
    for step, now in enumerate(settled(world, 60)):
        if step == 40:
            change(world, KIND, replicas=later)
        found = {pod.uid: pod for pod in members(now, KIND)}
        serving = {int(p.key.name.rpartition("-")[2]) for p in available(now, KIND, wait_s)}
        for pod in (found[uid] for uid in found.keys() - known):
            assert set(range(int(pod.key.name.rpartition("-")[2]))) <= serving
        known |= found.keys()
    assert ordinals(world) == list(range(get(world, KIND).spec.replicas))


def test_parallel_pods_start_at_once_and_go_at_once() -> None:
    world = stateful(4, seconds=0, podManagementPolicy="Parallel")
    world.run_for(0)
    assert ordinals(world) == [0, 1, 2, 3]
    world.run_for(30_000_000)
    change(world, KIND, replicas=1)
    world.run_for(0)
    assert ordinals(world) == [0]


def test_ordinals_may_start_elsewhere() -> None:
    world = stateful(2, ordinals={"start": 5})
    assert ordinals(world) == [5, 6]
    change(world, KIND, ordinals={"start": 6})
    world.run_for(60_000_000)
    assert ordinals(world) == [6, 7]


def test_a_partition_keeps_lower_ordinals_on_the_earlier_template_even_when_they_are_lost() -> None:
    world = stateful(4, updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 2}})
    retemplate(world, KIND, 1)
    world.run_for(90_000_000)
    assert rounds(world) == {0: "0", 1: "0", 2: "1", 3: "1"}
    for name in ("w-0", "w-3"):
        api.delete(world, key("Pod", name), "user")
    world.run_for(60_000_000)
    assert rounds(world) == {0: "0", 1: "0", 2: "1", 3: "1"}
    status = get(world, KIND).status
    assert (status.current_replicas, status.updated) == (2, 2)
    assert status.current != status.update
    change(world, KIND, updateStrategy=None)
    world.run_for(90_000_000)
    assert set(rounds(world).values()) == {"1"}
    assert get(world, KIND).status.current == get(world, KIND).status.update


def test_on_delete_waits_for_somebody_to_delete() -> None:
    world = stateful(2, updateStrategy={"type": "OnDelete"})
    retemplate(world, KIND, 1)
    world.run_for(60_000_000)
    assert rounds(world) == {0: "0", 1: "0"}
    api.delete(world, key("Pod", "w-1"), "user")
    world.run_for(60_000_000)
    assert rounds(world) == {0: "0", 1: "1"}


def test_a_broken_template_holds_up_its_own_repair_until_the_pod_is_deleted() -> None:
    world = stateful(2)
    retemplate(world, KIND, 1, nodeSelector={"none": "such"})
    world.run_for(60_000_000)
    retemplate(world, KIND, 2, nodeSelector={})
    world.run_for(60_000_000)
    assert rounds(world) == {0: "0", 1: "1"}
    api.delete(world, key("Pod", "w-1"), "user")
    world.run_for(90_000_000)
    assert rounds(world) == {0: "2", 1: "2"}
    assert ready(world, KIND) == 2


def test_each_pod_has_a_claim_that_outlives_it() -> None:
    world = stateful(3, volumeClaimTemplates=[CLAIM])
    assert claims(world) == ["data-w-0", "data-w-1", "data-w-2"]
    volumes = get(world, "Pod", "w-1").manifest["spec"]["volumes"]
    assert volumes == [{"name": "data", "persistentVolumeClaim": {"claimName": "data-w-1"}}]
    change(world, KIND, replicas=1)
    world.run_for(60_000_000)
    api.delete(world, key(KIND), "user")
    world.run_for(60_000_000)
    assert members(world, KIND) == []
    assert claims(world) == ["data-w-0", "data-w-1", "data-w-2"]


def owners(world: World) -> list[tuple[str, str]]:
    """Kind and name of the owner each claim shows, in order of the claims' names."""
    shown = [render(world, found)["metadata"] for found in world.store.list("PersistentVolumeClaim")]
    references = [one.get("ownerReferences") or [{"kind": "", "name": ""}] for one in shown]
    return [(found[0]["kind"], found[0]["name"]) for found in references]


NOBODY, THE_SET, THE_POD = ("", ""), (KIND, "w"), ("Pod", "w-1")


@pytest.mark.parametrize(
    ("policy", "standing", "leaving"),
    [
        (None, NOBODY, NOBODY),
        ({"whenDeleted": "Retain", "whenScaled": "Retain"}, NOBODY, NOBODY),
        ({"whenDeleted": "Delete"}, THE_SET, THE_SET),
        ({"whenScaled": "Delete"}, NOBODY, THE_POD),
        ({"whenDeleted": "Delete", "whenScaled": "Delete"}, THE_SET, THE_POD),
    ],
)
def test_a_claim_is_nobodys_unless_the_policy_gives_it_to_the_set_or_to_a_pod_that_is_scaled_away(
    policy: dict[str, str] | None, standing: tuple[str, str], leaving: tuple[str, str]
) -> None:
    world = stateful(2, volumeClaimTemplates=[CLAIM], persistentVolumeClaimRetentionPolicy=policy)
    assert owners(world) == [standing, standing]
    fork = world.fork()
    change(fork, KIND, replicas=1)
    fork.run_for(0)
    assert owners(fork) == [standing, leaving]
    change(fork, KIND, replicas=2)  # somebody thinks better of it while the pod ends
    fork.run_for(60_000_000)
    assert owners(fork) == [standing, standing]
    change(world, KIND, persistentVolumeClaimRetentionPolicy=None)
    world.run_for(0)
    assert owners(world) == [NOBODY, NOBODY]


def test_a_new_set_takes_the_claims_it_finds_as_its_policy_says() -> None:
    world = stateful(2, volumeClaimTemplates=[CLAIM])
    api.delete(world, key(KIND), "user")
    world.run_for(60_000_000)
    policy = {"whenDeleted": "Delete"}
    spec = {"replicas": 2, "volumeClaimTemplates": [CLAIM], "persistentVolumeClaimRetentionPolicy": policy}
    api.put(world, workload(KIND, **spec), "user")
    world.run_for(60_000_000)
    assert owners(world) == [THE_SET, THE_SET]


LATE = {"kubernetes.io/hostname": "late"}


def test_a_pod_that_has_not_started_has_its_claim_made_again() -> None:
    world = stateful(1, volumeClaimTemplates=[CLAIM], template=template(nodeSelector=LATE))
    before = get(world, "PersistentVolumeClaim", "data-w-0").uid
    api.delete(world, key("PersistentVolumeClaim", "data-w-0"), "user")
    world.run_for(0)
    assert get(world, "PersistentVolumeClaim", "data-w-0").uid != before
    api.put(world, node("late"), "user")
    world.run_for(60_000_000)
    assert ready(world, KIND) == 1


def test_a_claim_a_quota_refuses_keeps_its_pod_away() -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q", "namespace": "default"}}
    hard = {**quota, "spec": {"hard": {"persistentvolumeclaims": "1"}}}
    world = cluster(hard, workload(KIND, replicas=2, volumeClaimTemplates=[CLAIM]), seconds=60)
    assert (claims(world), [pod.key.name for pod in members(world, KIND)]) == (["data-w-0"], ["w-0"])
    assert "FailedCreate" in reasons(world, KIND)
    api.delete(world, key("ResourceQuota", "q"), "user")
    world.run_for(600_000_000)
    assert claims(world) == ["data-w-0", "data-w-1"]


def test_a_pod_that_waits_for_its_turn_keeps_its_claim() -> None:
    world = stateful(2, volumeClaimTemplates=[CLAIM], persistentVolumeClaimRetentionPolicy={"whenScaled": "Delete"})
    before = [found.uid for found in world.store.list("PersistentVolumeClaim")]
    for name in ("w-0", "w-1"):
        api.delete(world, key("Pod", name), "user")
    world.run_for(60_000_000)
    assert ready(world, KIND) == 2
    assert [found.uid for found in world.store.list("PersistentVolumeClaim")] == before


@pytest.mark.parametrize(
    ("policy", "scaled", "deleted"),
    [({"whenScaled": "Delete"}, ["data-w-0"], ["data-w-0"]), ({"whenDeleted": "Delete"}, ["data-w-0", "data-w-1"], [])],
)
def test_claims_go_when_the_policy_says_so(policy: dict[str, str], scaled: list[str], deleted: list[str]) -> None:
    world = stateful(2, volumeClaimTemplates=[CLAIM], persistentVolumeClaimRetentionPolicy=policy)
    api.delete(world, key("Pod", "w-1"), "user")
    world.run_for(60_000_000)
    assert claims(world) == ["data-w-0", "data-w-1"]
    change(world, KIND, replicas=1)
    world.run_for(60_000_000)
    assert claims(world) == scaled
    api.delete(world, key(KIND), "user")
    world.run_for(60_000_000)
    assert claims(world) == deleted


def test_the_newest_revisions_are_kept() -> None:
    world = stateful(1, revisionHistoryLimit=2)
    for number in (1, 2, 3, 4, 2):
        retemplate(world, KIND, number)
        world.run_for(60_000_000)
    kept = revisions.history(world, key(KIND))
    found = [
        revisions.template_of(world, get(world, KIND), r.key.name)["metadata"]["annotations"]["round"] for r in kept
    ]
    assert found == ["3", "4", "2"]


def test_in_order_nothing_else_happens_while_a_pod_that_failed_is_replaced() -> None:
    world = stateful(3)
    first, last = (get(world, "Pod", f"w-{number}") for number in (0, 2))
    pressure.evict(world, first, "")
    api.delete(world, last.key, "user", grace_s=0)
    world.run_for(1)
    assert ordinals(world) == [0, 1]
    world.run_for(60 * SECOND_US)
    assert ordinals(world) == [0, 1, 2]


def test_a_pod_that_failed_is_deleted_like_any_other() -> None:
    world = stateful(1)
    pressure.evict(world, get(world, "Pod", "w-0"), "")
    world.run_for(60 * SECOND_US)
    assert ready(world, KIND) == 1
    assert [reason for reason in reasons(world, KIND) if reason != "SuccessfulCreate"] == ["SuccessfulDelete"]


def test_parallel_pods_wait_for_nobody_but_the_ones_that_ail() -> None:
    """Nor for `minReadySeconds` in a roll-out: the controller asks there who is ready, not who is available."""
    world = stateful(3, podManagementPolicy="Parallel", minReadySeconds=600)
    pressure.evict(world, get(world, "Pod", "w-0"), "")
    change(world, KIND, replicas=2)
    world.run_for(1)
    assert ordinals(world) == [0, 1]
    world.run_for(60 * SECOND_US)
    retemplate(world, KIND, 1)
    world.run_for(60 * SECOND_US)
    assert rounds(world) == {0: "1", 1: "1"}


def test_in_order_a_pod_goes_once_it_has_been_available_unless_it_ails() -> None:
    world = stateful(2, minReadySeconds=30, seconds=70)
    api.delete(world, get(world, "Pod", "w-1").key, "user", grace_s=0)
    world.run_for(20 * SECOND_US)
    assert ready(world, KIND) == 2
    change(world, KIND, replicas=1)
    world.run_for(SECOND_US)
    assert ordinals(world) == [0, 1]
    world.run_for(30 * SECOND_US)
    assert ordinals(world) == [0]
