"""The rules that the standard `restricted` has beside those of `baseline`.

Follows kubernetes.io/docs/concepts/security/pod-security-standards ("Restricted") and k8s.io/pod-security-admission
1.33. Pods that say they are for Windows are free of three of them.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_sim.cluster.admission.pod_standards import baseline
from stratus_sim.cluster.admission.pod_standards.baseline import Rule
from stratus_sim.cluster.admission.pod_standards.pods import (
    Pod,
    adds_more_than,
    capabilities,
    context,
    named,
    plural,
    profile,
    set_by,
    setters,
    unsafe_seccomp,
    uses,
)

_PLAIN_VOLUMES = frozenset(
    {
        "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected",
        "secret",
    }
)  # fmt: skip
_WINDOWS_SINCE = 25


def _for_windows(pod: Pod) -> bool:
    return pod.minor >= _WINDOWS_SINCE and (pod.spec.get("os") or {}).get("name") == "windows"


def _escalation(pod: Pod) -> Iterator[str]:
    found = [c for c in pod.containers if context(c).get("allowPrivilegeEscalation") is not False]
    if found and not _for_windows(pod):
        problem = "must set securityContext.allowPrivilegeEscalation=false"
        yield f"allowPrivilegeEscalation != false ({named(found)} {problem})"


def _capabilities(pod: Pod) -> Iterator[str]:
    kept = [c for c in pod.containers if "ALL" not in capabilities(c, "drop")]
    missing = [f'{named(kept)} must set securityContext.capabilities.drop=["ALL"]'] if kept else []
    problems = [*missing, *adds_more_than(pod, ("NET_BIND_SERVICE",))]
    if problems and not _for_windows(pod):
        yield f"unrestricted capabilities ({'; '.join(problems)})"


def _volume_types(pod: Pod) -> Iterator[str]:
    found = [(name, kind) for name, kind in pod.volumes if kind not in _PLAIN_VOLUMES]
    if found:
        names, kinds = [name for name, _ in found], sorted({kind for _, kind in found})
        types = plural("restricted volume type", kinds)
        yield f"restricted volume types ({plural('volume', names)} {uses(names)} {types})"


def _root(pod: Pod) -> Iterator[str]:
    guilty = setters(pod, lambda c: c.get("runAsNonRoot") is False)
    silent = [c for c in pod.containers if context(c).get("runAsNonRoot") is None]
    if guilty:
        yield f"runAsNonRoot != true ({' and '.join(guilty)} must not set securityContext.runAsNonRoot=false)"
    elif silent and not pod.context.get("runAsNonRoot"):
        yield f"runAsNonRoot != true (pod or {named(silent)} must set securityContext.runAsNonRoot=true)"


def _root_user(pod: Pod) -> Iterator[str]:
    yield from set_by(pod, "runAsUser=0", "must not set runAsUser=0", lambda c: c.get("runAsUser") == 0)


def _seccomp(pod: Pod) -> Iterator[str]:
    if _for_windows(pod):
        return
    forbidden = list(unsafe_seccomp(pod))
    silent = [c for c in pod.containers if profile(context(c), "seccompProfile") is None]
    if forbidden:
        yield from forbidden
    elif silent and profile(pod.context, "seccompProfile") is None:
        wanted = 'securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
        yield f"seccompProfile (pod or {named(silent)} must set {wanted})"


RULES: tuple[tuple[int, Rule], ...] = (
    (8, _escalation), (22, _capabilities), (0, _volume_types), (0, _root), (23, _root_user), (19, _seccomp),
)  # fmt: skip
"""Rules, each with the minor version of Kubernetes since which it holds."""

REPLACES: dict[Rule, Rule] = {
    _capabilities: baseline.added_capabilities, _volume_types: baseline.host_path, _seccomp: unsafe_seccomp,
}  # fmt: skip
"""The rules of `baseline` that stricter ones stand in for."""
