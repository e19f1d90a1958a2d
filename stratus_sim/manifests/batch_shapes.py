"""Jobs and CronJobs: batch/v1.

Source: Kubernetes API reference v1.33, "Job" and "CronJob"; kubernetes.io/docs/concepts/workloads/controllers/job for
which fields go together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Literal

import msgspec

from stratus_sim.manifests import cron, index_spans, time_zones
from stratus_sim.manifests.pod_shapes import Count, Metadata, Template, TemplateMetadata
from stratus_sim.manifests.selector_shapes import Shape

Natural = Annotated[int, msgspec.Meta(ge=0)]
_LONGEST_CRON_JOB = 52
"""Its Jobs have eleven characters more, and a name has no more than 63."""


class ExitCodes(Shape, frozen=True):
    """Which exit codes of a container a rule is about; of any container where it names none."""

    operator: Literal["In", "NotIn"]
    values: Annotated[list[int], msgspec.Meta(min_length=1, max_length=255)]
    container_name: str | None = None

    def __post_init__(self) -> None:
        if self.values != sorted(set(self.values)):
            raise ValueError("values: Invalid value: must be ordered, and none given twice")
        if self.operator == "In" and 0 in self.values:
            raise ValueError("values: Invalid value: 0: must not be 0 for the In operator")


class ConditionPattern(Shape, frozen=True):
    """A condition of a pod; it is True unless the pattern says otherwise."""

    type: str
    status: Literal["True", "False", "Unknown"] | None = None


class FailureRule(Shape, frozen=True):
    action: Literal["FailJob", "FailIndex", "Ignore", "Count"]
    on_exit_codes: ExitCodes | None = None
    on_pod_conditions: Annotated[list[ConditionPattern], msgspec.Meta(max_length=20)] | None = None

    def __post_init__(self) -> None:
        if bool(self.on_exit_codes) == bool(self.on_pod_conditions):
            raise ValueError("specifying one of OnExitCodes and OnPodConditions is required, and not both")


class FailurePolicy(Shape, frozen=True):
    rules: Annotated[list[FailureRule], msgspec.Meta(max_length=20)]


class SuccessRule(Shape, frozen=True):
    """Indexes as `status.completedIndexes` writes them, and how many of them, or of all, are enough."""

    succeeded_indexes: str | None = None
    succeeded_count: Natural | None = None

    def __post_init__(self) -> None:
        if self.succeeded_indexes is None and self.succeeded_count is None:
            raise ValueError("at least one of succeededCount or succeededIndexes must be specified")


class SuccessPolicy(Shape, frozen=True):
    rules: Annotated[list[SuccessRule], msgspec.Meta(min_length=1, max_length=20)]


class JobSpec(Shape, frozen=True):
    template: Template
    parallelism: Count | None = None
    completions: Count | None = None
    completion_mode: Literal["NonIndexed", "Indexed"] | None = None
    backoff_limit: Natural | None = None
    backoff_limit_per_index: Natural | None = None
    max_failed_indexes: Natural | None = None
    active_deadline_seconds: Natural | None = None
    ttl_seconds_after_finished: Natural | None = None
    suspend: bool | None = None
    pod_failure_policy: FailurePolicy | None = None
    success_policy: SuccessPolicy | None = None
    pod_replacement_policy: Literal["TerminatingOrFailed", "Failed"] | None = None
    managed_by: str | None = None

    def __post_init__(self) -> None:
        for wrong, problem in _contradictions(self):
            if wrong:
                raise ValueError(problem)
        for rule in self.success_policy.rules if self.success_policy else ():
            _check_success(rule, self.completions or 0)


def _check_success(rule: SuccessRule, completions: int) -> None:
    named = completions
    if rule.succeeded_indexes is not None:
        named = len(index_spans.parse(rule.succeeded_indexes, completions))
    if (rule.succeeded_count or 0) > named:
        raise ValueError(f"successPolicy: succeededCount: Invalid value: must be less than or equal to {named}")


def _contradictions(spec: JobSpec) -> tuple[tuple[bool, str], ...]:
    """What the API server refuses of a Job whose fields are well by themselves."""
    indexed, policy = spec.completion_mode == "Indexed", spec.pod_failure_policy
    restarts = spec.template.spec.restart_policy
    fails_index = policy is not None and any(rule.action == "FailIndex" for rule in policy.rules)
    limit = spec.backoff_limit_per_index
    return (
        (restarts not in ("Never", "OnFailure"),
         'template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'),
        (indexed and spec.completions is None, "completions: Required value: when completion mode is Indexed"),
        (limit is not None and not indexed, "backoffLimitPerIndex: Invalid value: requires indexed completion mode"),
        (spec.success_policy is not None and not indexed,
         "successPolicy: Invalid value: requires indexed completion mode"),
        (spec.max_failed_indexes is not None and limit is None,
         "backoffLimitPerIndex: Required value: when maxFailedIndexes is specified"),
        ((spec.max_failed_indexes or 0) > (spec.completions or 0) and indexed,
         "maxFailedIndexes: Invalid value: must be less than or equal to completions"),
        (policy is not None and restarts != "Never",
         'template.spec.restartPolicy: Invalid value: only "Never" is supported when podFailurePolicy is specified'),
        (policy is not None and spec.pod_replacement_policy == "TerminatingOrFailed",
         'podReplacementPolicy: Unsupported value: "TerminatingOrFailed": supported values: "Failed"'),
        (fails_index and limit is None,
         "podFailurePolicy: Invalid value: FailIndex: requires the backoffLimitPerIndex to be set"),
    )  # fmt: skip


class Job(Shape, frozen=True):
    metadata: Metadata
    spec: JobSpec


class JobTemplate(Shape, frozen=True):
    spec: JobSpec
    metadata: TemplateMetadata | None = None


class CronJobSpec(Shape, frozen=True):
    schedule: str
    job_template: JobTemplate
    time_zone: str | None = None
    concurrency_policy: Literal["Allow", "Forbid", "Replace"] | None = None
    starting_deadline_seconds: Natural | None = None
    successful_jobs_history_limit: Natural | None = None
    failed_jobs_history_limit: Natural | None = None
    suspend: bool | None = None

    def __post_init__(self) -> None:
        if "TZ" in self.schedule:
            raise ValueError("schedule: cannot use TZ or CRON_TZ in schedule, use timeZone field instead")
        _check("schedule", self.schedule, cron.parse)
        if self.time_zone is not None:
            _check("timeZone", self.time_zone, time_zones.zone)


def _check(field: str, text: str, read: Callable[[str], object]) -> None:
    """Raises ValueError, with the name of the field, where its text cannot be read."""
    try:
        read(text)
    except ValueError as error:
        raise ValueError(f'{field}: Invalid value: "{text}": {error}') from None


class CronJob(Shape, frozen=True):
    metadata: Metadata
    spec: CronJobSpec

    def __post_init__(self) -> None:
        if len(self.metadata.name) > _LONGEST_CRON_JOB:
            raise ValueError(f"metadata.name: Invalid value: must be no more than {_LONGEST_CRON_JOB} characters")


BATCH_SHAPES: Mapping[str, type[Shape]] = {"Job": Job, "CronJob": CronJob}
