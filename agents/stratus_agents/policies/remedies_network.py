"""Runbook rows for calls that fail although the pods at both ends are well."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stratus_agents.policies.hypotheses import Hypothesis, undo, write
from stratus_agents.policies.scene import (
    Json,
    Scene,
    container_ports,
    labels,
    name,
    namespace,
    path,
    template_containers,
)
from stratus_sim.cluster.actions import Action
from stratus_sim.manifests.addresses import addresses_of, resolve_host

REFUSED = "connection refused"
TIMED_OUT = "deadline exceeded"
UNKNOWN_HOST = "no such host: "


def address_is_wrong(scene: Scene) -> Iterator[Hypothesis]:
    """A caller's environment names a host nobody has, or a port its callee's Service does not offer."""
    for call in scene.failing_calls:
        caller, callee = scene.deployment(call["caller"]), scene.services.get(call["callee"])
        if caller is None or callee is None:
            continue
        for container in template_containers(caller):
            for variable in _wrong_variables(scene, call["error"], caller, callee, container):
                cause = f"{variable} of {path(caller)} does not lead to Service {path(callee)}"
                fix = _correct_address(scene, caller, callee, container, variable)
                yield Hypothesis(cause, (fix,) if fix is not None else ())


def _wrong_variables(scene: Scene, error: str, caller: Json, callee: Json, container: Json) -> list[str]:
    return [v for v in _literals(container) if _explains(scene, error, caller, callee, container, v)]


def _explains(scene: Scene, error: str, caller: Json, callee: Json, container: Json, variable: str) -> bool:
    for host, port in _addresses(container, variable):
        found = resolve_host(host, namespace(caller), scene.services)
        if error == f"{UNKNOWN_HOST}{host}":
            return True
        wrong_port = port is not None and port not in _ports(callee)
        if found == path(callee) and error == REFUSED and wrong_port:
            return True
    return False


def _correct_address(scene: Scene, caller: Json, callee: Json, container: Json, variable: str) -> Action | None:
    def leads_there(template: Json) -> bool:
        found: Json = next((c for c in template["spec"]["containers"] if c["name"] == container["name"]), {})
        reached = [(resolve_host(h, namespace(caller), scene.services), p) for h, p in _addresses(found, variable)]
        return any(key == path(callee) and (port is None or port in _ports(callee)) for key, port in reached)

    def environment(template: Json) -> list[Any]:
        return [c.get("env") for c in template["spec"]["containers"]]

    back = undo(scene, caller, environment, leads_there)
    value = _corrected(scene, caller, callee, container, variable)
    if back is None and value is not None:
        return write("set-env", caller, container=container["name"], env={variable: value})
    return back


def _corrected(scene: Scene, caller: Json, callee: Json, container: Json, variable: str) -> str | None:
    """The value with its one address mended; None where it holds several or the mend is a guess."""
    value, found = _literals(container)[variable], _addresses(container, variable)
    if len(found) != 1 or len(_ports(callee)) != 1:
        return None
    host, port = found[0]
    if resolve_host(host, namespace(caller), scene.services) is None:
        home = "" if namespace(callee) == namespace(caller) else f".{namespace(callee)}"
        value = value.replace(host, f"{name(callee)}{home}", 1)
    stated = f":{port}"
    return value.replace(stated, f":{_ports(callee)[0]}", 1) if stated in value else value


def service_port_is_wrong(scene: Scene) -> Iterator[Hypothesis]:
    """Every caller is refused though pods are ready, and the Service sends to a port they do not declare."""
    refused = [call["callee"] for call in scene.failing_calls if call["error"] == REFUSED]
    for key in dict.fromkeys(refused):
        service = scene.services.get(key)
        calls = [call for call in scene.observation.calls() if call["callee"] == key and call["requests_per_s"]]
        if service is None or not all(call["error"] == REFUSED for call in calls):
            continue
        ports = _mended_ports(scene, service)
        if ports is not None:
            fix = write("patch", service, patch={"spec": {"ports": ports}})
            yield Hypothesis(f"Service {key} sends to a port its pods do not have", (fix,))


def _mended_ports(scene: Scene, service: Json) -> list[Json] | None:
    """The Service's ports with wrong targets mended; None when none is wrong or the right one is not clear."""
    ports = [dict(port) for port in service["spec"].get("ports") or ()]
    containers = [c for pod in scene.behind(service)[:1] for c in pod["spec"]["containers"]]
    declared = [port for c in containers for port in c.get("ports") or ()]
    wrong = [port for port in ports if not _declared(port, declared)]
    for port in wrong:
        target = _right_target(port, declared, containers)
        if target is None:
            return None
        port["targetPort"] = target
    return ports if wrong else None


def _declared(port: Json, declared: list[Json]) -> bool:
    target = port.get("targetPort") or port["port"]
    return any(target in (other["containerPort"], other.get("name")) for other in declared)


def _right_target(port: Json, declared: list[Json], containers: list[Json]) -> int | None:
    """The declared port of the same number, else of the same name, else the only one."""
    numbers = [number for c in containers for number in container_ports(c)]
    named = [int(d["containerPort"]) for d in declared if d.get("name") and d.get("name") == port.get("name")]
    same = [number for number in numbers if number == port["port"]]
    choice = same or named or numbers
    return choice[0] if len(set(choice)) == 1 else None


def traffic_is_cut(scene: Scene) -> Iterator[Hypothesis]:
    """A NetworkChaos object partitions two workloads whose calls time out."""
    for call in scene.failing_calls:
        caller, callee = scene.deployment(call["caller"]), scene.services.get(call["callee"])
        if call["error"] != TIMED_OUT or caller is None or callee is None:
            continue
        for chaos in scene.observation.list("NetworkChaos"):
            if any(_cuts(chaos, labels(caller["spec"]["template"]), labels(pod)) for pod in scene.behind(callee)):
                cause = f"{path(chaos)} drops traffic from {call['caller']} to {call['callee']}"
                yield Hypothesis(cause, (write("delete", chaos),))


def _cuts(chaos: Json, caller: Mapping[str, str], callee: Mapping[str, str]) -> bool:
    spec = chaos.get("spec") or {}
    one, other = _selected(spec), _selected(spec.get("target") or {})
    if spec.get("action") != "partition" or not one or not other:
        return False
    ways = [(one, other), (other, one)]
    return any(a.items() <= caller.items() and b.items() <= callee.items() for a, b in ways)


def _selected(side: Json) -> Mapping[str, str]:
    return (side.get("selector") or {}).get("labelSelectors") or {}


def _ports(service: Json) -> list[int]:
    return [int(port["port"]) for port in service["spec"].get("ports") or ()]


def _literals(container: Json) -> dict[str, str]:
    return {e["name"]: str(e["value"]) for e in container.get("env") or () if e.get("value")}


def _addresses(container: Json, variable: str) -> list[tuple[str, int | None]]:
    values = _literals(container)
    return addresses_of(values[variable], variable, values) if variable in values else []
