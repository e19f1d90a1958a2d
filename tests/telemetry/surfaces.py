"""Everything of a world that an agent can read, as lines of text by surface."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from stratus_agents import kubectl, tools
from stratus_agents.prompts import load_prompts
from stratus_sim.cluster import api
from stratus_sim.cluster.actions import Action
from stratus_sim.faults import inject
from stratus_sim.kernel import SECOND_US
from stratus_sim.serve.access import REVIEWS
from stratus_sim.serve.answers import Request, Stream
from stratus_sim.serve.asked import ASKED
from stratus_sim.serve.history import told
from stratus_sim.serve.kinds import Kind, served
from stratus_sim.serve.selecting import test_of
from stratus_sim.serve.service import Service
from stratus_sim.telemetry.alerts import pending
from stratus_sim.telemetry.observation import Observation, observe
from stratus_sim.testing.execution import Unprotected
from stratus_sim.testing.protected import Protected
from stratus_sim.testing.scenario import Scenario
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


def containers(body: dict[str, Any]) -> list[str]:
    return [found["name"] for field in ("initContainers", "containers") for found in body["spec"].get(field) or ()]


def objects(seen: Observation) -> Lines:
    yield from written(*(seen.list(kind) for kind in kinds(seen)))
    for body in seen.list("Deployment"):
        yield from written(seen.history(body["metadata"]["name"], body["metadata"]["namespace"]))


def annotations(seen: Observation) -> Lines:
    """What objects carry beside their specification: annotations, labels, finalizers, fields managed, if any."""
    yield from written(*(body["metadata"] for kind in kinds(seen) for body in seen.list(kind)))


def logs(seen: Observation) -> Lines:
    """Of every container, as it runs and as it ran before."""
    for body in seen.list("Pod"):
        for container in containers(body):
            for previous in (False, True):
                name, namespace = body["metadata"]["name"], body["metadata"]["namespace"]
                yield from seen.logs(name, namespace, container, previous=previous)


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
    first = [found for kind in kinds(seen) for found in seen.list(kind)[:1]]
    for body in [*unready[:1], *first, *seen.list("Node")[1:]]:
        home = body["metadata"].get("namespace")
        yield f"describe {body['kind']} {body['metadata']['name']}" + (f" -n {home}" if home else "")


def agents_kubectl(seen: Observation) -> Lines:
    for line in kubectl_lines(seen):
        yield from answered(seen, f"kubectl {line}")


def agents_tools(seen: Observation) -> Lines:
    """What models are told, mistakes included; their prompts and the descriptions of the tools too."""
    yield from written(*(tool._asdict() for tool in tools.TOOLS.values()))
    for prompt in load_prompts().values():
        yield from prompt.text.splitlines()
    calls = [(name, {}) for name in tools.TOOLS] + [("kubectl", {"line": line}) for line in MISTAKES]
    calls += [("prometheus", {"name": name}) for name in ("up", "nothing")]
    for name, arguments in calls:
        try:
            answer = tools.use(name, json.dumps(arguments), tools.TOOLS, seen)
        except tools.Misuse as misuse:
            answer = str(misuse)
        yield from str(answer).splitlines()


MISTAKES = ("kubectl top nodes", "kubectl get nothing", "kubectl logs nobody", "kubectl describe pod nobody", "ls")
COMMANDS = (
    "psql -c 'SELECT 1'", "psql -c 'SELECT pg_terminate_backend(1)'", "mysql -e 'SHOW GRANTS'", "mysql -e 'KILL 42'",
    "mongosh --eval 'db.stats()'", "kafka-consumer-groups.sh --describe --group nobody", "redis-cli INFO", "ls",
)  # fmt: skip


def answers_to_writes(world: World) -> Lines:
    """What an agent is told of its actions, those that are refused and those in a container."""
    seen = observe(world)
    home = seen.namespaces[0]
    execution = Unprotected(world.fork())
    body = seen.list("Deployment", home)[0]
    target = f"deployment/{body['metadata']['name']}"
    wrong = {"spec": {"template": {"spec": {"containers": "none"}}}}
    for action in (
        Action("scale", "deployment/nobody", {"replicas": 1}, home), Action("scale", target, {"replicas": -1}, home),
        Action("patch", target, {"patch": wrong}, home), Action("set-image", target, {"nobody": "i"}, home),
        Action("rollout-undo", target, {}, home), Action("delete", "node/nobody", {}, ""),
    ):  # fmt: skip
        yield from execution.act(action).splitlines()
    for namespace, name in pods(seen):
        for command in COMMANDS:
            yield from execution.act(Action("exec", f"pod/{name}", {"command": command}, namespace)).splitlines()


def feedback(world: World) -> Lines:
    """What the runtime says of attempts: of each action and of each decision, one that undoes and one that steps back
    from what somebody else has written meanwhile."""
    fork = world.fork()
    home = observe(fork).namespaces[0]
    deployment = fork.store.list("Deployment", home)[0]
    target, execution = f"deployment/{deployment.key.name}", Protected(fork, Scenario("", ""))
    for replicas in (0, 4):
        execution.begin()
        for where in (target, "deployment/nobody"):
            yield execution.act(Action("scale", where, {"replicas": replicas}, home))
        if replicas:
            found = fork.store.state.objects[deployment.key].manifest
            api.put(fork, {**found, "spec": {**found["spec"], "replicas": 0}}, inject.WRITER)
        yield execution.decide(fork.run_for).told


def asked(
    service: Service, path: tuple[str, ...], headers: Mapping[str, str] | None = None, method: str = "GET", **query: str
) -> Lines:
    answer = service.handle(Request(method, path, query, headers or {}, b"{}"))
    if isinstance(answer, Stream):
        return written(*answer.documents)
    return answer.body.splitlines() if isinstance(answer.body, str) else written(answer.body)


def collection(kind: Kind) -> tuple[str, ...]:
    root = ("apis", kind.group, kind.version) if kind.group else ("api", kind.version)
    return (*root, kind.plural)


def served_api(world: World) -> Lines:
    """Discovery, and every kind as objects, as tables and one by one; of pods their logs."""
    service = Service(world)
    documents = (("openapi", "v3"), ("openapi", "v3", "api", "v1"), ("openapi", "v3", "apis", "apps", "v1"))
    for path in (("api",), ("apis",), ("api", "v1"), ("version",), ("healthz",), ("stratus", "clock"), *documents):
        yield from asked(service, path)
    for kind in served(world):
        if kind.name in world.store.state.by_kind or kind.name == "Event":
            yield from asked(service, collection(kind))
            yield from asked(service, collection(kind), TABLE)
    for what in ("metrics", "alerts", "traces"):
        yield from asked(service, ("stratus", what))
    for kind in ASKED[-2:]:
        yield from asked(service, collection(kind))
    for kind in REVIEWS:
        yield from asked(service, collection(kind), method="POST")
    for pod in observe(world).list("Pod"):
        for container in containers(pod):
            for previous in ("", "true"):
                yield from asked(service, item(pod, "pods", "log"), container=container, previous=previous)


def item(body: dict[str, Any], plural: str, *parts: str) -> tuple[str, ...]:
    """The path of an object of the core group."""
    return ("api", "v1", "namespaces", body["metadata"]["namespace"], plural, body["metadata"]["name"], *parts)


def watched(world: World) -> Lines:
    """What watchers of every kind are told of the next seconds, in a fork."""
    service = Service(world.fork())
    before = service.history.count
    service.advance(10 * SECOND_US)
    changes = service.history.since(before)
    for kind in served(world):
        yield from written(*(told(change, kind, None, test_of({})) for change in changes))


def refusals(world: World) -> Lines:
    """Statuses that say no, and why."""
    service = Service(world.fork())
    pod = observe(world).list("Pod")[0]
    yield from asked(service, ("api", "v1", "nothing"))
    yield from asked(service, ("api", "v1", "pods"), watch="true", resourceVersion="1")
    yield from asked(service, item(pod, "pods", "exec"), method="POST")
    yield from asked(service, item(pod, "pods", "eviction"), method="POST")
    yield from asked(service, item(pod, "pods"), method="PUT")
    yield from asked(service, item(pod, "pods"), {"content-type": "application/json"}, method="PATCH")
    yield from asked(service, (*item(pod, "pods")[:-1], "nobody"), method="DELETE")
    yield from asked(service, item(pod, "pods", "log"), container="nobody")
    yield from asked(service, (*item(pod, "pods")[:-2], "configmaps"), method="POST")


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
    "answers to writes": answers_to_writes,
    "feedback": feedback,
    "served API": served_api,
    "watches": watched,
    "refusals": refusals,
}
"""Every way to read a world, by name."""
