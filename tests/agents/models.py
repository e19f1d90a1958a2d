"""Models for tests: one that says what it is told to, and the scripted one behind its endpoint."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from stratus_agents.agent import BUDGET, Budget
from stratus_agents.models import Call, Reply, Request, Told
from stratus_agents.prompts import Prompts, load_prompts
from stratus_agents.rivals import DRIVEN, Driven
from stratus_sim.testing.scenario import Scenario
from stratus_sim.testing.trial import Outcome, Setup, run_trial
from tests.conftest import stage


class Puppet:
    """Says its lines, role by role, the last one for ever; remembers what it was asked."""

    def __init__(self, **lines: Iterable[Reply]) -> None:
        self.lines = {role: list(replies) for role, replies in lines.items()}
        self.requests: list[Request] = []

    def reply(self, request: Request) -> Reply:
        self.requests.append(Request(request.agent, request.system, list(request.turns), request.tools, request.seed))
        left = self.lines.get(request.agent) or [DEFAULTS[request.agent]]
        return left.pop(0) if len(left) > 1 else left[0]

    def heard(self, role: str) -> list[str]:
        """What the agent of this role was last told, turn by turn."""
        last = [request for request in self.requests if request.agent == role][-1]
        return [turn.text for turn in last.turns if isinstance(turn, Told)]


def call(tool: str, **arguments: Any) -> Reply:
    return calls((tool, arguments))


def calls(*wanted: tuple[str, dict[str, Any]], tokens: int = 10) -> Reply:
    return Reply(calls=tuple(Call(f"c{n}", t, json.dumps(a)) for n, (t, a) in enumerate(wanted)), tokens=tokens)


def read(line: str) -> Reply:
    return call("kubectl", line=line)


def write(line: str) -> Reply:
    return call("kubectl_write", line=line)


DONE = call("submit", summary="done")
WRONG = call("verdict", problem=True, summary="calls fail")
DEFAULTS = {"detection": WRONG, "diagnosis": call("submit", summary="it is geo"), "mitigation": DONE, "undo": DONE,
            "react": DONE}  # fmt: skip


def driven(model: Any, kind: str = "stratus", budget: Budget = BUDGET, prompts: Prompts | None = None) -> Driven:
    return Driven(DRIVEN[kind], "a model", model, prompts or load_prompts(), budget)


GEO = Scenario("service-target-port-misconfig", "Service/geo")
MEND = """kubectl patch service geo -n hotel -p '{"spec":{"ports":[{"port":8083,"targetPort":8083}]}}'"""
HARM = "kubectl scale deployment/frontend --replicas=0 -n hotel"


def played(factory: Driven, scenario: Scenario = GEO) -> Outcome:
    return run_trial(Setup(stage(), factory, factory.limits), scenario, factory.mode)


def events(outcome: Outcome, kind: str) -> list[dict[str, Any]]:
    return [event for event in outcome.episode.events if event["kind"] == kind]


def verdicts(outcome: Outcome) -> list[str]:
    return [event["verdict"] for event in events(outcome, "agent.call")]
