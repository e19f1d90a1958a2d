"""What the Pod Security Standards forbid, rule by rule, in the words of the admission plug-in.

Follows kubernetes.io/docs/concepts/security/pod-security-standards ("Baseline", "Restricted").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from stratus_sim.cluster.objects import Manifest

Rule = Callable[[Manifest], Iterator[str]]

_DEFAULT_CAPABILITIES = frozenset(
    {
        "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP",
        "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
    }
)  # fmt: skip
_SE_LINUX_TYPES = ("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t")
_SAFE_SYSCTLS = frozenset(
    {
        "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range", "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem",
    }
)  # fmt: skip
_SAFE_PROFILES = ("RuntimeDefault", "Localhost")
_PLAIN_VOLUMES = frozenset(
    {
        "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret",
    }
)  # fmt: skip


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


def _root_user(pod: Manifest) -> Iterator[str]:
    yield from _set_by(pod, "runAsUser=0", "must not set runAsUser=0", lambda context: context.get("runAsUser") == 0)


def _host_process(pod: Manifest) -> Iterator[str]:
    problem = "must not set securityContext.windowsOptions.hostProcess=true"
    yield from _set_by(pod, "hostProcess", problem, lambda c: (c.get("windowsOptions") or {}).get("hostProcess"))


def _unconfined(pod: Manifest) -> Iterator[str]:
    problem = 'must not set securityContext.seccompProfile.type to "Unconfined"'
    yield from _set_by(pod, "seccompProfile", problem, lambda c: _profile(c, "seccompProfile") == "Unconfined")


def _app_armor(pod: Manifest) -> Iterator[str]:
    problem = 'must not set AppArmor profile type to "Unconfined"'
    yield from _set_by(
        pod, "forbidden AppArmor profile", problem, lambda c: _profile(c, "appArmorProfile") == "Unconfined"
    )


def _se_linux(pod: Manifest) -> Iterator[str]:
    yield from _set_by(pod, "seLinuxOptions", "set forbidden securityContext.seLinuxOptions", _labelled)


def _labelled(context: Manifest) -> bool:
    found = context.get("seLinuxOptions") or {}
    return found.get("type", "") not in _SE_LINUX_TYPES or bool(found.get("user") or found.get("role"))


def _proc_mount(pod: Manifest) -> Iterator[str]:
    found = [c for c in _containers(pod) if _context(c).get("procMount") not in (None, "Default")]
    if found:
        kind = _context(found[0])["procMount"]
        yield f'procMount ({_named(found)} must not set securityContext.procMount to "{kind}")'


def _sysctls(pod: Manifest) -> Iterator[str]:
    names = [str(one.get("name")) for one in _context(pod).get("sysctls") or ()]
    unsafe = [name for name in names if name not in _SAFE_SYSCTLS]
    if unsafe:
        yield f"forbidden sysctls ({', '.join(unsafe)})"


def _set_by(pod: Manifest, title: str, problem: str, sets: Callable[[Manifest], Any]) -> Iterator[str]:
    """A violation of those whose security context sets something: the pod, its containers, or both."""
    found = [c for c in _containers(pod) if sets(_context(c))]
    guilty = [*(["pod"] if sets(_context(pod)) else []), *([_named(found)] if found else [])]
    if guilty:
        yield f"{title} ({' and '.join(guilty)} {problem})"


def _profile(context: Manifest, field: str) -> Any:
    return (context.get(field) or {}).get("type")


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


def violations(level: str, pod: Manifest) -> Iterator[str]:
    """What a pod's spec does that a standard (`baseline`, `restricted`) forbids; nothing for any other level."""
    for rule in _STANDARDS.get(level, ()):
        yield from rule(pod)


_BASELINE: tuple[Rule, ...] = (
    _host_namespaces, _privileged, _added_capabilities, _host_path, _host_ports, _host_process, _proc_mount,
    _unconfined, _se_linux, _sysctls, _app_armor,
)  # fmt: skip
_RESTRICTED: tuple[Rule, ...] = (
    _host_namespaces, _privileged, _host_path, _host_ports, _host_process, _proc_mount, _se_linux, _sysctls, _app_armor,
    _escalation, _capabilities, _volume_types, _root, _root_user, _seccomp,
)  # fmt: skip
_STANDARDS = {"baseline": _BASELINE, "restricted": _RESTRICTED}
