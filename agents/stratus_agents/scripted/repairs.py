"""The scripted model's rules: a sentence in its prompt enables the repair that goes with it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from stratus_agents.scripted.evidence import Talk, rows

PODS = "kubectl get pods -A -o wide"
DEPLOYMENTS = "kubectl get deployments -A"
NODES = "kubectl get nodes"
CHAOS = "kubectl get networkchaos -A"
LOOKS = ("alerts", PODS, DEPLOYMENTS, "traces", NODES, CHAOS)
"""What it reads before it says anything: tools by name, kubectl by line."""
_AT_ONCE = 5


class Step(NamedTuple):
    """A line to write, and how the runtime will name it; or a line to `read` first."""

    line: str
    mark: str = ""

    @property
    def reads(self) -> bool:
        return not self.mark


Repair = tuple[Step, ...]


class Rule(NamedTuple):
    """`sentence` enables the rule wherever it stands in the prompt; `find` yields repairs, most likely first."""

    name: str
    sentence: str
    find: Callable[[Talk], Iterator[Repair]]

    def enabled(self, system: str) -> bool:
        return _normal(self.sentence) in _normal(system)


def _normal(text: str) -> str:
    return " ".join(text.lower().split())


def symptoms(talk: Talk) -> list[str]:
    """What looks wrong, in words."""
    pods = [f"pod {p['NAMESPACE']}/{p['NAME']}: {p['STATUS']}, {p['READY']} ready" for p in _unready(talk)]
    empty = [f"deployment {d['NAMESPACE']}/{d['NAME']} wants 0 replicas" for d in _scaled_away(talk)]
    nodes = [f"node {n['NAME']}: {n['STATUS']}" for n in _lost_nodes(talk)]
    calls = [f"{c['CALLER']} to {c['CALLEE']}: {c['ERROR']}" for c in _failing(talk)]
    return [*nodes, *pods, *empty, *calls]


def _unready(talk: Talk) -> list[dict[str, str]]:
    pods = rows(talk.seen(PODS))
    return [p for p in pods if p["READY"].startswith("0/") and p["STATUS"] != "Terminating"]


def _scaled_away(talk: Talk) -> list[dict[str, str]]:
    return [d for d in rows(talk.seen(DEPLOYMENTS)) if d["READY"].endswith("/0")]


def _lost_nodes(talk: Talk) -> list[dict[str, str]]:
    return [n for n in rows(talk.seen(NODES)) if n["STATUS"].startswith("NotReady")]


def _failing(talk: Talk) -> list[dict[str, str]]:
    return [c for c in rows(talk.seen("traces")) if c["ERRORS"] != "0.0" and c["ERROR"] != "<none>"]


def _roll_back(namespace: str, deployment: str) -> Repair:
    return (
        Step(f"kubectl rollout undo deployment/{deployment} -n {namespace}", f"rollout-undo deployment/{deployment}"),
    )


def _owner(pod: dict[str, str]) -> str:
    return pod["NAME"].rsplit("-", 2)[0]


def _roll_back_where(status: Callable[[str], bool]) -> Callable[[Talk], Iterator[Repair]]:
    def find(talk: Talk) -> Iterator[Repair]:
        for pod in _unready(talk):
            if status(pod["STATUS"]):
                yield _roll_back(pod["NAMESPACE"], _owner(pod))

    return find


def _wrong_port(talk: Talk) -> Iterator[Repair]:
    for call in _failing(talk):
        if call["ERROR"] != "connection refused":
            continue
        namespace, _, service = call["CALLEE"].partition("/")
        offered = f"kubectl get service {service} -n {namespace}"
        pods = f"kubectl get deployment {service} -n {namespace} -o yaml"
        if talk.seen(offered) is None or talk.seen(pods) is None:
            yield tuple(Step(line) for line in (offered, pods) if talk.seen(line) is None)
            continue
        listens = re.findall(r"containerPort: (\d+)", talk.seen(pods) or "")
        for port, target in re.findall(r"(\d+)->(\d+)", (rows(talk.seen(offered)) or [{}])[0].get("PORT(S)", "")):
            if listens and target not in listens:
                right = port if port in listens else listens[0]
                patch = json.dumps({"spec": {"ports": [{"port": int(port), "targetPort": int(right)}]}})
                yield (
                    Step(f"kubectl patch service {service} -n {namespace} -p '{patch}'", f"patch service/{service}"),
                )


def _scale_up(talk: Talk) -> Iterator[Repair]:
    for found in _scaled_away(talk):
        name, namespace = found["NAME"], found["NAMESPACE"]
        yield (
            Step(f"kubectl scale deployment/{name} --replicas=1 -n {namespace}", f"scale deployment/{name} replicas=1"),
        )


def _caller(talk: Talk) -> Iterator[Repair]:
    for call in _failing(talk):
        if call["ERROR"].startswith(("connection refused", "no such host")) and "/" in call["CALLER"]:
            namespace, _, caller = call["CALLER"].partition("/")
            yield _roll_back(namespace, caller)


def _chaos(talk: Talk) -> Iterator[Repair]:
    for found in rows(talk.seen(CHAOS)):
        name, namespace = found["NAME"], found["NAMESPACE"]
        yield (Step(f"kubectl delete networkchaos {name} -n {namespace}", f"delete networkchaos/{name}"),)


def _node(talk: Talk) -> Iterator[Repair]:
    lost = {node["NAME"] for node in _lost_nodes(talk)}
    stuck = [p for p in rows(talk.seen(PODS)) if p["NODE"] in lost and p["STATUS"] != "Terminating"]
    if stuck:
        yield tuple(
            Step(f"kubectl delete pod {p['NAME']} -n {p['NAMESPACE']}", f"delete pod/{p['NAME']}")
            for p in stuck[:_AT_ONCE]
        )


def _pull(status: str) -> bool:
    return "ImagePull" in status


def _killed(status: str) -> bool:
    return "OOMKilled" in status


_unplaced = _roll_back_where("Pending".__eq__)
_never_ready = _roll_back_where("Running".__eq__)

RULES = (
    Rule("node", "If a node does not report, delete its pods so that they start elsewhere.", _node),
    Rule("image", "If pods cannot pull their image, roll their Deployment back.", _roll_back_where(_pull)),
    Rule("unschedulable", "If pods cannot be scheduled, roll their Deployment back.", _unplaced),
    Rule("memory", "If pods are killed for want of memory, roll their Deployment back.", _roll_back_where(_killed)),
    Rule("probe", "If pods run but never become ready, roll their Deployment back.", _never_ready),
    Rule("scale", "If a Deployment was scaled to zero, scale it up.", _scale_up),
    Rule("chaos", "If a NetworkChaos object cuts traffic, delete it.", _chaos),
    Rule("port", "If a Service's targetPort is not a port its pods listen on, patch it.", _wrong_port),
    Rule("caller", "If a caller cannot reach a healthy Service, roll the caller's Deployment back.", _caller),
)  # fmt: skip
"""Causes that make others look sick come first."""


def _delete_unready(talk: Talk) -> Iterator[Repair]:
    for pod in _unready(talk)[:1]:
        name, namespace = pod["NAME"], pod["NAMESPACE"]
        yield (Step(f"kubectl delete pod {name} -n {namespace}", f"delete pod/{name}"),)


def _restart_callee(talk: Talk) -> Iterator[Repair]:
    for call in reversed(_failing(talk)):
        namespace, _, name = call["CALLEE"].partition("/")
        yield (Step(f"kubectl rollout restart deployment/{name} -n {namespace}", f"rollout-restart deployment/{name}"),)


def _restart_unready(talk: Talk) -> Iterator[Repair]:
    for pod in _unready(talk):
        name, namespace = _owner(pod), pod["NAMESPACE"]
        line = f"kubectl rollout restart deployment/{name} -n {namespace}"
        yield (Step(line, f"rollout-restart deployment/{name}"),)


def _cordon(talk: Talk) -> Iterator[Repair]:
    for pod in _unready(talk):
        if pod["NODE"] != "<none>":
            yield (Step(f"kubectl cordon {pod['NODE']}", f"cordon node/{pod['NODE']}"),)


BELIEFS = (
    Rule("delete", "If a pod is not ready, delete it so that a fresh one takes its place.", _delete_unready),
    Rule("restart", "If calls to a service fail, restart its Deployment.", _restart_callee),
    Rule("again", "If pods of a Deployment are not ready, restart it.", _restart_unready),
    Rule("cordon", "If a pod is not ready, cordon its node.", _cordon),
)
"""What sounds right and mends nothing. Whoever believes it tries it first."""
GENERAL = Rule(
    "rollout", "If new pods of a Deployment do not become ready, whatever the reason, roll it back.",
    _roll_back_where(lambda _status: True),
)  # fmt: skip
"""One rule for four faults, and for others like them. Our prompts spell them out."""


def repairs(talk: Talk, tried: str) -> Iterator[Repair]:
    """Repairs the prompt enables that `tried` does not mention."""
    for rule in (*BELIEFS, *RULES, GENERAL):
        if rule.enabled(talk.system):
            for repair in rule.find(talk):
                if repair[0].reads or not any(step.mark in tried for step in repair):
                    yield repair
