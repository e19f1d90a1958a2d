"""Pod affinity and anti-affinity, of the pod that comes and of those that are there.

Follows kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node ("Inter-pod affinity and anti-affinity").
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal

from stratus_sim.cluster import selectors
from stratus_sim.cluster.network_policy import namespace_labels
from stratus_sim.cluster.objects import Resource
from stratus_sim.cluster.scheduling.attempt import Attempt, Domain, Refusal
from stratus_sim.manifests.pod_shapes import PodSpec
from stratus_sim.manifests.scheduling_shapes import PodAffinity, PodAffinityTerm, WeightedTerm
from stratus_sim.manifests.selector_shapes import LabelSelector, Requirement

_APART = Refusal(("node(s) didn't match pod anti-affinity rules",))
_UNWELCOME = Refusal(("node(s) didn't satisfy existing pods anti-affinity rules",))
_ALONE = Refusal(("node(s) didn't match pod affinity rules",), final=True)
_REQUIRED_WEIGHT = 1
"""What a required affinity of a pod that is there counts as a preference (`hardPodAffinityWeight`)."""

Weighted = tuple[PodAffinityTerm, int]


def relates(pod: PodSpec) -> bool:
    """Whether a pod has terms about other pods."""
    affinity = pod.affinity
    return affinity is not None and (affinity.pod_affinity or affinity.pod_anti_affinity) is not None


def refuse(attempt: Attempt, node: Resource) -> Refusal | None:
    together, apart, unwelcome = attempt.prepared(_prepare)
    if not _joined(attempt, node, together):
        return _ALONE
    if any((key, node.labels.get(key)) in apart for key in _keys(required(attempt.pod.spec, apart=True))):
        return _APART
    return _UNWELCOME if any(node.labels.get(key) == value for key, value in unwelcome) else None


def _prepare(attempt: Attempt) -> tuple[Counter[Domain], set[Domain], set[Domain]]:
    """Domains with pods the affinity asks for, with pods the anti-affinity avoids, and of pods that avoid this one."""
    spec, pod = attempt.pod.spec, attempt.pod
    apart = {
        (term.topology_key, place.labels[term.topology_key])
        for term in required(spec, apart=True)
        for _, place in _found(attempt, pod, term)
        if term.topology_key in place.labels
    }
    unwelcome = {
        (term.topology_key, place.labels[term.topology_key])
        for other, place in attempt.related()
        for term in required(other.spec, apart=True)
        if term.topology_key in place.labels and _about(attempt, other, term, pod)
    }
    return _together(attempt), apart, unwelcome


def _together(attempt: Attempt) -> Counter[Domain]:
    terms = required(attempt.pod.spec)
    found = _found(attempt, attempt.pod, terms[0]) if terms else []
    alike = [place for other, place in found if all(_about(attempt, attempt.pod, t, other) for t in terms[1:])]
    keys = [term.topology_key for term in terms]
    return Counter((key, place.labels[key]) for place in alike for key in keys if key in place.labels)


def _joined(attempt: Attempt, node: Resource, together: Counter[Domain]) -> bool:
    """Whether a node is with the pods the affinity asks for; the first of pods that ask for each other may begin."""
    terms = required(attempt.pod.spec)
    if any(term.topology_key not in node.labels for term in terms):
        return False
    if all((term.topology_key, node.labels[term.topology_key]) in together for term in terms):
        return True
    return not together and all(_about(attempt, attempt.pod, term, attempt.pod) for term in terms)


def score(attempt: Attempt, node: Resource) -> int:
    """The weights of the preferred terms, the pod's and those of pods that are there, that hold in a node's domains."""
    sums = attempt.prepared(_preferences)
    return sum(weight for (key, value), weight in sums.items() if node.labels.get(key) == value)


def _preferences(attempt: Attempt) -> Counter[Domain]:
    sums: Counter[Domain] = Counter()
    for term, weight in _preferred(attempt.pod.spec):
        for _, place in _found(attempt, attempt.pod, term):
            _credit(sums, term, weight, place)
    for other, place in attempt.related():
        standing = [(term, _REQUIRED_WEIGHT) for term in required(other.spec)]
        for term, weight in [*_preferred(other.spec), *standing]:
            if _about(attempt, other, term, attempt.pod):
                _credit(sums, term, weight, place)
    return sums


def _credit(sums: Counter[Domain], term: PodAffinityTerm, weight: int, place: Resource) -> None:
    if term.topology_key in place.labels:
        sums[term.topology_key, place.labels[term.topology_key]] += weight


def prefers(pod: PodSpec) -> bool:
    """Whether a pod has preferred terms about other pods."""
    return next(_preferred(pod), None) is not None


def welcomes(pod: PodSpec) -> bool:
    """Whether a pod that is there counts in the scores of those that come."""
    return prefers(pod) or bool(required(pod))


def _preferred(pod: PodSpec) -> Iterator[Weighted]:
    for term in _weighted(pod, apart=False):
        yield term.pod_affinity_term, term.weight
    for term in _weighted(pod, apart=True):
        yield term.pod_affinity_term, -term.weight


def required(pod: PodSpec, *, apart: bool = False) -> Sequence[PodAffinityTerm]:
    """The required terms of a pod's affinity, or of its anti-affinity."""
    found = _side(pod, apart=apart)
    return (found and found.required) or ()


