"""Jobs: how many pods, how often, for how long."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stratus_sim.cluster import api
from stratus_sim.kernel import SECOND_US
from stratus_sim.telemetry.render import render
from stratus_sim.world import World
from tests.cluster.workloads import change, cluster, get, job, key, members, reasons, settled


def outcomes(world: World) -> Counter[str]:
    return Counter(p.status.phase for p in world.store.list("Pod") if p.owner == key("Job") and not p.deleting)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 6), st.integers(1, 4), st.booleans(), st.integers(0, 3), st.integers(0, 9))
def test_a_job_completes_exactly_its_completions(
    completions: int, parallelism: int, indexed: bool, losses: int, seed: int
) -> None:
    mode = {"completionMode": "Indexed"} if indexed else {}
    world = cluster(job(completions=completions, parallelism=parallelism, backoffLimit=losses, **mode), seed=seed)
    for now in settled(world, 400):
        found = members(now, "Job")
        assert len(found) <= min(parallelism, completions - outcomes(now)["Succeeded"])
        if losses and found and now.now_us > 2 * SECOND_US:
            losses -= 1
            api.delete(now, found[0].key, "user")
    status = get(world, "Job").status
    assert (status.finished, status.succeeded, status.active) == ("Complete", completions, 0)
    assert outcomes(world) == {"Succeeded": completions}
    assert not indexed or status.done == frozenset(range(completions))


def test_a_failing_job_backs_off_and_gives_up() -> None:
    world = cluster(job(command="exit 3", backoffLimit=2), seconds=200)
    status = get(world, "Job").status
    assert (status.finished, status.reason, status.failed) == ("Failed", "BackoffLimitExceeded", 3)
    began = [pod.created_us // SECOND_US for pod in sorted(world.store.list("Pod"), key=lambda pod: pod.uid)]
    first, second = began[1] - began[0], began[2] - began[1]
    assert 10 <= first < 16 <= 20 <= second < 26
    assert {pod.status.phase for pod in world.store.list("Pod")} == {"Failed"}


def test_restarts_in_place_count_against_the_limit() -> None:
    world = cluster(job(command="exit 1", policy="OnFailure", backoffLimit=2), seconds=200)
    status = get(world, "Job").status
    assert (status.finished, status.reason) == ("Failed", "BackoffLimitExceeded")
    assert members(world, "Job") == []


def test_a_job_beyond_its_deadline_is_stopped() -> None:
    world = cluster(job(command="sleep 500", activeDeadlineSeconds=30), seconds=29)
    assert len(members(world, "Job")) == 1
    world.run_for(2 * SECOND_US)
    assert get(world, "Job").status.reason == "DeadlineExceeded"
    assert members(world, "Job") == []


def test_a_finished_job_goes_with_its_pods_after_its_time_to_live() -> None:
    world = cluster(job(ttlSecondsAfterFinished=60), seconds=60)
    assert get(world, "Job").status.finished == "Complete"
    world.run_for(60 * SECOND_US)
    assert world.store.get(key("Job")) is None
    assert world.store.list("Pod") == []


def test_a_suspended_job_has_no_pods_and_loses_nothing() -> None:
    world = cluster(job(completions=4, parallelism=1, command="sleep 20", backoffLimit=0), seconds=30)
    change(world, "Job", suspend=True)
    world.run_for(60 * SECOND_US)
    status = get(world, "Job").status
    assert (members(world, "Job"), status.succeeded, status.failed) == ([], 1, 0)
    change(world, "Job", suspend=None)
    world.run_for(120 * SECOND_US)
    status = get(world, "Job").status
    assert (status.finished, status.succeeded, status.failed) == ("Complete", 4, 0)
    assert {"Suspended", "Resumed"} <= set(reasons(world, "Job"))


def test_fewer_at_once_takes_pods_away_without_failing() -> None:
    world = cluster(job(completions=4, parallelism=4, command="sleep 20", backoffLimit=0), seconds=10)
    change(world, "Job", parallelism=1)
    world.run_for(SECOND_US)
    assert len(members(world, "Job")) == 1
    world.run_for(150 * SECOND_US)
    assert get(world, "Job").status.finished == "Complete"


def test_a_job_for_one_pod_stays_that_when_more_may_run_at_once() -> None:
    world = cluster(job(command="sleep 20"), seconds=5)
    change(world, "Job", parallelism=3)
    world.run_for(2 * SECOND_US)
    assert len(members(world, "Job")) == 1
    world.run_for(40 * SECOND_US)
    assert (get(world, "Job").status.finished, get(world, "Job").status.succeeded) == ("Complete", 1)


def test_one_good_end_says_that_a_work_queue_is_empty() -> None:
    world = cluster(job(parallelism=3, command="sleep 10"), seconds=60)
    status = get(world, "Job").status
    assert (status.finished, status.succeeded) == ("Complete", 3)


def test_indexed_pods_know_their_index() -> None:
    world = cluster(job(completions=3, parallelism=3, completionMode="Indexed"), seconds=60)
    env = [pod.status.env["c"]["JOB_COMPLETION_INDEX"] for pod in world.store.list("Pod")]
    assert sorted(env) == ["0", "1", "2"]


@pytest.mark.parametrize("ended", [True, False])
def test_a_pod_that_ended_gives_its_room_back_and_is_not_started_again(ended: bool) -> None:
    world = cluster(job(command="sleep 1" if ended else "sleep 999"), nodes=1, seconds=30)
    node = get(world, "Node", "n0")
    assert node.status.millicores == (0 if ended else 100)
    for handler in ("node.crash", "node.restore"):
        world.schedule(0, handler, "n0")
        world.run_for(30 * SECOND_US)
    assert (get(world, "Job").status.finished == "Complete") == ended
    api.delete(world, key("Job"), "user")
    world.run_for(30 * SECOND_US)
    assert get(world, "Node", "n0").status.millicores == 0


@pytest.mark.parametrize(
    ("command", "shown"),
    [("exit 0", [("SuccessCriteriaMet", "CompletionsReached"), ("Complete", "CompletionsReached")]),
     ("exit 1", [("FailureTarget", "BackoffLimitExceeded"), ("Failed", "BackoffLimitExceeded")])],
)  # fmt: skip
def test_the_end_of_a_job_is_announced_and_then_stated(command: str, shown: list[tuple[str, str]]) -> None:
    """kubernetes.io/docs/concepts/workloads/controllers/job, "Terminal Job conditions"."""
    world = cluster(job(command=command, backoffLimit=0), seconds=60)
    conditions = render(world, get(world, "Job"))["status"]["conditions"]
    assert [(c["type"], c["reason"]) for c in conditions] == shown
