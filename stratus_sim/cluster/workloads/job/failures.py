"""Pod failure policy: what a failed pod means for its job, by exit codes and conditions.

Follows kubernetes.io/docs/concepts/workloads/controllers/job ("Pod failure policy"): the first rule that matches
decides, a pod none matches is counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from stratus_sim.cluster import container_status, disruption, lifecycle, pods
from stratus_sim.cluster.objects import Resource
from stratus_sim.manifests.batch_shapes import ExitCodes, FailureRule

if TYPE_CHECKING:
    from stratus_sim.world import World

FAIL_JOB, FAIL_INDEX, IGNORE, COUNT = "FailJob", "FailIndex", "Ignore", "Count"


class Judgement(NamedTuple):
    """What a job's policy does about a failed pod, and what it says where that ends the job."""

    action: str = COUNT
    message: str = ""


def judge(world: World, job: Resource, pod: Resource) -> Judgement:
    """The first rule that matches a pod as it was last seen; one that was deleted has been ended by its kubelet."""
    policy = job.spec.pod_failure_policy
    if policy is None:
        return Judgement()
    codes, met = dict(_exit_codes(world, pod)), _conditions(pod)
    for at, rule in enumerate(policy.rules):
        cause = _exited(rule, codes, pod) if rule.on_exit_codes else _conditioned(rule, met, pod)
        if cause:
            return Judgement(rule.action, f"{cause} matching {rule.action} rule at index {at}")
    return Judgement()


def _exited(rule: FailureRule, codes: dict[str, int], pod: Resource) -> str:
    asked = rule.on_exit_codes
    found = next((c for c in codes.items() if asked is not None and _is_match(asked, *c)), None)
    return f"Container {found[0]} for pod {pod.key.path} failed with exit code {found[1]}" if found else ""


def _is_match(asked: ExitCodes, container: str, code: int) -> bool:
    if code == 0 or asked.container_name not in (None, container):
        return False
    return (code in asked.values) == (asked.operator == "In")


def _conditioned(rule: FailureRule, met: dict[str, str], pod: Resource) -> str:
    patterns = [(one.type, one.status or "True") for one in rule.on_pod_conditions or ()]
    found = next((kind for kind, status in met.items() if (kind, status) in patterns), "")
    return f"Pod {pod.key.path} has condition {found}" if found else ""


def _exit_codes(world: World, pod: Resource) -> Iterator[tuple[str, int]]:
    """The containers of a pod that have ended and their exit codes: its own first, then init containers."""
    every, first = container_status.all_of(pod.spec), container_status.inits(pod.spec)
    cut_off = not pods.ended(pod) and world.node_alive(pod.status.node)
    for at in (*range(first, len(every)), *range(first)):
        status = container_status.of(pod, at)
        if status.state == "terminated":
            yield every[at].name, status.code
        elif status.state == "running" and cut_off:
            yield every[at].name, lifecycle.stop(world, every[at], 0, lifecycle.grace_us(pod)).code


def _conditions(pod: Resource) -> dict[str, str]:
    """What is said of a failed pod, by the type of the condition; who sets others writes them to its status."""
    written = (pod.manifest.get("status") or {}).get("conditions") or ()
    own = {"Ready": "False", "ContainersReady": "False", "PodScheduled": str(bool(pod.status.node))}
    disrupted = {disruption.CONDITION: "True"} if pod.status.disruption else {}
    return {**own, **{str(one.get("type")): str(one.get("status")) for one in written}, **disrupted}
