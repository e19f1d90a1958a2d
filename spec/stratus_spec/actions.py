"""The catalogue of actions: what an agent may ask for, and whether it can be taken back.

A verb names a kubectl command that writes. Reversibility is judged on the settled system: configuration
always comes back from the before-image, except where deletion destroys data; pods that were replaced on the
way are a trace. What the catalogue does not list is irreversible, so an agent cannot run it.

Source: kubectl reference; Kubernetes documentation on garbage collection, finalizers, reclaim policies.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .sorts import Reversibility

CONDITIONS = {
    "replaceable": "A controller replaces the pod, its image can be pulled, and a node has room for it.",
    "rollable": "Every replica can be replaced: images and mounted configuration exist, nodes have room, and "
    "the disruption budget allows it.",
    "quorum": "Enough other replicas stay ready to keep the quorum, and no volume is deleted.",
    "evictable": "Every pod that must leave the node can run on another, within its disruption budget.",
    "unused": "Nobody else has put anything into the created object: deleting it destroys only our own.",
    "no_finalizers": "No finalizer runs on deletion: no controller destroys data the object stands for.",
}

CUSTOM = "CustomObject"
"""The kind under which the catalogue lists every object whose kind a CustomResourceDefinition declares."""

SETTINGS = (
    "ConfigMap",
    "HorizontalPodAutoscaler",
    "Ingress",
    "LimitRange",
    "NetworkPolicy",
    "PodDisruptionBudget",
    "ResourceQuota",
    "Role",
    "RoleBinding",
    "Secret",
    "Service",
    "ServiceAccount",
)
STATELESS = ("Deployment", "ReplicaSet", "DaemonSet")
CONTAINERS = ("CustomResourceDefinition", "Namespace", "PersistentVolume", "PersistentVolumeClaim")
EDITS = ("patch", "apply")
TEMPLATE_EDITS = ("set-image", "set-env", "set-resources", *EDITS, "rollout-undo")

VERBS = (
    "apply",
    "cordon",
    "create",
    "delete",
    "patch",
    "rollout-restart",
    "rollout-undo",
    "scale",
    "set-env",
    "set-image",
    "set-resources",
    "uncordon",
)


@dataclass(frozen=True)
class Classification:
    """How an action can be taken back. `condition` names an entry of CONDITIONS when it is compensable."""

    reversibility: Reversibility
    condition: str | None = None


@dataclass(frozen=True)
class Rule:
    """A row of the catalogue: the classification of some verbs on some kinds."""

    verbs: tuple[str, ...]
    kinds: tuple[str, ...]
    classification: Classification


def _reversible(verbs: tuple[str, ...], *kinds: str) -> Rule:
    return Rule(verbs, kinds, Classification(Reversibility.REVERSIBLE))


def _compensable(condition: str, verbs: tuple[str, ...], *kinds: str) -> Rule:
    return Rule(verbs, kinds, Classification(Reversibility.COMPENSABLE, condition))


IRREVERSIBLE = Classification(Reversibility.IRREVERSIBLE)

RULES = (
    _reversible((*EDITS, "create", "delete"), *SETTINGS),
    _reversible((*EDITS, "create"), CUSTOM),
    _compensable("no_finalizers", ("delete",), CUSTOM),
    _reversible(("scale",), "Deployment", "ReplicaSet"),
    _reversible((*TEMPLATE_EDITS, "create"), *STATELESS),
    _reversible(("create",), "StatefulSet"),
    _compensable("quorum", ("scale", *TEMPLATE_EDITS, "rollout-restart", "delete"), "StatefulSet"),
    _compensable("rollable", ("rollout-restart",), "Deployment", "DaemonSet"),
    _compensable("rollable", ("delete",), *STATELESS),
    _compensable("replaceable", ("delete",), "Pod"),
    _reversible(("cordon", "uncordon"), "Node"),
    _compensable("evictable", EDITS, "Node"),
    _compensable("unused", ("create",), *CONTAINERS),
    Rule(("delete",), CONTAINERS, IRREVERSIBLE),
)


def rows() -> Iterator[tuple[str, str, Classification]]:
    """The catalogue as (verb, kind, classification), one row per listed pair."""
    for rule in RULES:
        for verb in rule.verbs:
            for kind in rule.kinds:
                yield verb, kind, rule.classification


CATALOGUE = {(verb, kind): classification for verb, kind, classification in rows()}


def classify(verb: str, kind: str) -> Classification:
    """The action's classification; irreversible unless the catalogue lists it (fail closed).

    `kind` is the object's kind, or CUSTOM for an object of a registered custom kind.
    """
    return CATALOGUE.get((verb, kind), IRREVERSIBLE)
