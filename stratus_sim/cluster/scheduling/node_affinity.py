"""Node selector and node affinity.

Follows kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node: terms are ORed, what is in one term is ANDed,
and a term without requirements matches no node.
"""

from __future__ import annotations

from collections.abc import Mapping

from stratus_sim.cluster.objects import Resource
from stratus_sim.cluster.scheduling.attempt import Attempt, Refusal
from stratus_sim.cluster.selectors import satisfies
from stratus_sim.manifests.pod_shapes import PodSpec
from stratus_sim.manifests.scheduling_shapes import NodeRequirement, NodeSelector, NodeSelectorTerm

_BEYOND = 2**63
GENERATION = "pod-template-generation"
"""The label a DaemonSet puts on its pods, by which they are known also once they are orphans."""
_REFUSED = Refusal(("node(s) didn't match Pod's node affinity/selector",), final=True)
_BY_NAME = Refusal(("node(s) didn't satisfy plugin(s) [NodeAffinity]",), final=True)


def refuse(attempt: Attempt, node: Resource) -> Refusal | None:
    """A pod's node name stands for the affinity to one node by name that pods of DaemonSets have."""
    if attempt.pod.spec.node_name not in (None, "", node.key.name):
        return _BY_NAME
    return None if matches(attempt.pod.spec, node) else _REFUSED


def assigned(pod: Resource) -> bool:
    """Whether somebody has chosen the pod's node, so that no scheduler has to. DaemonSets leave that to it."""
    return bool(pod.spec.node_name) and GENERATION not in pod.labels


def matches(pod: PodSpec, node: Resource) -> bool:
    """Whether a pod may be on a node as far as its node name, node selector and required node affinity go."""
    if pod.node_name not in (None, "", node.key.name):
        return False
    if pod.node_selector and not pod.node_selector.items() <= node.labels.items():
        return False
    affinity = pod.affinity and pod.affinity.node_affinity
    return not (affinity and affinity.required) or selects(affinity.required, node)


def selects(selector: NodeSelector, node: Resource) -> bool:
    """Whether one of a selector's terms matches a node."""
    return any(fulfils(term, node) for term in selector.node_selector_terms)


def score(attempt: Attempt, node: Resource) -> int:
    """The weights of the preferred terms a node matches."""
    affinity = attempt.pod.spec.affinity and attempt.pod.spec.affinity.node_affinity
    preferred = (affinity and affinity.preferred) or ()
    return sum(term.weight for term in preferred if fulfils(term.preference, node))


def fulfils(term: NodeSelectorTerm, node: Resource) -> bool:
    """Whether every requirement of a term holds for a node; a term without any holds for none."""
    labels, fields = term.match_expressions or (), term.match_fields or ()
    if not labels and not fields:
        return False
    name = {"metadata.name": node.key.name}
    return all(holds(r, node.labels) for r in labels) and all(holds(r, name) for r in fields)


def holds(requirement: NodeRequirement, labels: Mapping[str, str]) -> bool:
    """Whether a requirement holds for a set of labels; `Gt` and `Lt` compare whole numbers of 64 bits."""
    value, listed = labels.get(requirement.key), requirement.values or []
    if requirement.operator not in ("Gt", "Lt"):
        return satisfies(value, requirement.operator, listed)
    if value is None or len(listed) != 1:
        return False
    return exceeds(value, listed[0]) if requirement.operator == "Gt" else exceeds(listed[0], value)


def exceeds(value: str, other: str) -> bool:
    """Whether a label's value is greater than another; neither is where one of them is no whole number of 64 bits."""
    number, bound = _whole(value), _whole(other)
    return number is not None and bound is not None and number > bound


def _whole(text: str) -> int | None:
    """The number that a label's value is; none has a sign."""
    number = int(text) if text.isascii() and text.isdigit() else _BEYOND
    return number if number < _BEYOND else None
