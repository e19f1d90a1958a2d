"""The rules of the standard `baseline`.

Follows kubernetes.io/docs/concepts/security/pod-security-standards ("Baseline") and k8s.io/pod-security-admission 1.33.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from stratus_sim.cluster.admission.pod_standards.pods import (
    Pod,
    adds_more_than,
    context,
    counted,
    named,
    plural,
    profile,
    quoted,
    set_by,
    setters,
    unsafe,
    unsafe_seccomp,
    uses,
)
from stratus_sim.cluster.objects import Manifest

Rule = Callable[[Pod], Iterator[str]]

_DEFAULT_CAPABILITIES = frozenset(
    {
        "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP",
        "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
    }
)  # fmt: skip
_SE_LINUX_SINCE = {"": 0, "container_t": 0, "container_init_t": 0, "container_kvm_t": 0, "container_engine_t": 31}
_SYSCTL_SINCE = {
    "kernel.shm_rmid_forced": 0, "net.ipv4.ip_local_port_range": 0, "net.ipv4.ip_unprivileged_port_start": 0,
    "net.ipv4.tcp_syncookies": 0, "net.ipv4.ping_group_range": 0, "net.ipv4.ip_local_reserved_ports": 27,
    "net.ipv4.tcp_keepalive_time": 29, "net.ipv4.tcp_fin_timeout": 29, "net.ipv4.tcp_keepalive_intvl": 29,
    "net.ipv4.tcp_keepalive_probes": 29, "net.ipv4.tcp_rmem": 32, "net.ipv4.tcp_wmem": 32,
}  # fmt: skip
_APP_ARMOR = "container.apparmor.security.beta.kubernetes.io"


def app_armor(pod: Pod) -> Iterator[str]:
    kinds = {profile(one, "appArmorProfile") for one in (pod.context, *map(context, pod.containers))}
    marks = sorted(f"{key}={json.dumps(value)}" for key, value in pod.annotations.items() if _unconfines(key, value))
    found = [*sorted(str(kind) for kind in kinds if unsafe(kind)), *marks]
    if found:
        guilty = setters(pod, lambda c: unsafe(profile(c, "appArmorProfile")))
        told = " and ".join((*guilty, *([counted("annotation", marks)] if marks else ())))
        shown = ", ".join(f'"{one}"' for one in found)
        yield f"{counted('forbidden AppArmor profile', found)} ({told} must not set AppArmor profile type to {shown})"


def _unconfines(key: str, value: str) -> bool:
    return key.startswith(f"{_APP_ARMOR}/") and value not in ("", "runtime/default") and value[:10] != "localhost/"


def added_capabilities(pod: Pod) -> Iterator[str]:
    for problem in adds_more_than(pod, _DEFAULT_CAPABILITIES):
        yield f"non-default capabilities ({problem})"


def host_namespaces(pod: Pod) -> Iterator[str]:
    used = [f"{name}=true" for name in ("hostNetwork", "hostPID", "hostIPC") if pod.spec.get(name)]
    if used:
        yield f"host namespaces ({', '.join(used)})"


def host_path(pod: Pod) -> Iterator[str]:
    found = [name for name, kind in pod.volumes if kind == "hostPath"]
    if found:
        yield f"hostPath volumes ({plural('volume', found)})"


def host_ports(pod: Pod) -> Iterator[str]:
    used = {c["name"]: found for c in pod.containers if (found := _host_ports(pod, c))}
    if used:
        numbers = sorted(set().union(*used.values()))
        told = f"{uses(used)} {counted('hostPort', numbers)} {', '.join(numbers)}"
        yield f"hostPort ({plural('container', used)} {told})"


def _host_ports(pod: Pod, container: Manifest) -> set[str]:
    """In a pod on the host's network the API server makes each port one of the host."""
    own = "containerPort" if pod.spec.get("hostNetwork") else "hostPort"
    return {str(found) for port in container.get("ports") or () if (found := port.get("hostPort") or port.get(own))}


def privileged(pod: Pod) -> Iterator[str]:
    found = [c for c in pod.containers if context(c).get("privileged")]
    if found:
        yield f"privileged ({named(found)} must not set securityContext.privileged=true)"


def proc_mount(pod: Pod) -> Iterator[str]:
    found = [c for c in pod.containers if context(c).get("procMount") not in (None, "Default")]
    if found:
        kinds = quoted({context(c)["procMount"] for c in found})
        yield f"procMount ({named(found)} must not set securityContext.procMount to {kinds})"


def se_linux(pod: Pod) -> Iterator[str]:
    allowed = [kind for kind, since in _SE_LINUX_SINCE.items() if since <= pod.minor]
    labels = [one.get("seLinuxOptions") or {} for one in (pod.context, *map(context, pod.containers))]
    types = {kind for one in labels if (kind := one.get("type") or "") not in allowed}
    data = [f"{counted('type', types)} {quoted(types)}"] if types else []
    data += [f"{field} may not be set" for field in ("user", "role") if any(one.get(field) for one in labels)]

    def labelled(one: Manifest) -> bool:
        found = one.get("seLinuxOptions") or {}
        return (found.get("type") or "") not in allowed or bool(found.get("user") or found.get("role"))

    yield from set_by(
        pod, "seLinuxOptions", f"set forbidden securityContext.seLinuxOptions: {'; '.join(data)}", labelled
    )


def sysctls(pod: Pod) -> Iterator[str]:
    allowed = [name for name, since in _SYSCTL_SINCE.items() if since <= pod.minor]
    names = [str(one.get("name") or "") for one in pod.context.get("sysctls") or ()]
    found = [name for name in names if name not in allowed]
    if found:
        yield f"forbidden sysctls ({', '.join(found)})"


def host_process(pod: Pod) -> Iterator[str]:
    problem = "must not set securityContext.windowsOptions.hostProcess=true"
    yield from set_by(pod, "hostProcess", problem, lambda c: (c.get("windowsOptions") or {}).get("hostProcess"))


RULES: tuple[tuple[int, Rule], ...] = (
    (0, app_armor), (0, added_capabilities), (0, host_namespaces), (0, host_path), (0, host_ports), (0, privileged),
    (0, proc_mount), (0, se_linux), (19, unsafe_seccomp), (0, sysctls), (0, host_process),
)  # fmt: skip
"""Rules, each with the minor version of Kubernetes since which it holds."""
