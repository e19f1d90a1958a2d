"""What of a Job and of a StatefulSet stays as it was written."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_sim.cluster.admission.registry import Denied
from tests.cluster.workloads import change, cluster, get, job, retemplate, workload

Json = dict[str, Any]
POLICY = {"rules": [{"action": "Ignore", "onExitCodes": {"operator": "In", "values": [1]}}]}
INDEXED = {"completionMode": "Indexed", "completions": 2, "parallelism": 2}
FIXED = "field is immutable"


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ({}, {"parallelism": 1, "completions": 1}, ""),
        ({}, {"parallelism": 2}, ""),
        ({"completions": 2}, {"completions": None}, f"spec.completions: Invalid value: null: {FIXED}"),
        ({"parallelism": 2}, {"completions": 2}, f"spec.completions: Invalid value: 2: {FIXED}"),
        ({}, {"completions": 2}, f"spec.completions: Invalid value: 2: {FIXED}"),
        ({}, {"backoffLimit": 3, "activeDeadlineSeconds": 9, "ttlSecondsAfterFinished": 9, "suspend": True}, ""),
        ({}, {"podFailurePolicy": POLICY}, f"spec.podFailurePolicy: Invalid value: {FIXED}"),
        ({}, {"completionMode": "NonIndexed"}, ""),
        ({}, INDEXED, f'spec.completionMode: Invalid value: "Indexed": {FIXED}'),
        (INDEXED, {"completions": 3, "parallelism": 3}, ""),
        (INDEXED, {"completions": 3}, "spec.completions: Invalid value: 3: can only be modified in tandem with"),
        (INDEXED, {"successPolicy": {"rules": [{"succeededCount": 1}]}}, f"spec.successPolicy: Invalid value: {FIXED}"),
        (INDEXED, {"backoffLimitPerIndex": 1}, f"spec.backoffLimitPerIndex: Invalid value: 1: {FIXED}"),
    ],
)
def test_a_job(before: Json, after: Json, problem: str) -> None:
    world = cluster(job(**before))
    if not problem:
        change(world, "Job", **after)
        return
    with pytest.raises(Denied, match=problem) as denied:
        change(world, "Job", **after)
    assert str(denied.value).startswith('Job.batch "w" is invalid: ')
    assert denied.value.code == 422


@pytest.mark.parametrize(
    ("suspended", "fields", "allowed"),
    [
        (True, {"nodeSelector": {"a": "b"}}, True),
        (True, {"affinity": {"nodeAffinity": {"x": 1}}}, True),
        (True, {"affinity": {"podAffinity": {}}}, False),
        (True, {"restartPolicy": "OnFailure"}, False),
        (False, {"nodeSelector": {"a": "b"}}, False),
        (False, {}, False),
    ],
)
def test_where_the_pods_of_a_job_may_go_is_open_until_it_starts(suspended: bool, fields: Json, allowed: bool) -> None:
    """kubernetes.io/docs/concepts/workloads/controllers/job, "Mutable Scheduling Directives"."""
    world = cluster(job(suspend=suspended), seconds=1)
    if allowed:
        retemplate(world, "Job", 1, **fields)
    else:
        with pytest.raises(Denied, match=r"spec\.template: Invalid value: field is immutable"):
            retemplate(world, "Job", 1, **fields)


def test_a_job_that_was_started_once_is_settled() -> None:
    world = cluster(job(command="sleep 99"), seconds=1)
    change(world, "Job", suspend=True)
    with pytest.raises(Denied):
        retemplate(world, "Job", 1, nodeSelector={"a": "b"})
    assert get(world, "Job").generation == 2


@pytest.mark.parametrize(
    ("fields", "allowed"),
    [
        ({"replicas": 3, "minReadySeconds": 4, "revisionHistoryLimit": 1, "ordinals": {"start": 1}}, True),
        ({"updateStrategy": {"type": "OnDelete"}}, True),
        ({"podManagementPolicy": "OrderedReady"}, True),
        ({"podManagementPolicy": "Parallel"}, False),
        ({"serviceName": "other"}, False),
        ({"volumeClaimTemplates": [{"metadata": {"name": "data"}}]}, False),
        ({"volumeClaimTemplates": []}, True),
    ],
)
def test_a_stateful_set(fields: Json, allowed: bool) -> None:
    world = cluster(workload("StatefulSet"))
    if allowed:
        change(world, "StatefulSet", **fields)
        return
    with pytest.raises(Denied) as denied:
        change(world, "StatefulSet", **fields)
    assert str(denied.value) == (
        'StatefulSet.apps "w" is invalid: spec: Forbidden: updates to statefulset spec for fields other than '
        "'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', "
        "'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
    )
