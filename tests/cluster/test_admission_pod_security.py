"""Pod Security: each rule of the two standards, and that a namespace enforces one."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_sim.cluster import api
from stratus_sim.cluster.admission.pod_security import ENFORCE
from stratus_sim.cluster.admission.pod_standards import violations
from stratus_sim.cluster.admission.registry import Denied
from stratus_sim.kernel import SECOND_US
from tests.cluster.workloads import cluster, members, workload

Json = dict[str, Any]
SAFE: Json = {
    "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}  # fmt: skip


def pod(context: Json | None = None, port: int = 0, **spec: Any) -> Json:
    container = {"name": "c", "image": "w:1", "securityContext": context or {}, "ports": [{"hostPort": port}]}
    return {"containers": [container], **spec}


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (pod(hostNetwork=True), "host namespaces (hostNetwork=true)"),
        (pod({"privileged": True}), 'privileged (container "c" must not set securityContext.privileged=true)'),
        (pod({"capabilities": {"add": ["NET_ADMIN", "CHOWN"]}}),
         'non-default capabilities (container "c" must not include "NET_ADMIN" in securityContext.capabilities.add)'),
        (pod(volumes=[{"name": "v", "hostPath": {"path": "/"}}]), 'hostPath volumes (volume "v")'),
        (pod(port=80), 'hostPort (container "c" uses hostPort 80)'),
        (pod({"windowsOptions": {"hostProcess": True}}),
         'hostProcess (container "c" must not set securityContext.windowsOptions.hostProcess=true)'),
        (pod({"procMount": "Unmasked"}),
         'procMount (container "c" must not set securityContext.procMount to "Unmasked")'),
        (pod({"seccompProfile": {"type": "Unconfined"}}, securityContext={"seccompProfile": {"type": "Unconfined"}}),
         'seccompProfile (pod and container "c" must not set securityContext.seccompProfile.type to "Unconfined")'),
        (pod(securityContext={"seLinuxOptions": {"type": "spc_t"}}),
         "seLinuxOptions (pod set forbidden securityContext.seLinuxOptions)"),
        (pod(securityContext={"sysctls": [{"name": "kernel.msgmax"}, {"name": "net.ipv4.tcp_syncookies"}]}),
         "forbidden sysctls (kernel.msgmax)"),
        (pod({"appArmorProfile": {"type": "Unconfined"}}),
         'forbidden AppArmor profile (container "c" must not set AppArmor profile type to "Unconfined")'),
    ],
)  # fmt: skip
def test_baseline(spec: Json, said: str) -> None:
    assert list(violations("baseline", spec)) == [said]
    assert list(violations("privileged", spec)) == []


@pytest.mark.parametrize(
    ("context", "said"),
    [
        ({"allowPrivilegeEscalation": None}, "allowPrivilegeEscalation != false"),
        ({"capabilities": None}, "unrestricted capabilities"),
        ({"capabilities": {"drop": ["ALL"], "add": ["CHOWN"]}}, "unrestricted capabilities"),
        ({"runAsNonRoot": False}, "runAsNonRoot != true"),
        ({"seccompProfile": {"type": "Unconfined"}}, "seccompProfile"),
        ({"runAsUser": 0}, 'runAsUser=0 (container "c" must not set runAsUser=0)'),
        ({"procMount": "Unmasked"}, "procMount"),
    ],
)
def test_restricted(context: Json, said: str) -> None:
    (found,) = violations("restricted", pod({**SAFE, **context}))
    assert found.startswith(said)


def test_restricted_reads_the_pods_own_context_too() -> None:
    own = {"runAsNonRoot": True, "seccompProfile": {"type": "Localhost"}}
    rest = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}}
    volumes = [{"name": "v", "emptyDir": {}}]
    assert list(violations("restricted", pod(rest, securityContext=own, volumes=volumes))) == []
    (found,) = violations("restricted", pod(SAFE, volumes=[{"name": "v", "nfs": {}}]))
    assert found == 'restricted volume types (volume "v" uses restricted volume type "nfs")'


def namespace(level: str) -> Json:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default", "labels": {ENFORCE: level}}}


def test_a_namespace_enforces_its_standard_on_users_and_controllers() -> None:
    world = cluster(namespace("restricted"), workload("Deployment"), seconds=5)
    assert members(world, "Deployment") == []
    with pytest.raises(Denied, match='pods "p" is forbidden: violates PodSecurity "restricted:latest": allowPriv'):
        api.put(world, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": pod()}, "user")
    pinned = namespace("restricted")
    pinned["metadata"]["labels"][f"{ENFORCE}-version"] = "v1.30"
    api.put(world, pinned, "user")
    with pytest.raises(Denied, match=r'violates PodSecurity "restricted:v1\.30"'):
        api.put(world, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": pod()}, "user")
    api.put(world, namespace("baseline"), "user")
    world.run_for(30 * SECOND_US)
    assert len(members(world, "Deployment")) == 1
