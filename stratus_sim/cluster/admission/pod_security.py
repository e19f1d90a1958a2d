"""Pod Security: what the pods of a namespace may not ask for, by its label `enforce`.

Follows kubernetes.io/docs/concepts/security/pod-security-standards and pod-security-admission, with the admission
plug-in's messages. Left out of baseline: AppArmor, SELinux, /proc mounts, sysctls, HostProcess; the labels `warn` and
`audit` refuse nothing and are not read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from stratus_sim.cluster.admission.registry import Write, forbidden, validates
from stratus_sim.cluster.objects import Manifest, ObjectKey

if TYPE_CHECKING:
    from stratus_sim.world import World

ENFORCE = "pod-security.kubernetes.io/enforce"
_DEFAULT_CAPABILITIES = frozenset(
    {
        "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP",
        "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
    }
)  # fmt: skip
_SAFE_PROFILES = ("RuntimeDefault", "Localhost")
_PLAIN_VOLUMES = frozenset(
    {
        "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret",
    }
)  # fmt: skip


@validates("PodSecurity", reads="Namespace")
def check(world: World, write: Write) -> None:
    """Refuse a new pod that breaks the standard its namespace enforces. Raises Denied."""
    if write.key.kind != "Pod" or write.manifest is None or write.old is not None:
        return
    namespace = world.store.get(ObjectKey("Namespace", "", write.key.namespace))
    level = namespace.labels.get(ENFORCE, "") if namespace is not None else ""
    found = list(violations(level, write.manifest["spec"]))
    if found:
        raise forbidden(write.key, f'violates PodSecurity "{level}:latest": {", ".join(found)}')


def violations(level: str, pod: Manifest) -> Iterator[str]:
    """What a pod's spec does that a standard (`baseline`, `restricted`) forbids; nothing for any other level."""
    for rule in _STANDARDS.get(level, ()):
        yield from rule(pod)


def _host_namespaces(pod: Manifest) -> Iterator[str]:
    used = [f"{name}=true" for name in ("hostNetwork", "hostPID", "hostIPC") if pod.get(name)]
    if used:
        yield f"host namespaces ({', '.join(used)})"


def _privileged(pod: Manifest) -> Iterator[str]:
    found = [c for c in _containers(pod) if _context(c).get("privileged")]
    if found:
        yield f"privileged ({_named(found)} must not set securityContext.privileged=true)"


def _added_capabilities(pod: Manifest) -> Iterator[str]:
    return _more_than(pod, _DEFAULT_CAPABILITIES, "non-default capabilities")


def _host_path(pod: Manifest) -> Iterator[str]:
    found = [volume["name"] for volume in pod.get("volumes") or () if "hostPath" in volume]
    if found:
        yield f"hostPath volumes ({_plural('volume', found)})"


def _host_ports(pod: Manifest) -> Iterator[str]:
    used = [(c, port["hostPort"]) for c in _containers(pod) for port in c.get("ports") or () if port.get("hostPort")]
    if used:
        numbers = sorted({number for _, number in used})
        word = "hostPort" if len(numbers) == 1 else "hostPorts"
        yield f"hostPort ({_named(c for c, _ in used)} uses {word} {', '.join(map(str, numbers))})"


def _escalation(pod: Manifest) -> Iterator[str]:
    found = [c for c in _containers(pod) if _context(c).get("allowPrivilegeEscalation") is not False]
    if found:
        yield (
            f"allowPrivilegeEscalation != false ({_named(found)} must set "
            "securityContext.allowPrivilegeEscalation=false)"
        )


def _capabilities(pod: Manifest) -> Iterator[str]:
    kept = [c for c in _containers(pod) if "ALL" not in (_context(c).get("capabilities") or {}).get("drop", ())]
    if kept:
        yield f'unrestricted capabilities ({_named(kept)} must set securityContext.capabilities.drop=["ALL"])'
    yield from _more_than(pod, frozenset({"NET_BIND_SERVICE"}), "unrestricted capabilities")


def _volume_types(pod: Manifest) -> Iterator[str]:
    typed = [(v["name"], kind) for v in pod.get("volumes") or () for kind in v if kind != "name"]
    found = [(name, kind) for name, kind in typed if kind not in _PLAIN_VOLUMES]
    if found:
        kinds = ", ".join(f'"{kind}"' for kind in sorted({kind for _, kind in found}))
        volumes = _plural("volume", [name for name, _ in found])
        yield f"restricted volume types ({volumes} uses restricted volume type {kinds})"


def _root(pod: Manifest) -> Iterator[str]:
    own = _context(pod).get("runAsNonRoot")
    found = [c for c in _containers(pod) if _context(c).get("runAsNonRoot", own) is not True]
    if found:
        yield f"runAsNonRoot != true (pod or {_named(found)} must set securityContext.runAsNonRoot=true)"


def _seccomp(pod: Manifest) -> Iterator[str]:
    own = _context(pod).get("seccompProfile") or {}
    profiles = [(c, _context(c).get("seccompProfile") or own) for c in _containers(pod)]
    found = [c for c, profile in profiles if profile.get("type") not in _SAFE_PROFILES]
    if found:
        wanted = 'securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
        yield f"seccompProfile (pod or {_named(found)} must set {wanted})"


def _more_than(pod: Manifest, allowed: frozenset[str], title: str) -> Iterator[str]:
    added = {c["name"]: (_context(c).get("capabilities") or {}).get("add") or () for c in _containers(pod)}
    extra = sorted({one for names in added.values() for one in names if one not in allowed})
    if extra:
        guilty = [name for name, names in added.items() if set(names) & set(extra)]
        shown = ", ".join(f'"{one}"' for one in extra)
        yield f"{title} ({_plural('container', guilty)} must not include {shown} in securityContext.capabilities.add)"


def _containers(pod: Manifest) -> list[Any]:
    return [*(pod.get("initContainers") or ()), *pod["containers"]]


def _context(owner: Manifest) -> Manifest:
    found = owner.get("securityContext")
    return found if isinstance(found, Mapping) else {}


def _named(containers: Iterable[Manifest]) -> str:
    return _plural("container", [c["name"] for c in containers])


def _plural(word: str, names: list[str]) -> str:
    unique = [f'"{name}"' for name in dict.fromkeys(names)]
    return f"{word}{'s' if len(unique) > 1 else ''} {', '.join(unique)}"


_Rule = Callable[[Manifest], Iterator[str]]
_BASELINE: tuple[_Rule, ...] = (_host_namespaces, _privileged, _added_capabilities, _host_path, _host_ports)
_RESTRICTED: tuple[_Rule, ...] = (
    _host_namespaces, _privileged, _host_path, _host_ports, _escalation, _capabilities, _volume_types, _root, _seccomp,
)  # fmt: skip
_STANDARDS = {"baseline": _BASELINE, "restricted": _RESTRICTED}
