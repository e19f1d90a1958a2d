"""The rows: which verb on which kind loses what, and under which condition that is made good.

What is not listed is irreversible, so an agent cannot run it.

Source: Kubernetes documentation on garbage collection, finalizers, reclaim policies, roll-outs, service accounts, and
StatefulSets ("Forced rollback").
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..sorts import Reversibility
from . import losses as lost
from .losses import Loss, class_of
from .verbs import VERB, Scope

CUSTOM = "CustomObject"
"""The kind under which the catalogue lists every object whose kind a CustomResourceDefinition declares."""

_PLAIN = (
    "ConfigMap", "Ingress", "LimitRange", "NetworkPolicy", "PodDisruptionBudget", "ResourceQuota", "Role",
    "RoleBinding", "Secret", "Service",
)  # fmt: skip
AUTOSCALER = "HorizontalPodAutoscaler"
SETTINGS = (*_PLAIN, "ServiceAccount")
STATELESS = ("Deployment", "ReplicaSet", "DaemonSet")
WORKLOADS = (*STATELESS, "StatefulSet")
CONTAINERS = ("CustomResourceDefinition", "Namespace", "PersistentVolume", "PersistentVolumeClaim")
EDITS = ("patch", "apply", "replace")
MARKS = ("label", "annotate")
SETTERS = ("set-image", "set-env", "set-resources", "set-probes")


@dataclass(frozen=True)
class Classification:
    """How an action can be taken back. `condition` names an entry of CONDITIONS when it is compensable."""

    reversibility: Reversibility
    condition: str | None = None


@dataclass(frozen=True)
class Rule:
    """Some verbs on some kinds: what they lose beyond what every write loses, and the condition that makes it good."""

    verbs: tuple[str, ...]
    kinds: tuple[str, ...]
    loses: tuple[Loss, ...] = ()
    condition: str | None = None


@dataclass(frozen=True)
class Row:
    """One verb on one kind."""

    verb: str
    kind: str
    loses: tuple[Loss, ...]
    condition: str | None

    @property
    def classification(self) -> Classification:
        """The class that follows from what is lost."""
        return Classification(class_of(self.loses), self.condition)


RULES = (
    Rule((*EDITS, *MARKS, "create"), SETTINGS),
    Rule(("delete",), _PLAIN),
    Rule(("delete",), ("ServiceAccount",), (lost.TOKENS,), "unmounted"),
    Rule((*MARKS, "delete"), (AUTOSCALER,)),
    Rule((*EDITS, "create"), (AUTOSCALER,), (lost.RESIZED,), "only_raises"),
    Rule((*EDITS, *MARKS, "create"), (CUSTOM,)),
    Rule(("delete",), (CUSTOM,), (lost.OUTSIDE,), "no_finalizers"),
    Rule(("create", *MARKS), WORKLOADS),
    Rule(("scale",), ("Deployment", "ReplicaSet"), (lost.PODS,), "rollable"),
    Rule((*SETTERS, *EDITS, "delete"), STATELESS, (lost.PODS,), "rollable"),
    Rule(("rollout-restart",), ("Deployment", "DaemonSet"), (lost.PODS,), "rollable"),
    Rule(("rollout-undo", "rollout-resume"), ("Deployment",), (lost.PODS,), "rollable"),
    Rule(("rollout-pause",), ("Deployment",)),
    Rule(("scale", *EDITS, "rollout-restart"), ("StatefulSet",), (lost.MEMBERS,), "quorum"),
    Rule(SETTERS, ("StatefulSet",), (lost.STUCK,)),
    Rule(("delete", "evict"), ("Pod",), (lost.PODS,), "replaceable"),
    Rule(("exec",), ("Pod",), (lost.UNKNOWN,)),
    Rule(("cordon", "uncordon", "annotate"), ("Node",)),
    Rule(("drain", "taint", "label", "patch", "apply", "replace"), ("Node",), (lost.PODS,), "evictable"),
    Rule(("expose",), ("Deployment", "ReplicaSet", "Service")),
    Rule(("autoscale",), ("Deployment", "ReplicaSet", "StatefulSet"), (lost.RESIZED,), "only_raises"),
    Rule(MARKS, ("Namespace",)),
    Rule(("create",), CONTAINERS, (lost.CONTENT,), "unused"),
    Rule(("delete",), (*CONTAINERS, "StatefulSet"), (lost.DATA,)),
)

_ALWAYS = {
    Scope.UPDATE: (lost.VERSION,),
    Scope.APPLY: (lost.VERSION,),
    Scope.CREATE: (lost.COUNTERS,),
    Scope.DELETE: (lost.IDENTITY,),
    Scope.ENVIRONMENT: (),
}


def rows() -> Iterator[Row]:
    """The catalogue, one row per listed pair of verb and kind."""
    for rule in RULES:
        for verb in rule.verbs:
            for kind in rule.kinds:
                yield Row(verb, kind, (*_ALWAYS[VERB[verb].scope], *rule.loses), rule.condition)


IRREVERSIBLE = Classification(Reversibility.IRREVERSIBLE)
CATALOGUE = {(row.verb, row.kind): row for row in rows()}


def classify(verb: str, kind: str) -> Classification:
    """The action's classification; irreversible unless the catalogue lists it (fail closed).

    `kind` is the object's kind, or CUSTOM for an object of a registered custom kind.
    """
    row = CATALOGUE.get((verb, kind))
    return IRREVERSIBLE if row is None else row.classification
