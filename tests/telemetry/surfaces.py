"""Everything of a world that an agent can read, as lines of text by surface."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from stratus_agents import kubectl, tools
from stratus_sim.serve.answers import Request
from stratus_sim.serve.kinds import Kind, served
from stratus_sim.serve.service import Service
from stratus_sim.telemetry.alerts import pending
from stratus_sim.telemetry.observation import Observation, observe
from stratus_sim.world import World

Lines = Iterable[str]
TABLE = {"accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")


def written(*bodies: Any) -> Iterator[str]:
    """JSON as lines, one value each."""
    for body in bodies:
        yield from json.dumps(body, indent=0, ensure_ascii=False).splitlines()


def kinds(seen: Observation) -> list[str]:
    return sorted({key.kind for key in seen._view.store.state.objects})


def pods(seen: Observation) -> list[tuple[str, str]]:
    return [(pod["metadata"]["namespace"], pod["metadata"]["name"]) for pod in seen.list("Pod")]


def objects(seen: Observation) -> Lines:
    yield from written(*(seen.list(kind) for kind in kinds(seen)))
    for body in seen.list("Deployment"):
        yield from written(seen.history(body["metadata"]["name"], body["metadata"]["namespace"]))


def annotations(seen: Observation) -> Lines:
    """What objects carry beside their specification: annotations, labels, finalizers, fields managed, if any."""
    yield from written(*(body["metadata"] for kind in kinds(seen) for body in seen.list(kind)))


def logs(seen: Observation) -> Lines:
    for namespace, name in pods(seen):
        for previous in (False, True):
            yield from seen.logs(name, namespace, previous=previous)


def alerts(seen: Observation) -> Lines:
    yield from written(seen.alerts(), [list(alert) for alert in pending(seen._view)])


def numbers(seen: Observation) -> Lines:
    yield from written(seen.metrics(), seen.calls(), seen.namespaces, [seen.now, seen.now_s, repr(seen)])


def answered(seen: Observation, line: str) -> Lines:
    command = kubectl.parse(line, seen.namespaces[0])
    try:
        return kubectl.answer(command, seen).splitlines()
    except kubectl.Refused as refusal:
        return [str(refusal)]


def kubectl_lines(seen: Observation) -> Iterator[str]:
    yield from (f"get {kind} -A{how}" for kind in kinds(seen) for how in (" -o json", " -o wide", ""))
    yield from ("get events -A", "events -A", "top pods -A")
    for kind in WORKLOADS:
        for body in seen.list(kind):
            where = f"{kind}/{body['metadata']['name']} -n {body['metadata']['namespace']}"
            yield from (f"rollout status {where}", f"rollout history {where}")
    for namespace, name in pods(seen):
        yield from (f"logs {name} -n {namespace} --tail=200", f"logs {name} -n {namespace} --previous")
    unready = [body for body in seen.list("Pod") if body["status"]["phase"] != "Running"]
    for body in [*unready[:1], *seen.list("Pod")[:1], *seen.list("Node")]:
        home = body["metadata"].get("namespace")
        yield f"describe {body['kind']} {body['metadata']['name']}" + (f" -n {home}" if home else "")


def agents_kubectl(seen: Observation) -> Lines:
    for line in kubectl_lines(seen):
        yield from answered(seen, f"kubectl {line}")


def agents_tools(seen: Observation) -> Lines:
    for name in ("alerts", "metrics", "traces"):
        answer = tools.use(name, "{}", tools.TOOLS, seen)
        assert isinstance(answer, str)
        yield from answer.splitlines()


def asked(service: Service, path: tuple[str, ...], headers: Mapping[str, str] | None = None) -> Lines:
    answer = service.handle(Request("GET", path, {}, headers or {}))
    body = answer.body  # type: ignore[union-attr]  # nothing is watched here
    return body.splitlines() if isinstance(body, str) else written(body)


def collection(kind: Kind) -> tuple[str, ...]:
    root = ("apis", kind.group, kind.version) if kind.group else ("api", kind.version)
    return (*root, kind.plural)


def served_api(world: World) -> Lines:
    """Discovery, and every kind as objects and as tables; of pods their logs."""
    service = Service(world)
    for path in (("api",), ("apis",), ("api", "v1"), ("version",), ("stratus", "clock")):
        yield from asked(service, path)
    for kind in served(world):
        if kind.name in world.store.state.by_kind or kind.name == "Event":
            yield from asked(service, collection(kind))
            yield from asked(service, collection(kind), TABLE)
    for pod in world.store.keys("Pod"):
        yield from asked(service, ("api", "v1", "namespaces", pod.namespace, "pods", pod.name, "log"))


def seen_by(read: Callable[[Observation], Lines]) -> Callable[[World], Lines]:
    return lambda world: read(observe(world))


SURFACES: dict[str, Callable[[World], Lines]] = {
    "objects": seen_by(objects),
    "annotations": seen_by(annotations),
    "events": seen_by(lambda seen: written(seen.events())),
    "logs": seen_by(logs),
    "alerts": seen_by(alerts),
    "metrics and calls": seen_by(numbers),
    "exposition": seen_by(lambda seen: seen.exposition().splitlines()),
    "traces": seen_by(lambda seen: written(seen.traces())),
    "agents' kubectl": seen_by(agents_kubectl),
    "agents' tools": seen_by(agents_tools),
    "served API": served_api,
}
"""Every way to read a world, by name."""
