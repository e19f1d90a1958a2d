"""Pod Security: each rule of the two standards, and that a namespace enforces one."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from stratus_sim.cluster import api
from stratus_sim.cluster.admission import pod_standards
from stratus_sim.cluster.admission.pod_security import ENFORCE
from stratus_sim.cluster.admission.pod_standards.pods import Pod
from stratus_sim.cluster.admission.registry import Denied
from stratus_sim.kernel import SECOND_US
from tests.cluster.workloads import cluster, members, workload

Json = dict[str, Any]
SAFE: Json = {
    "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}  # fmt: skip


def violations(level: str, spec: Json, annotations: dict[str, str] | None = None, minor: int = 33) -> list[str]:
    return list(pod_standards.violations(level, Pod(spec, annotations or {}, minor)))


def pod(context: Json | None = None, port: int = 0, **spec: Any) -> Json:
    ports = [{"containerPort": 8080, "hostPort": port}]
    container = {"name": "c", "image": "w:1", "securityContext": context or {}, "ports": ports}
    return {"containers": [container], **spec}


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (pod(hostIPC=True), "host namespaces (hostIPC=true)"),
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
         'seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type "spc_t")'),
        (pod(securityContext={"sysctls": [{"name": "kernel.msgmax"}, {"name": "net.ipv4.tcp_syncookies"}]}),
         "forbidden sysctls (kernel.msgmax)"),
        (pod({"appArmorProfile": {"type": "Unconfined"}}),
         'forbidden AppArmor profile (container "c" must not set AppArmor profile type to "Unconfined")'),
    ],
)  # fmt: skip
def test_baseline(spec: Json, said: str) -> None:
    assert violations("baseline", spec) == [said]
    assert violations("privileged", spec) == []


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
    assert violations("restricted", pod(rest, securityContext=own, volumes=volumes)) == []
    (found,) = violations("restricted", pod(SAFE, volumes=[{"name": "v", "nfs": {}}]))
    assert found == 'restricted volume types (volume "v" uses restricted volume type "nfs")'


def two(*contexts: Json, **spec: Any) -> Json:
    """A pod of the containers x and y with these security contexts."""
    names = zip("xy", contexts, strict=True)
    return {"containers": [{"name": n, "image": "w:1", "securityContext": {**SAFE, **c}} for n, c in names], **spec}


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (two({"runAsNonRoot": None}, {"runAsNonRoot": None}),
         'runAsNonRoot != true (pod or containers "x", "y" must set securityContext.runAsNonRoot=true)'),
        (two({"runAsNonRoot": False}, {"runAsNonRoot": None}, securityContext={"runAsNonRoot": False}),
         'runAsNonRoot != true (pod and container "x" must not set securityContext.runAsNonRoot=false)'),
        (two({}, {}, securityContext={"runAsNonRoot": False}),
         "runAsNonRoot != true (pod must not set securityContext.runAsNonRoot=false)"),
        (two({"seccompProfile": None}, {}),
         'seccompProfile (pod or container "x" must set securityContext.seccompProfile.type to "RuntimeDefault" or '
         '"Localhost")'),
        (two({"seccompProfile": {"type": "Unconfined"}}, {}, securityContext={"seccompProfile": {"type": "Odd"}}),
         'seccompProfile (pod and container "x" must not set securityContext.seccompProfile.type to "Odd", '
         '"Unconfined")'),
        (two({"seccompProfile": {}}, {}),
         'seccompProfile (container "x" must not set securityContext.seccompProfile.type to "")'),
        (two({"capabilities": {"add": ["CHOWN"]}}, {}),
         'unrestricted capabilities (container "x" must set securityContext.capabilities.drop=["ALL"]; container "x" '
         'must not include "CHOWN" in securityContext.capabilities.add)'),
        (two({"procMount": "B"}, {"procMount": "A"}),
         'procMount (containers "x", "y" must not set securityContext.procMount to "A", "B")'),
        (two({}, {}, volumes=[{"name": "v", "hostPath": {}}, {"name": "w", "nfs": {}}, {"name": "i", "image": {}}]),
         'restricted volume types (volumes "v", "w" use restricted volume types "hostPath", "nfs")'),
        (two({}, {}, securityContext={"seLinuxOptions": {"type": "spc_t", "user": "u"}}),
         'seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type "spc_t"; user may not be set)'),
    ],
)  # fmt: skip
def test_who_breaks_a_rule_is_named(spec: Json, said: str) -> None:
    assert violations("restricted", spec) == [said]


def test_ports_are_told_of_in_the_order_of_their_digits() -> None:
    ports = [{"hostPort": 9}, {"hostPort": 80}]
    both = {"containers": [{"name": name, "image": "w:1", "ports": ports} for name in "xy"]}
    assert violations("baseline", both) == ['hostPort (containers "x", "y" use hostPorts 80, 9)']


def test_rules_speak_in_the_order_of_their_names() -> None:
    """The order is that of the plug-in: baseline by name, then restricted by name."""
    guilty = {"privileged": True, "procMount": "Odd", "appArmorProfile": {"type": "Unconfined"}, "runAsUser": 0}
    volumes = [{"name": "v", "hostPath": {}}]
    titles = [
        one.partition(" (")[0] for one in violations("restricted", pod(guilty, 80, hostPID=True, volumes=volumes))
    ]
    assert titles == [
        "forbidden AppArmor profile", "host namespaces", "hostPort", "privileged", "procMount",
        "allowPrivilegeEscalation != false", "unrestricted capabilities", "restricted volume types",
        "runAsNonRoot != true", "runAsUser=0", "seccompProfile",
    ]  # fmt: skip


LABEL = "container.apparmor.security.beta.kubernetes.io/c"


@pytest.mark.parametrize(
    ("spec", "marks", "minor", "said"),
    [
        (pod({"seLinuxOptions": {"type": "container_engine_t"}}), {}, 31, []),
        (pod({"seLinuxOptions": {"type": "container_engine_t"}}), {}, 30,
         ['seLinuxOptions (container "c" set forbidden securityContext.seLinuxOptions: type "container_engine_t")']),
        (pod(securityContext={"sysctls": [{"name": "net.ipv4.tcp_rmem"}]}), {}, 32, []),
        (pod(securityContext={"sysctls": [{"name": "net.ipv4.tcp_rmem"}]}), {}, 31,
         ["forbidden sysctls (net.ipv4.tcp_rmem)"]),
        ({"containers": [], "ephemeralContainers": [{"name": "d", "securityContext": {"privileged": True}}]}, {}, 33,
         ['privileged (container "d" must not set securityContext.privileged=true)']),
        ({"containers": [{"name": "c", "ports": [{"containerPort": 9100}]}], "hostNetwork": True}, {}, 33,
         ["host namespaces (hostNetwork=true)", 'hostPort (container "c" uses hostPort 9100)']),
        (pod(volumes=[{"name": "v", "hostPath": None}]), {}, 33, []),
        (pod({"appArmorProfile": {"type": "Odd"}}), {}, 33,
         ['forbidden AppArmor profile (container "c" must not set AppArmor profile type to "Odd")']),
        (pod({"appArmorProfile": {"type": "Unconfined"}}), {LABEL: "unconfined"}, 33,
         ['forbidden AppArmor profiles (container "c" and annotation must not set AppArmor profile type to '
          f'"Unconfined", "{LABEL}="unconfined"")']),
        (pod(), {LABEL: "localhost/x"}, 33, []),
        (pod(), {LABEL: "runtime/default"}, 33, []),
        (pod({"seccompProfile": {"type": "Unconfined"}}), {}, 18, []),
    ],
)  # fmt: skip
def test_baseline_as_the_library_of_kubernetes_reads_it(
    spec: Json, marks: dict[str, str], minor: int, said: list[str]
) -> None:
    assert violations("baseline", spec, marks, minor) == said


WINDOWS: Json = {"name": "windows"}


@pytest.mark.parametrize(
    ("spec", "minor", "titles"),
    [
        (pod(os=WINDOWS), 33, ["runAsNonRoot != true"]),
        (pod(os=WINDOWS), 24, ["allowPrivilegeEscalation != false", "unrestricted capabilities",
                               "runAsNonRoot != true", "seccompProfile"]),
        (pod({**SAFE, "runAsUser": 0}), 22, []),
        (pod({**SAFE, "capabilities": None}), 21, []),
        (pod({**SAFE, "capabilities": {"add": ["NET_RAW"]}}), 21, ["non-default capabilities"]),
        (pod({**SAFE, "capabilities": {"drop": None}}), 33, ["unrestricted capabilities"]),
        (pod({**SAFE, "seccompProfile": {}}), 33, ["seccompProfile"]),
        (pod({**SAFE, "seccompProfile": None}), 18, []),
        (pod(), 7, ["runAsNonRoot != true"]),
    ],
)  # fmt: skip
def test_restricted_as_the_library_of_kubernetes_reads_it(spec: Json, minor: int, titles: list[str]) -> None:
    assert [one.partition(" (")[0] for one in violations("restricted", spec, minor=minor)] == titles


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


def test_versions_are_those_of_the_label_and_newer_ones_are_as_the_latest() -> None:
    pinned, engine = namespace("baseline"), pod({"seLinuxOptions": {"type": "container_engine_t"}})
    pinned["metadata"]["labels"][f"{ENFORCE}-version"] = "v1.30"
    world = cluster(pinned, seconds=1)
    wanted = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": engine}
    with pytest.raises(Denied, match=r'violates PodSecurity "baseline:v1\.30": seLinuxOptions'):
        api.put(world, wanted, "user")
    pinned["metadata"]["labels"][f"{ENFORCE}-version"] = "v1.99"
    api.put(world, pinned, "user")
    api.put(world, wanted, "user")


def test_a_new_image_is_judged_anew() -> None:
    world = cluster(namespace("privileged"), seconds=1)
    wanted: Json = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": pod()}
    api.put(world, wanted, "user")
    api.put(world, namespace("restricted"), "user")
    api.put(world, {**wanted, "metadata": {"name": "p", "labels": {"a": "b"}}}, "user")
    changed = copy.deepcopy(wanted)
    changed["spec"]["containers"][0]["image"] = "w:2"
    with pytest.raises(Denied, match="violates PodSecurity"):
        api.put(world, changed, "user")


def test_labels_without_meaning_are_refused_and_where_they_are_read_strictly() -> None:
    world = cluster(namespace("Baseline"), seconds=1)
    with pytest.raises(Denied, match='violates PodSecurity "restricted:latest"'):
        api.put(world, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": pod()}, "user")
    told = (
        f'metadata.labels[{ENFORCE}]: Invalid value: "none": must be one of privileged, baseline, restricted, '
        f'metadata.labels[{ENFORCE}-version]: Invalid value: "1.33": must be "latest" or "v1.x"'
    )
    unchanged = namespace("Baseline")
    unchanged["metadata"]["labels"]["a"] = "b"
    api.put(world, unchanged, "user")
    wrong = namespace("none")
    wrong["metadata"]["labels"][f"{ENFORCE}-version"] = "1.33"
    with pytest.raises(Denied) as caught:
        api.put(world, wrong, "user")
    assert (str(caught.value), caught.value.code) == (f'Namespace "default" is invalid: [{told}]', 422)
