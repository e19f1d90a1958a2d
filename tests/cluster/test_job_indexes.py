"""Indexed Jobs: who works on which index, what is given up, and what is enough."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stratus_sim.cluster import api
from stratus_sim.cluster.objects import Resource
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests import index_spans
from stratus_sim.telemetry.render import render
from stratus_sim.world import World
from tests.cluster.workloads import change, cluster, get, job, members, settled

Json = dict[str, Any]
INDEX = "batch.kubernetes.io/job-completion-index"


def indexed(completions: int = 3, command: str = "sleep 30", **spec: Any) -> Json:
    given = {"completions": completions, "parallelism": completions, "completionMode": "Indexed", **spec}
    return job(command=command, **given)


def at(world: World, index: int) -> Resource:
    """The active pod of an index."""
    return next(pod for pod in members(world, "Job") if pod.labels[INDEX] == str(index))


def lose(world: World, index: int, then_s: int = 0) -> None:
    api.delete(world, at(world, index).key, "user", grace_s=0)
    world.run_for(then_s * SECOND_US)


def shown(world: World, *fields: str) -> list[Any]:
    status = render(world, get(world, "Job"))["status"]
    return [status.get(field) for field in fields]


@given(st.frozensets(st.integers(0, 40)))
def test_indexes_are_written_and_read_alike(indexes: frozenset[int]) -> None:
    text = index_spans.write(indexes)
    assert not indexes or index_spans.parse(text, 41) == indexes
    assert all(span.count("-") <= 1 for span in text.split(","))


@pytest.mark.parametrize("text", ["", "a", "1-", "2-1", "1,1", "3,2", "0-9"])
def test_what_names_no_indexes_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"index|order"):
        index_spans.parse(text, 5)


def test_a_pod_is_told_its_index_in_five_places() -> None:
    manifest = indexed(1)
    spec = manifest["spec"]["template"]["spec"]
    own = {"name": "JOB_COMPLETION_INDEX", "value": "mine"}
    spec["initContainers"] = [{**spec["containers"][0], "name": "i", "command": ["sh", "-c", "exit 0"]}]
    spec["containers"].append({**spec["containers"][0], "name": "other", "env": [own]})
    world = cluster(manifest, seconds=20)
    pod = at(world, 0)
    assert pod.key.name.startswith("w-0-")
    assert pod.manifest["metadata"]["annotations"][INDEX] == pod.labels[INDEX] == "0"
    assert pod.manifest["spec"]["hostname"] == "w-0"
    assert {name: env["JOB_COMPLETION_INDEX"] for name, env in pod.status.env.items()} == {
        "i": "0", "c": "0", "other": "mine",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("manifest", "starts"), [(indexed(2), [f"{'n' * 55}-0-", f"{'n' * 55}-1-"]), (job(), ["n" * 58])]
)
def test_names_of_pods_leave_room_for_their_ends(manifest: Json, starts: list[str]) -> None:
    world = cluster({**manifest, "metadata": {"name": "n" * 61, "namespace": "default"}}, seconds=5)
    assert [name[:-5] for name in sorted(pod.key.name for pod in world.store.list("Pod"))] == starts


def lingering(**spec: Any) -> World:
    """Indexed pods that take 20 s to end, and are replaced once they have; the one of index 0 is on its way out."""
    manifest = indexed(podReplacementPolicy="Failed", **spec)
    container = manifest["spec"]["template"]["spec"]["containers"][0]
    container["lifecycle"] = {"preStop": {"sleep": {"seconds": 20}}}
    world = cluster(manifest, seconds=5)
    api.delete(world, at(world, 0).key, "user")
    return world


def test_an_index_whose_pod_still_leaves_is_taken() -> None:
    world = lingering(completions=4, parallelism=2, command="sleep 10")
    world.run_for(10 * SECOND_US)
    assert [pod.labels[INDEX] for pod in members(world, "Job")] == ["2"]


def test_a_pod_that_leaves_while_the_job_succeeds_has_not_failed() -> None:
    world = lingering(command="sleep 10", successPolicy={"rules": [{"succeededCount": 1}]})
    world.run_for(60 * SECOND_US)
    assert shown(world, "failed", "terminating") == [0, 0]
    assert get(world, "Job").status.finished == "Complete"


def test_a_pod_of_an_index_that_is_none_any_more_has_not_failed() -> None:
    world = lingering(completions=4, command="sleep 100")
    api.delete(world, at(world, 3).key, "user")
    change(world, "Job", completions=3, parallelism=3)
    world.run_for(40 * SECOND_US)
    assert shown(world, "failed") == [1]


def test_an_index_that_fails_too_often_is_given_up_and_the_others_go_on() -> None:
    world = cluster(indexed(backoffLimitPerIndex=1), seconds=5)
    lose(world, 1, 15)
    assert at(world, 1).manifest["metadata"]["annotations"]["batch.kubernetes.io/job-index-failure-count"] == "1"
    lose(world, 1, 10)
    assert {pod.labels[INDEX] for pod in members(world, "Job")} == {"0", "2"}
    world.run_for(60 * SECOND_US)
    assert shown(world, "completedIndexes", "failedIndexes", "succeeded", "failed") == ["0,2", "1", 2, 2]
    assert (get(world, "Job").status.finished, get(world, "Job").status.reason) == ("Failed", "FailedIndexes")


@pytest.mark.parametrize(("spec", "back"), [({"backoffLimitPerIndex": 3}, True), ({}, False)])
def test_each_index_waits_for_itself_where_it_has_its_own_limit(spec: Json, back: bool) -> None:
    """Else the wait after the second failure is twice as long for all of them."""
    world = cluster(indexed(command="sleep 300", **spec), seconds=5)
    lose(world, 0, 2)
    lose(world, 1, 9)
    assert ("0" in {pod.labels[INDEX] for pod in members(world, "Job")}) is back
    world.run_for(15 * SECOND_US)
    assert {pod.labels[INDEX] for pod in members(world, "Job")} == {"0", "1", "2"}


def test_too_many_failed_indexes_end_the_job() -> None:
    world = cluster(indexed(4, command="sleep 300", backoffLimitPerIndex=0, maxFailedIndexes=1), seconds=5)
    lose(world, 0, 5)
    assert len(members(world, "Job")) == 3
    lose(world, 3, 60)
    status = get(world, "Job").status
    assert (status.finished, status.reason) == ("Failed", "MaxFailedIndexesExceeded")
    assert (shown(world, "failedIndexes", "failed"), members(world, "Job")) == (["0,3", 4], [])


def test_a_rule_may_give_an_index_up() -> None:
    rules = [{"action": "FailIndex", "onExitCodes": {"operator": "In", "values": [9]}}]
    spec = {"backoffLimitPerIndex": 5, "podFailurePolicy": {"rules": rules}}
    world = cluster(indexed(2, command="exit 9", **spec), seconds=60)
    assert shown(world, "failedIndexes", "failed") == ["0,1", 2]
    assert get(world, "Job").status.reason == "FailedIndexes"


def test_failures_that_are_ignored_are_counted_apart() -> None:
    rules = [{"action": "Ignore", "onExitCodes": {"operator": "In", "values": [1]}}]
    spec = {"backoffLimitPerIndex": 0, "podFailurePolicy": {"rules": rules}}
    world = cluster(indexed(1, command="exit 1", **spec), seconds=60)
    pods = sorted(world.store.list("Pod"), key=lambda pod: pod.uid)
    marks = [pod.manifest["metadata"]["annotations"] for pod in pods]
    ignored = [mark.get("batch.kubernetes.io/job-index-ignored-failure-count") for mark in marks]
    assert ignored == [None, "1", "2"]
    assert {mark["batch.kubernetes.io/job-index-failure-count"] for mark in marks} == {"0"}


@pytest.mark.parametrize(
    ("rule", "enough"),
    [
        ({"succeededCount": 2}, 2),
        ({"succeededIndexes": "1,3"}, 4),
        ({"succeededIndexes": "1-3", "succeededCount": 1}, 2),
        ({"succeededIndexes": "0", "succeededCount": 1}, 1),
    ],
)
def test_some_indexes_may_be_enough(rule: Json, enough: int) -> None:
    """One index after the other ends well: the job is over once the rule holds, and the rest is taken away."""
    world = cluster(indexed(5, command="sleep 20", parallelism=1, successPolicy={"rules": [rule]}), seconds=200)
    status = get(world, "Job").status
    assert (status.finished, status.reason, status.succeeded) == ("Complete", "SuccessPolicy", enough)
    assert (status.message, status.failed, members(world, "Job")) == ("Matched rules at index 0", 0, [])


def test_pods_still_running_when_enough_is_done_have_not_failed() -> None:
    world = cluster(indexed(3, command="sleep 20", successPolicy={"rules": [{"succeededCount": 1}]}), seconds=60)
    status = get(world, "Job").status
    assert (status.finished, status.failed, status.terminating) == ("Complete", 0, 0)
    assert render(world, get(world, "Job"))["status"]["conditions"][0]["type"] == "SuccessCriteriaMet"


def test_an_indexed_job_is_elastic() -> None:
    """kubernetes.io/docs/concepts/workloads/controllers/job, "Elastic Indexed Jobs"."""
    world = cluster(indexed(4, command="sleep 60"), seconds=10)
    change(world, "Job", completions=2, parallelism=2)
    world.run_for(5 * SECOND_US)
    assert {pod.labels[INDEX] for pod in members(world, "Job")} == {"0", "1"}
    world.run_for(80 * SECOND_US)
    status = get(world, "Job").status
    assert (status.finished, status.succeeded, status.failed) == ("Complete", 2, 0)


def test_indexes_done_that_are_none_any_more_do_not_count() -> None:
    world = cluster(indexed(4, command="sleep 20", parallelism=4), seconds=10)
    lose(world, 0, 15)
    assert shown(world, "completedIndexes") == ["1-3"]
    change(world, "Job", completions=2, parallelism=2)
    world.run_for(SECOND_US)
    assert shown(world, "completedIndexes", "succeeded") == ["1", 1]


VERBS = st.sampled_from(["lose", "suspend", "resume", "size"])
CHANGES = st.lists(st.tuples(VERBS, st.integers(0, 9)), max_size=8)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 4), st.booleans(), st.booleans(), CHANGES, st.integers(0, 9))
def test_whatever_happens_an_index_has_one_pod_and_one_end(
    completions: int, waits: bool, own_limit: bool, changes: list[tuple[str, int]], seed: int
) -> None:
    spec: Json = {"podReplacementPolicy": "Failed"} if waits else {}
    limits = {"backoffLimitPerIndex": 1} if own_limit else {"backoffLimit": 99}
    world = cluster(indexed(completions, command="sleep 15", **spec, **limits), seed=seed)
    for verb, number in changes:
        _change(world, verb, number)
        for now in settled(world, 5):
            _check(now, waits=waits)
    change(world, "Job", suspend=None)
    for now in settled(world, 3000):
        _check(now, waits=waits)
    status = get(world, "Job").status
    assert status.finished == ("Failed" if status.failed_indexes else "Complete")
    assert len(status.done | status.failed_indexes) == get(world, "Job").spec.completions
    assert (status.active, status.terminating, status.released) == (0, 0, frozenset())


def _change(world: World, verb: str, number: int) -> None:
    found = members(world, "Job")
    if verb == "lose" and found:
        api.delete(world, found[number % len(found)].key, "user")
    elif verb in ("suspend", "resume") and not get(world, "Job").status.finished:
        change(world, "Job", suspend=verb == "suspend")
    elif verb == "size" and not get(world, "Job").status.target:
        change(world, "Job", completions=1 + number % 4, parallelism=1 + number % 4)


def _check(world: World, *, waits: bool) -> None:
    found, wanted = get(world, "Job"), get(world, "Job").spec
    indexes = [pod.labels[INDEX] for pod in members(world, "Job")]
    assert len(set(indexes)) == len(indexes) <= wanted.parallelism
    assert found.status.done.isdisjoint(found.status.failed_indexes)
    assert found.status.succeeded == len(found.status.done)
    leaving = [pod for pod in world.store.owned(found.key) if pod.deleting]
    assert found.status.terminating == len(leaving)
    assert not waits or found.status.target or not {pod.labels[INDEX] for pod in leaving} & set(indexes)
