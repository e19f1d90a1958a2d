"""What the API server lets nobody change about a Job or a StatefulSet once it is there.

Follows the API reference v1.33 ("Job", "StatefulSet"), kubernetes.io/docs/concepts/workloads/controllers/job ("Elastic
Indexed Jobs", "Mutable Scheduling Directives") and the messages of the API server's validation.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from stratus_sim.cluster.admission.registry import Denied, Write, validates
from stratus_sim.cluster.objects import Manifest
from stratus_sim.cluster.workloads.job.terms import completions
from stratus_sim.manifests.kinds import SERVED

if TYPE_CHECKING:
    from stratus_sim.world import World

_JOB = (
    "template",
    "selector",
    "completionMode",
    "podFailurePolicy",
    "backoffLimitPerIndex",
    "managedBy",
    "successPolicy",
)
_STATEFUL_SET = (
    "replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy", "minReadySeconds",
)  # fmt: skip
_DIRECTIVES = ("nodeSelector", "tolerations", "schedulingGates")
_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "Job": {"completionMode": "NonIndexed"},
    "StatefulSet": {"podManagementPolicy": "OrderedReady"},
}


@validates("JobValidation", reads="Job")
def check_job(world: World, write: Write) -> None:
    """Raises Denied for a change of what a Job is made of."""
    old, new = _specs(write, "Job")
    if old == new:
        return
    if _waits(world, write):
        old, new = ({**spec, "template": _undirected(spec["template"])} for spec in (old, new))
    changed = next(_changed(old, new, _JOB), None)
    if changed is not None:
        raise _invalid(write, f"spec.{changed}: Invalid value: {_shown(new.get(changed))}field is immutable")
    found = world.store.get(write.key)
    default = completions(found) if found is not None and found.spec.completions is None else None
    if old.get("completions", default) != new.get("completions", default):
        _check_completions(write, new)


@validates("StatefulSetValidation", reads="StatefulSet")
def check_stateful_set(_world: World, write: Write) -> None:
    """Raises Denied for a change of what a StatefulSet is made of."""
    old, new = _specs(write, "StatefulSet")
    if any(_changed(old, new, {*old, *new}.difference(_STATEFUL_SET))):
        listed = ", ".join(f"'{name}'" for name in _STATEFUL_SET[:-1])
        told = f"updates to statefulset spec for fields other than {listed} and '{_STATEFUL_SET[-1]}' are forbidden"
        raise _invalid(write, f"spec: Forbidden: {told}")


def _specs(write: Write, kind: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What was and what is to be, defaults filled in; nothing where this is no change of an object of the kind."""
    if write.key.kind != kind or write.manifest is None or write.old is None:
        return {}, {}
    return _full(write.old, kind), _full(write.manifest, kind)


def _full(manifest: Manifest, kind: str) -> dict[str, Any]:
    return {**_DEFAULTS[kind], **_stated(manifest["spec"])}


def _stated(fields: Manifest) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in (None, {}, [])}


def _changed(old: Mapping[str, Any], new: Mapping[str, Any], fields: Collection[str]) -> Iterator[str]:
    return (name for name in fields if old.get(name) != new.get(name))


def _shown(value: Any) -> str:
    """A plain value before what is wrong with it; how Go prints structures is nobody's to read."""
    return f"{json.dumps(value)}: " if value is None or isinstance(value, (str, int)) else ""


def _waits(world: World, write: Write) -> bool:
    """Whether a Job is suspended and has never started: where its pods may go is not settled yet."""
    found = world.store.get(write.key)
    return found is not None and bool(found.spec.suspend) and found.status.started_us is None


def _undirected(template: Manifest) -> dict[str, Any]:
    """A pod template without labels, annotations and what says where its pods may go, whoever is there."""
    spec = {name: value for name, value in _stated(template["spec"]).items() if name not in _DIRECTIVES}
    affinity = {kind: rules for kind, rules in (spec.pop("affinity", None) or {}).items() if kind != "nodeAffinity"}
    return {**spec, **affinity}


def _check_completions(write: Write, new: Mapping[str, Any]) -> None:
    if new["completionMode"] != "Indexed":
        raise _invalid(write, f"spec.completions: Invalid value: {new.get('completions', 'null')}: field is immutable")
    if new.get("completions") != new.get("parallelism", 1):
        told = "can only be modified in tandem with spec.parallelism"
        raise _invalid(write, f"spec.completions: Invalid value: {new.get('completions')}: {told}")


def _invalid(write: Write, problem: str) -> Denied:
    group = SERVED[write.key.kind].partition("/")[0]
    return Denied(f'{write.key.kind}.{group} "{write.key.name}" is invalid: {problem}', 422)