def _weighted(pod: PodSpec, *, apart: bool) -> Sequence[WeightedTerm]:
    found = _side(pod, apart=apart)
    return (found and found.preferred) or ()


def _side(pod: PodSpec, *, apart: bool) -> PodAffinity | None:
    if pod.affinity is None:
        return None
    return pod.affinity.pod_anti_affinity if apart else pod.affinity.pod_affinity


def _keys(terms: Sequence[PodAffinityTerm]) -> list[str]:
    return [term.topology_key for term in terms]


def _found(attempt: Attempt, owner: Resource, term: PodAffinityTerm) -> list[tuple[Resource, Resource]]:
    """The pods on nodes that a term of `owner` is about, each with its node."""
    return attempt.matching(_namespaces(attempt, owner, term), _selector(owner, term))


def _about(attempt: Attempt, owner: Resource, term: PodAffinityTerm, pod: Resource) -> bool:
    """Whether a term of `owner` is about a pod."""
    selector = _selector(owner, term)
    if selector is None or not selectors.matches(selector, pod.labels):
        return False
    return pod.key.namespace in _namespaces(attempt, owner, term)


def _namespaces(attempt: Attempt, owner: Resource, term: PodAffinityTerm) -> list[str]:
    """The namespaces of a term: the listed and the selected ones, the owner's own where it says nothing."""
    listed = list(term.namespaces or ())
    if term.namespace_selector is None:
        return listed or [owner.key.namespace]
    known = [space.key.name for space in attempt.world.store.list("Namespace")]
    chosen = [n for n in known if selectors.matches(term.namespace_selector, namespace_labels(attempt.world, n))]
    if term.namespace_selector == LabelSelector():  # every namespace, declared as an object or not
        chosen += [pod.key.namespace for pod in attempt.world.store.list("Pod")]
    return list(dict.fromkeys([*listed, *chosen]))


def _selector(owner: Resource, term: PodAffinityTerm) -> LabelSelector | None:
    """A term's selector, with the owner's values for `matchLabelKeys` and without those for `mismatchLabelKeys`."""
    return narrowed(
        narrowed(term.label_selector, owner, term.match_label_keys), owner, term.mismatch_label_keys, "NotIn"
    )


def narrowed(
    selector: LabelSelector | None,
    owner: Resource,
    keys: Sequence[str] | None,
    operator: Literal["In", "NotIn"] = "In",
) -> LabelSelector | None:
    """A selector that also asks for (or, with NotIn, against) a pod's own values of some labels."""
    own = [key for key in keys or () if key in owner.labels]
    if selector is None or not own:
        return selector
    added = [Requirement(key, operator, [owner.labels[key]]) for key in own]
    return LabelSelector(selector.match_labels, [*(selector.match_expressions or ()), *added])
