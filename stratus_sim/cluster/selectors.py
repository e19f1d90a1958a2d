"""Label selectors as apps/v1, policy/v1 and batch/v1 have them.

Follows kubernetes.io/docs/concepts/overview/working-with-objects/labels ("Resources that support set-based
requirements"): requirements are ANDed, an empty selector matches everything. (A Service's selector is another thing.)
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from stratus_sim.cluster.objects import Resource
from stratus_sim.manifests.selector_shapes import LabelSelector, Requirement

if TYPE_CHECKING:
    from stratus_sim.world import World


def matches(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Whether every requirement of a selector holds for a set of labels."""
    if not (selector.match_labels or {}).items() <= labels.items():
        return False
    return all(_holds(r, labels) for r in selector.match_expressions or ())


def matching(world: World, namespace: str, selector: LabelSelector) -> list[Resource]:
    """The pods of a namespace that a selector matches; through the label index where it names a label."""
    if selector.match_labels:
        found = world.store.selected(namespace, selector.match_labels)
    else:
        found = world.store.list("Pod", namespace)
    return [pod for pod in found if matches(selector, pod.labels)]


def _holds(requirement: Requirement, labels: Mapping[str, str]) -> bool:
    return satisfies(labels.get(requirement.key), requirement.operator, requirement.values or ())


def satisfies(value: str | None, operator: str, listed: Collection[str]) -> bool:
    """Whether a label's value (None: it is not there) satisfies `In`, `NotIn`, `Exists` or `DoesNotExist`."""
    match operator:
        case "In":
            return value is not None and value in listed
        case "NotIn":
            return value is None or value not in listed
        case "Exists":
            return value is not None
    return value is None
