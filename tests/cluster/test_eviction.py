"""Disruption budgets: no eviction breaks one, whatever comes before it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stratus_sim.cluster import api, eviction, pods
from stratus_sim.errors import UserError
from stratus_sim.kernel import SECOND_US
from stratus_sim.serve.answers import Refusal
from stratus_sim.serve.kinds import find
from stratus_sim.serve.showing import View
from stratus_sim.serve.writing import evict
from stratus_sim.telemetry.render import render
from stratus_sim.world import World
from tests.cluster.workloads import change, cluster, get, key, members, ready, workload

BUDGET = "PodDisruptionBudget"


def budget(name: str = "w", selector: Any = None, **spec: Any) -> dict[str, Any]:
    body = {"selector": {"matchLabels": {"app": "w"}} if selector is None else selector, **spec}
    return {"apiVersion": "policy/v1", "kind": BUDGET, "metadata": {"name": name, "namespace": "default"}, "spec": body}


def guarded(replicas: int, *more: dict[str, Any], seconds: int = 60, **spec: Any) -> World:
    return cluster(workload("Deployment", replicas=replicas), budget(**spec), *more, seconds=seconds)


def allowed(world: World) -> int:
    return int(render(world, get(world, BUDGET))["status"]["disruptionsAllowed"])


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 6),
    st.sampled_from([{"minAvailable": 2}, {"minAvailable": "60%"}, {"maxUnavailable": 1}, {"maxUnavailable": "30%"}]),
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 8), st.booleans()), max_size=12),
)
def test_no_eviction_leaves_fewer_ready_pods_than_the_budget_wants(
    replicas: int, bound: dict[str, Any], steps: list[tuple[int, int, bool]]
) -> None:
    world = guarded(replicas, **bound)
    desired = eviction.disruption(world, get(world, BUDGET)).desired
    for chosen, seconds, by_force in steps:
        found = [pod for pod in world.store.list("Pod") if pods.active(pod)]
        pod, before = found[chosen % len(found)], ready(world, "Deployment")
        if by_force:
            api.delete(world, pod.key, "user")
        elif not eviction.refusal(world, [pod]):
            pods.terminate(world, pod.key)
            assert ready(world, "Deployment") >= min(before, desired)
        world.run_for(seconds * SECOND_US)


@pytest.mark.parametrize(
    ("bound", "expected"),
    [
        ({"minAvailable": 3}, 2), ({"minAvailable": "50%"}, 2), ({"maxUnavailable": 1}, 1),
        ({"maxUnavailable": "30%"}, 2), ({"maxUnavailable": 0}, 0), ({}, 0), ({"minAvailable": 0}, 5),
    ],
)  # fmt: skip
def test_how_many_may_go(bound: dict[str, Any], expected: int) -> None:
    assert allowed(guarded(5, **bound)) == expected


def test_pods_evicted_together_share_one_allowance() -> None:
    world = guarded(4, maxUnavailable=2)
    found = members(world, "Deployment")
    assert eviction.refusal(world, found[:2]) == ""
    assert eviction.refusal(world, found[:3]) == "w"


def test_selectors_are_sets_of_requirements() -> None:
    expression = {"matchExpressions": [{"key": "app", "operator": "In", "values": ["w", "x"]}]}
    assert allowed(guarded(3, selector=expression, maxUnavailable=1)) == 1
    assert allowed(guarded(3, selector={}, maxUnavailable=1)) == 1
    absent = {"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}
    world = guarded(3, selector=absent, maxUnavailable=0)
    assert eviction.refusal(world, members(world, "Deployment")) == ""


@pytest.mark.parametrize(("policy", "barrier"), [(None, "w"), ("AlwaysAllow", "")])
def test_a_sick_pod_goes_only_if_its_budget_is_whole_or_does_not_mind(policy: str | None, barrier: str) -> None:
    extra = {} if policy is None else {"unhealthyPodEvictionPolicy": policy}
    world = guarded(2, minAvailable=2, **extra)
    api.delete(world, members(world, "Deployment")[0].key, "user")
    sick = next(pod for now in _instants(world) for pod in members(now, "Deployment") if _starting(pod))
    assert eviction.refusal(world, [sick]) == barrier
    change(world, BUDGET, minAvailable=1)
    assert eviction.refusal(world, [sick]) == ""


def _instants(world: World) -> Any:
    while world.step():
        yield world


def _starting(pod: Any) -> bool:
    return bool(pod.status.phase == "Running" and not pod.status.ready)


def test_two_budgets_or_an_owner_without_a_scale_allow_nothing() -> None:
    world = guarded(3, budget("second", maxUnavailable=1), maxUnavailable=1)
    assert eviction.refusal(world, members(world, "Deployment")[:1]) == "second, w"
    daemons = cluster(workload("DaemonSet"), budget(maxUnavailable=1), seconds=60)
    assert allowed(daemons) == 0


def test_a_budget_has_one_bound() -> None:
    with pytest.raises(UserError, match="minAvailable and maxUnavailable cannot be both set"):
        guarded(2, minAvailable=1, maxUnavailable=1)


def test_the_api_evicts_answers_429_and_500() -> None:
    world = guarded(2, maxUnavailable=1)
    view, kind = View(world), find(world, "", "v1", "pods")
    first, second = [pod.key.name for pod in members(world, "Deployment")]
    evict(view, kind, "default", first, {}, "user")
    assert get(world, "Pod", first).deleting
    assert get(world, "Pod", first).status.disruption == "EvictionByEvictionAPI"
    with pytest.raises(Refusal, match="disruption budget") as refused:
        evict(view, kind, "default", second, {}, "user")
    assert (refused.value.code, refused.value.reason) == (429, "TooManyRequests")
    (cause,) = (refused.value.details or {})["causes"]
    assert cause["message"] == "The disruption budget w needs 1 healthy pods and has 1 currently"
    api.put(world, budget("second", maxUnavailable=1), "user")
    with pytest.raises(Refusal, match="more than one") as refused:
        evict(view, kind, "default", second, {}, "user")
    assert refused.value.code == 500
    assert world.store.get(key("Pod", second)) is not None


@pytest.mark.parametrize(
    ("least", "holds", "reason"), [(1, "True", "SufficientPods"), (2, "False", "InsufficientPods")]
)
def test_a_budget_says_whether_it_allows_disruption(least: int, holds: str, reason: str) -> None:
    world = guarded(2, minAvailable=least)
    (shown,) = render(world, get(world, BUDGET))["status"]["conditions"]
    assert (shown["type"], shown["status"], shown["reason"]) == ("DisruptionAllowed", holds, reason)


@pytest.mark.parametrize(
    ("bound", "problem"),
    [
        ({"maxUnavailable": 1}, "daemonsets.apps does not implement the scale subresource"),
        ({"minAvailable": "50%"}, "daemonsets.apps does not implement the scale subresource"),
        ({"minAvailable": 1}, ""),
    ],
)
def test_a_budget_says_whose_scale_it_cannot_read(bound: dict[str, Any], problem: str) -> None:
    world = cluster(workload("DaemonSet"), budget(**bound), seconds=60)
    status = render(world, get(world, BUDGET))["status"]
    (condition,) = status["conditions"]
    assert condition["message"] == problem
    assert (condition["status"], condition["reason"]) == (
        ("False", "SyncFailed") if problem else ("True", "SufficientPods")
    )
    assert status["disruptionsAllowed"] == (0 if problem else 2)
