"""What the Pod Security Standards forbid, rule by rule, in the words of the admission plug-in.

Follows kubernetes.io/docs/concepts/security/pod-security-standards ("Baseline", "Restricted") and
k8s.io/pod-security-admission 1.33: rules speak in the order of their names there, baseline first; those of `restricted`
about volumes, capabilities and seccomp stand in for the ones of `baseline`.
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
        "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected",
        "secret",
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
    for problem in _more_than(pod, _DEFAULT_CAPABILITIES):
        yield f"non-default capabilities ({problem})"


def _host_path(pod: Manifest) -> Iterator[str]:
    found = [volume["name"] for volume in pod.get("volumes") or () if "hostPath" in volume]
    if found:
        yield f"hostPath volumes ({_plural('volume', found)})"


def _host_ports(pod: Manifest) -> Iterator[str]:
    used = [(c, port["hostPort"]) for c in _containers(pod) for port in c.get("ports") or () if port.get("hostPort")]
    if used:
        numbers, names = sorted({str(number) for _, number in used}), list(dict.fromkeys(c["name"] for c, _ in used))
        word = "hostPort" if len(numbers) == 1 else "hostPorts"
        yield f"hostPort ({_plural('container', names)} {_uses(names)} {word} {', '.join(numbers)})"


def _escalation(pod: Manifest) -> Iterator[str]:
    found = [c for c in _containers(pod) if _context(c).get("allowPrivilegeEscalation") is not False]
    if found:
        yield (
            f"allowPrivilegeEscalation != false ({_named(found)} must set "
            "securityContext.allowPrivilegeEscalation=false)"
        )


def _capabilities(pod: Manifest) -> Iterator[str]:
    kept = [c for c in _containers(pod) if "ALL" not in (_context(c).get("capabilities") or {}).get("drop", ())]
    missing = [f'{_named(kept)} must set securityContext.capabilities.drop=["ALL"]'] if kept else []
    problems = [*missing, *_more_than(pod, frozenset({"NET_BIND_SERVICE"}))]
    if problems:
        yield f"unrestricted capabilities ({'; '.join(problems)})"


def _volume_types(pod: Manifest) -> Iterator[str]:
    typed = [(v["name"], kind) for v in pod.get("volumes") or () for kind in v if kind != "name"]
    found = [(name, kind) for name, kind in typed if kind not in _PLAIN_VOLUMES]
    if found:
        names, kinds = [name for name, _ in found], sorted({kind for _, kind in found})
        types = _plural("restricted volume type", kinds)
        yield f"restricted volume types ({_plural('volume', names)} {_uses(names)} {types})"


def _root(pod: Manifest) -> Iterator[str]:
    own, containers = _context(pod).get("runAsNonRoot"), _containers(pod)
    rooted = [c for c in containers if _context(c).get("runAsNonRoot") is False]
    guilty = _guilty("pod" if own is False else "", rooted)
    silent = [c for c in containers if _context(c).get("runAsNonRoot") is None]
    if guilty:
        yield f"runAsNonRoot != true ({guilty} must not set securityContext.runAsNonRoot=false)"
    elif silent and not own:
        yield f"runAsNonRoot != true (pod or {_named(silent)} must set securityContext.runAsNonRoot=true)"


def _seccomp(pod: Manifest) -> Iterator[str]:
    own, containers = _profile(_context(pod), "seccompProfile"), _containers(pod)
    given = [(c, _profile(_context(c), "seccompProfile")) for c in containers]
    bad = [(c, kind) for c, kind in given if kind not in (None, *_SAFE_PROFILES)]
    pod_bad = own not in (None, *_SAFE_PROFILES)
    guilty, silent = _guilty("pod" if pod_bad else "", [c for c, _ in bad]), [c for c, kind in given if kind is None]
    if guilty:
        kinds = ", ".join(f'"{kind}"' for kind in sorted({kind for _, kind in bad} | ({own} if pod_bad else set())))
        yield f"seccompProfile ({guilty} must not set securityContext.seccompProfile.type to {kinds})"
    elif silent and own is None:
        wanted = 'securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
        yield f"seccompProfile (pod or {_named(silent)} must set {wanted})"


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
    contexts = [_context(pod), *map(_context, _containers(pod))]
    labels = [context.get("seLinuxOptions") or {} for context in contexts]
    types = sorted({f'"{one["type"]}"' for one in labels if one.get("type", "") not in _SE_LINUX_TYPES})
    data = [f"{_counted('type', types)} {', '.join(types)}"] if types else []
    data += [f"{field} may not be set" for field in ("user", "role") if any(one.get(field) for one in labels)]
    yield from _set_by(
        pod, "seLinuxOptions", f"set forbidden securityContext.seLinuxOptions: {'; '.join(data)}", _labelled
    )


def _labelled(context: Manifest) -> bool:
    found = context.get("seLinuxOptions") or {}
    return found.get("type", "") not in _SE_LINUX_TYPES or bool(found.get("user") or found.get("role"))


def _proc_mount(pod: Manifest) -> Iterator[str]:
    found = [c for c in _containers(pod) if _context(c).get("procMount") not in (None, "Default")]
    if found:
        kinds = ", ".join(f'"{kind}"' for kind in sorted({_context(c)["procMount"] for c in found}))
        yield f"procMount ({_named(found)} must not set securityContext.procMount to {kinds})"


def _sysctls(pod: Manifest) -> Iterator[str]:
    names = [str(one.get("name")) for one in _context(pod).get("sysctls") or ()]
    unsafe = [name for name in names if name not in _SAFE_SYSCTLS]
    if unsafe:
        yield f"forbidden sysctls ({', '.join(unsafe)})"


def _set_by(pod: Manifest, title: str, problem: str, sets: Callable[[Manifest], Any]) -> Iterator[str]:
    """A violation of those whose security context sets something: the pod, its containers, or both."""
    guilty = _guilty("pod" if sets(_context(pod)) else "", [c for c in _containers(pod) if sets(_context(c))])
    if guilty:
        yield f"{title} ({guilty} {problem})"


def _guilty(pod: str, containers: list[Manifest]) -> str:
    return " and ".join(one for one in (pod, _named(containers) if containers else "") if one)


def _profile(context: Manifest, field: str) -> Any:
    return (context.get(field) or {}).get("type")


def _more_than(pod: Manifest, allowed: frozenset[str]) -> Iterator[str]:
    added = {c["name"]: (_context(c).get("capabilities") or {}).get("add") or () for c in _containers(pod)}
    extra = sorted({one for names in added.values() for one in names if one not in allowed})
    if extra:
        guilty = [name for name, names in added.items() if set(names) & set(extra)]
        shown = ", ".join(f'"{one}"' for one in extra)
        yield f"{_plural('container', guilty)} must not include {shown} in securityContext.capabilities.add"


def _containers(pod: Manifest) -> list[Any]:
    return [*(pod.get("initContainers") or ()), *pod["containers"]]


def _context(owner: Manifest) -> Manifest:
    found = owner.get("securityContext")
    return found if isinstance(found, Mapping) else {}


def _named(containers: Iterable[Manifest]) -> str:
    return _plural("container", [c["name"] for c in containers])


def _plural(word: str, names: list[str]) -> str:
    unique = [f'"{name}"' for name in dict.fromkeys(names)]
    return f"{_counted(word, unique)} {', '.join(unique)}"


def _counted(word: str, found: list[str]) -> str:
    return word if len(found) == 1 else f"{word}s"


def _uses(names: list[str]) -> str:
    return "uses" if len(names) == 1 else "use"


def violations(level: str, pod: Manifest) -> Iterator[str]:
    """What a pod's spec does that a standard (`baseline`, `restricted`) forbids; nothing for any other level."""
    for rule in _STANDARDS.get(level, ()):
        yield from rule(pod)


_BASELINE: tuple[Rule, ...] = (
    _app_armor, _added_capabilities, _host_namespaces, _host_path, _host_ports, _privileged, _proc_mount, _se_linux,
    _unconfined, _sysctls, _host_process,
)  # fmt: skip
_REPLACED = (_added_capabilities, _host_path, _unconfined)
_RESTRICTED: tuple[Rule, ...] = (
    *(rule for rule in _BASELINE if rule not in _REPLACED), _escalation, _capabilities, _volume_types, _root,
    _root_user, _seccomp,
)  # fmt: skip
_STANDARDS = {"baseline": _BASELINE, "restricted": _RESTRICTED}
