"""Faults in a Deployment's pod template or size. Mechanisms as in the benchmarks' injectors."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from stratus_sim.application import epochs
from stratus_sim.cluster.merge import strategic_merge
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.faults.catalogue import Fault, Writes, register
from stratus_sim.faults.servers import pods_under
from stratus_sim.manifests.calls import Call

if TYPE_CHECKING:
    from stratus_sim.world import World

WRONG_PORT = 9999
_NO_SUCH_NODE = {"kubernetes.io/hostname": "extra-node"}
_TOO_SMALL = {"cpu": "5m", "memory": "5Mi"}


def deployments(world: World) -> list[ObjectKey]:
    """The application's Deployments that want pods and whose image is known."""
    found = world.store.list("Deployment")
    return [d.key for d in found if f"{d.key.namespace}/{d.key.name}" in world.application.workloads]


def _change_container(
    change: Callable[[Mapping[str, Any]], Mapping[str, Any]],
) -> Callable[[World, ObjectKey], Writes]:
    def writes(world: World, target: ObjectKey) -> Writes:
        manifest = world.store.state.objects[target].manifest
        container = manifest["spec"]["template"]["spec"]["containers"][0]
        patch = {"containers": [{"name": container["name"], **change(container)}]}
        return [(target, strategic_merge(manifest, {"spec": {"template": {"spec": patch}}}))]

    return writes


def _shows(*reasons: str) -> Callable[[World, ObjectKey], bool]:
    def evident(world: World, target: ObjectKey) -> bool:
        return any({pod.status.reason, pod.status.last_termination} & {*reasons} for pod in pods_under(world, target))

    return evident


def _bad_tag(container: Mapping[str, Any]) -> Mapping[str, Any]:
    """The tag of a build that was never pushed: what it says of itself is what any build says."""
    image = container["image"].partition("@")[0]
    path, slash, name = image.rpartition("/")
    repository, _, tag = name.partition(":")
    commit = hashlib.sha256(image.encode()).hexdigest()[:7]
    return {"image": f"{path}{slash}{repository}:{tag or 'latest'}-{commit}"}


def _bad_probe(container: Mapping[str, Any]) -> Mapping[str, Any]:
    others = dict.fromkeys(("tcpSocket", "grpc", "exec"))
    return {"readinessProbe": {"httpGet": {"path": "/ready", "port": 40, "host": None}, **others}}


def _scaled_down(world: World, target: ObjectKey) -> Writes:
    manifest = world.store.state.objects[target].manifest
    return [(target, strategic_merge(manifest, {"spec": {"replicas": 0}}))]


def _misplaced(world: World, target: ObjectKey) -> Writes:
    manifest = world.store.state.objects[target].manifest
    return [(target, strategic_merge(manifest, {"spec": {"template": {"spec": {"nodeSelector": _NO_SUCH_NODE}}}}))]


def address_settings(world: World, target: ObjectKey) -> Iterator[tuple[Call, str]]:
    """The calls of a Deployment whose address stands literally in its environment, with that value."""
    source = f"{target.namespace}/{target.name}"
    manifest = world.store.state.objects[target].manifest
    for container in manifest["spec"]["template"]["spec"]["containers"]:
        literal = {e["name"]: e["value"] for e in container.get("env") or () if e.get("value")}
        for call in world.application.calls_from(source):
            name = call.via.removeprefix("env:")
            if call.hard and call.container == container["name"] and name in literal:
                yield call, literal[name]


def _callers_by_env(world: World) -> list[ObjectKey]:
    return [key for key in deployments(world) if any(address_settings(world, key))]


def _wrong_address(world: World, target: ObjectKey) -> Writes:
    call, value = next(address_settings(world, target))
    host, colon, rest = value.rpartition(":")
    wrong = f"{host}:{WRONG_PORT}" if colon and rest.isdigit() else value.replace(call.target, f"{call.target}-old", 1)
    env = {"name": call.container, "env": [{"name": call.via.removeprefix("env:"), "value": wrong}]}
    manifest = world.store.state.objects[target].manifest
    return [(target, strategic_merge(manifest, {"spec": {"template": {"spec": {"containers": [env]}}}}))]


def _call_fails(world: World, target: ObjectKey) -> bool:
    source = f"{target.namespace}/{target.name}"
    return any(flow.error for flow in epochs.current(world).calls if flow.call.source_key == source and flow.call.hard)


def _no_pods(world: World, target: ObjectKey) -> bool:
    return world.store.get(target) is not None and not pods_under(world, target)


def _never_ready(world: World, target: ObjectKey) -> bool:
    running = [pod for pod in pods_under(world, target) if pod.status.phase == "Running"]
    return any(not pod.status.ready and not pod.status.reason for pod in running)


register(
    Fault(
        "image-pull-bad-tag", "container image set to a tag that does not exist", deployments,
        _shows("ErrImagePull", "ImagePullBackOff"), _change_container(_bad_tag),
    )
)  # fmt: skip
register(Fault("scale-to-zero", "Deployment scaled to zero replicas", deployments, _no_pods, _scaled_down))
register(
    Fault(
        "pod-unschedulable-node-selector", "pod template asks for a node that does not exist", deployments,
        _shows("Unschedulable"), _misplaced,
    )
)  # fmt: skip
register(
    Fault(
        "readiness-probe-misconfig", "readiness probe asks a port nobody listens on", deployments,
        _never_ready, _change_container(_bad_probe),
    )
)  # fmt: skip
register(
    Fault(
        "resource-limit-oom", "memory limit below what the process needs", deployments, _shows("OOMKilled"),
        _change_container(lambda _: {"resources": {"limits": _TOO_SMALL, "requests": _TOO_SMALL}}),
    )
)  # fmt: skip
register(
    Fault(
        "env-var-wrong-value", "a dependency's address in the environment is wrong", _callers_by_env,
        _call_fails, _wrong_address,
    )
)  # fmt: skip
