"""What the Pod Security Standards forbid, rule by rule, in the words of the admission plug-in.

Follows kubernetes.io/docs/concepts/security/pod-security-standards ("Baseline", "Restricted") and
k8s.io/pod-security-admission 1.33: rules speak in the order of their names there, baseline first, and only in versions
of the standard that have them. Left out is what versions before 1.19 say of alpha annotations about seccomp.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_sim.cluster.admission.pod_standards import baseline, restricted
from stratus_sim.cluster.admission.pod_standards.baseline import Rule
from stratus_sim.cluster.admission.pod_standards.pods import Pod


def violations(level: str, pod: Pod) -> Iterator[str]:
    """What a pod does that a standard (`baseline`, `restricted`) forbids; nothing for any other."""
    for rule in _rules(level, pod.minor):
        yield from rule(pod)


def _rules(level: str, minor: int) -> list[Rule]:
    if level not in ("baseline", "restricted"):
        return []
    stricter = _held(restricted.RULES, minor) if level == "restricted" else []
    replaced = [restricted.REPLACES.get(rule) for rule in stricter]
    return [*(rule for rule in _held(baseline.RULES, minor) if rule not in replaced), *stricter]


def _held(rules: tuple[tuple[int, Rule], ...], minor: int) -> list[Rule]:
    return [rule for since, rule in rules if since <= minor]
