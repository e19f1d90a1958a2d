"""Failure policies of Jobs: what a failed pod means by its exit code and conditions, and when a job has ended."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from stratus_sim.cluster import api
from stratus_sim.errors import UserError
from stratus_sim.kernel import SECOND_US
from stratus_sim.telemetry.render import render
from stratus_sim.world import World
from tests.cluster.workloads import change, cluster, get, job, key, members, node, reasons

Json = dict[str, Any]
SPARED = {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}


def exits(action: str, *values: int, operator: str = "In", **name: str) -> Json:
    return {"action": action, "onExitCodes": {"operator": operator, "values": list(values), **name}}


def policy(*rules: Json) -> Json:
    return {"podFailurePolicy": {"rules": list(rules)}}


def conditions(world: World) -> list[tuple[str, str, str]]:
    found = render(world, get(world, "Job"))["status"]["conditions"]
    return [(one["type"], one["status"], one["reason"]) for one in found]


def taint_all(world: World) -> None:
    for n in range(3):
        taint = {"key": "away", "effect": "NoExecute"}
        api.put(world, node(f"n{n}", taints=[taint]), "user")


def test_an_exit_code_that_says_so_ends_the_job_at_once() -> None:
    world = cluster(job(command="exit 42", parallelism=2, completions=2, **policy(exits("FailJob", 42))), seconds=60)
    status = get(world, "Job").status
    assert (status.finished, status.reason) == ("Failed", "PodFailurePolicy")
    failed = [pod.key.name for pod in world.store.list("Pod") if pod.status.phase == "Failed"]
    says = "Container c for pod default/{} failed with exit code 42 matching FailJob rule at index 0"
    assert status.message in {says.format(name) for name in failed}
    assert (members(world, "Job"), status.failed) == ([], 2)


@pytest.mark.parametrize(
    ("rules", "reason", "failed"),
    [
        ((exits("Count", 3), exits("FailJob", 3)), "BackoffLimitExceeded", 2),
        ((exits("FailJob", 3), exits("Count", 3)), "PodFailurePolicy", 1),
        ((exits("FailJob", 4),), "BackoffLimitExceeded", 2),
        ((exits("FailJob", 4, operator="NotIn"),), "PodFailurePolicy", 1),
        ((exits("FailJob", 3, operator="NotIn"),), "BackoffLimitExceeded", 2),
        ((exits("FailJob", 3, containerName="c"),), "PodFailurePolicy", 1),
        ((exits("FailJob", 3, containerName="side"),), "BackoffLimitExceeded", 2),
        (({"action": "FailJob", "onPodConditions": [{"type": "Ready", "status": "False"}]},), "PodFailurePolicy", 1),
        (({"action": "FailJob", "onPodConditions": [{"type": "Ready"}]},), "BackoffLimitExceeded", 2),
    ],
)  # fmt: skip
def test_the_first_rule_that_matches_decides(rules: tuple[Json, ...], reason: str, failed: int) -> None:
    manifest = job(command="exit 3", backoffLimit=1, **policy(*rules))
    containers = manifest["spec"]["template"]["spec"]["containers"]
    containers.append({**containers[0], "name": "side", "command": ["sh", "-c", "exit 0"]})
    world = cluster(manifest, seconds=120)
    status = get(world, "Job").status
    assert (status.finished, status.reason, status.failed) == ("Failed", reason, failed)


def test_an_init_container_has_an_exit_code_too() -> None:
    manifest = job(**policy(exits("FailJob", 7)))
    spec = manifest["spec"]["template"]["spec"]
    spec["initContainers"] = [{**spec["containers"][0], "name": "first", "command": ["sh", "-c", "exit 7"]}]
    status = get(cluster(manifest, seconds=60), "Job").status
    assert status.message.startswith("Container first for pod ")


def test_what_is_ignored_does_not_count_but_is_waited_after() -> None:
    world = cluster(job(command="exit 1", backoffLimit=0, **policy(exits("Ignore", 1))), seconds=60)
    status = get(world, "Job").status
    assert (status.finished, status.failed) == ("", 0)
    began = sorted(pod.created_us // SECOND_US for pod in world.store.list("Pod"))
    assert len(began) == 3
    assert 10 <= began[1] - began[0] < 16 <= 20 <= began[2] - began[1] < 26


@pytest.mark.parametrize("spared", [True, False])
def test_a_pod_sent_away_is_no_failure_where_the_policy_spares_it(spared: bool) -> None:
    rules = (SPARED,) if spared else (exits("Ignore", 9),)
    world = cluster(job(command="sleep 30", backoffLimit=0, **policy(*rules)), seconds=10)
    taint_all(world)
    world.run_for(SECOND_US)
    for n in range(3):
        api.put(world, node(f"n{n}"), "user")
    world.run_for(120 * SECOND_US)
    status = get(world, "Job").status
    assert (status.finished, status.failed) == (("Complete", 0) if spared else ("Failed", 1))


def test_a_deleted_pod_ends_by_the_signal_its_kubelet_sends() -> None:
    world = cluster(job(command="sleep 500", **policy(exits("FailJob", 143))), seconds=10)
    api.delete(world, members(world, "Job")[0].key, "user")
    world.run_for(60 * SECOND_US)
    assert "failed with exit code 143 matching FailJob rule at index 0" in get(world, "Job").status.message


@pytest.mark.parametrize(("given", "waits"), [({}, False), ({"podReplacementPolicy": "Failed"}, True)])
def test_when_a_pod_on_its_way_out_is_replaced(given: Json, waits: bool) -> None:
    """kubernetes.io/docs/concepts/workloads/controllers/job, "Pod replacement policy"."""
    manifest = job(command="sleep 500", **given)
    container = manifest["spec"]["template"]["spec"]["containers"][0]
    container["lifecycle"] = {"preStop": {"sleep": {"seconds": 20}}}
    world = cluster(manifest, seconds=10)
    api.delete(world, members(world, "Job")[0].key, "user")
    world.run_for(15 * SECOND_US)
    status = get(world, "Job").status
    assert (len(members(world, "Job")), status.terminating, status.failed) == (0 if waits else 1, 1, 0 if waits else 1)
    world.run_for(30 * SECOND_US)
    status = get(world, "Job").status
    assert (len(members(world, "Job")), status.terminating, status.failed) == (1, 0, 1)


def test_a_job_has_failed_once_its_last_pod_is_gone() -> None:
    """kubernetes.io/docs/concepts/workloads/controllers/job, "Termination of Job pods"."""
    manifest = job(command="sleep 500", activeDeadlineSeconds=30)
    container = manifest["spec"]["template"]["spec"]["containers"][0]
    container["lifecycle"] = {"preStop": {"sleep": {"seconds": 20}}}
    world = cluster(manifest, seconds=40)
    assert conditions(world) == [("FailureTarget", "True", "DeadlineExceeded")]
    assert (get(world, "Job").status.finished, "DeadlineExceeded" in reasons(world, "Job")) == ("", False)
    world.run_for(20 * SECOND_US)
    assert conditions(world)[1:] == [("Failed", "True", "DeadlineExceeded")]
    assert get(world, "Job").status.failed == 1
    assert "DeadlineExceeded" in reasons(world, "Job")


def test_a_suspended_job_may_still_fail_and_says_when_it_was_resumed() -> None:
    world = cluster(job(command="sleep 20", completions=3, parallelism=1, backoffLimit=0), seconds=30)
    began = get(world, "Job").status.started_us
    change(world, "Job", suspend=True)
    world.run_for(10 * SECOND_US)
    assert (conditions(world), get(world, "Job").status.started_us) == ([("Suspended", "True", "JobSuspended")], began)
    change(world, "Job", suspend=False)
    world.run_for(SECOND_US)
    assert conditions(world) == [("Suspended", "False", "JobResumed")]
    assert get(world, "Job").status.started_us == 40 * SECOND_US
    api.delete(world, members(world, "Job")[0].key, "user")
    change(world, "Job", suspend=True)
    world.run_for(10 * SECOND_US)
    assert get(world, "Job").status.finished == "Failed"


def test_after_a_success_nobody_waits_for_an_earlier_failure() -> None:
    world = cluster(job(command="sleep 10", completions=3, parallelism=2), seconds=8)
    first, _ = members(world, "Job")
    api.delete(world, first.key, "user", grace_s=0)
    world.run_for(7 * SECOND_US)
    assert get(world, "Job").status.succeeded == 1
    assert len(members(world, "Job")) == 2


def test_no_deadline_passes_while_a_job_is_suspended() -> None:
    world = cluster(job(command="sleep 500", activeDeadlineSeconds=30), seconds=10)
    change(world, "Job", suspend=True)
    world.run_for(60 * SECOND_US)
    change(world, "Job", parallelism=2)
    world.run_for(SECOND_US)
    assert get(world, "Job").status.target == ""


def test_a_deadline_that_is_moved_is_kept() -> None:
    world = cluster(job(command="sleep 500", activeDeadlineSeconds=30), seconds=10)
    change(world, "Job", activeDeadlineSeconds=60)
    world.run_for(40 * SECOND_US)
    assert get(world, "Job").status.finished == ""
    world.run_for(20 * SECOND_US)
    assert get(world, "Job").status.reason == "DeadlineExceeded"


def test_the_wait_after_a_failure_is_ten_minutes_at_most() -> None:
    world = cluster(job(command="exit 1", backoffLimit=12), seconds=4 * 3600)
    began = sorted(pod.created_us // SECOND_US for pod in world.store.list("Pod"))
    waits = [later - earlier for earlier, later in pairwise(began)]
    assert [round(wait, -1) for wait in waits[-3:]] == [600, 600, 600]


def test_a_job_somebody_else_manages_is_left_alone() -> None:
    world = cluster(job(managedBy="example.com/other"), seconds=30)
    assert (members(world, "Job"), reasons(world, "Job")) == ([], [])


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ({"completionMode": "Indexed"}, "completions: Required value: when completion mode is Indexed"),
        ({"backoffLimitPerIndex": 1}, "backoffLimitPerIndex: Invalid value: requires indexed completion mode"),
        ({"successPolicy": {"rules": [{"succeededCount": 1}]}}, "successPolicy: .* requires indexed completion mode"),
        ({"completionMode": "Indexed", "completions": 2, "maxFailedIndexes": 1}, "when maxFailedIndexes is specified"),
        ({**policy(exits("FailIndex", 1))}, "FailIndex: requires the backoffLimitPerIndex to be set"),
        ({**policy(exits("FailJob", 1)), "podReplacementPolicy": "TerminatingOrFailed"}, 'supported values: "Failed"'),
        ({**policy(exits("FailJob", 1)), "policy": "OnFailure"}, 'only "Never" is supported'),
        ({"policy": "Always"}, 'restartPolicy: Required value: valid values: "OnFailure", "Never"'),
        ({**policy(exits("FailJob", 0))}, "must not be 0 for the In operator"),
        ({**policy(exits("FailJob", 2, 1))}, "must be ordered"),
        ({**policy({"action": "FailJob"})}, "one of OnExitCodes and OnPodConditions"),
        ({"completionMode": "Indexed", "completions": 2, "successPolicy": {"rules": [{"succeededIndexes": "0-2"}]}},
         "too large index"),
        ({"completionMode": "Indexed", "completions": 2,
          "successPolicy": {"rules": [{"succeededIndexes": "0", "succeededCount": 2}]}}, "less than or equal to 1"),
    ],
)  # fmt: skip
def test_fields_that_contradict_each_other_are_refused(spec: Json, problem: str) -> None:
    with pytest.raises(UserError, match=problem):
        cluster(job(**spec))
    assert cluster(job()).store.get(key("Job")) is not None
