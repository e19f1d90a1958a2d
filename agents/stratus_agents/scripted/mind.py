"""What the scripted model says next. It reads, applies the first rule that fits, waits, and submits."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from stratus_agents.scripted.evidence import Talk, Used, rows
from stratus_agents.scripted.repairs import DEPLOYMENTS, LOOKS, repairs, symptoms
from stratus_sim.kernel.streams import draw_bits

_SETTLE_S = 60
_TRIES = 3

Call = tuple[str, str]
"""Tool and arguments, as text."""


class Mistakes(NamedTuple):
    """How often, in permille of the occasions, the model goes wrong; which ones is decided by the request's seed.

    `wrong_target`: its write of an attempt takes a healthy workload down. The others: arguments cut short, a tool that
    is not there, the last call once more.
    """

    wrong_target: int = 0
    malformed: int = 0
    unknown: int = 0
    repeated: int = 0


NO_MISTAKES = Mistakes()


def answer(talk: Talk, mistakes: Mistakes) -> list[Call]:
    """The tool calls of the next turn."""
    if _unlucky(talk, "unknown", mistakes.unknown):
        return [("run_shell", json.dumps({"command": "kubectl get pods"}))]
    if talk.used and _unlucky(talk, "repeated", mistakes.repeated):
        return [(talk.used[-1].tool, talk.used[-1].arguments)]
    calls = _sound(talk, mistakes)
    if _unlucky(talk, "malformed", mistakes.malformed):
        return [(name, arguments[:-1] + ",") for name, arguments in calls]
    return calls


def _sound(talk: Talk, mistakes: Mistakes) -> list[Call]:
    if "verdict" in talk.offered:
        return _detect(talk)
    if "wait" not in talk.offered:
        return [_call("submit", summary=f"Undone: {'; '.join(_done(talk.task)) or 'nothing'}. Do not repeat it.")]
    look = next((key for key in LOOKS if talk.seen(key) is None), None)
    if "kubectl_write" not in talk.offered:
        return [_look(look) if look else _call("submit", summary="; ".join(symptoms(talk))[:600])]
    return _mitigate(talk, look, mistakes)


def _detect(talk: Talk) -> list[Call]:
    look = next((key for key in ("alerts", "traces") if talk.seen(key) is None), None)
    if look:
        return [_look(look)]
    wrong = bool(rows(talk.seen("alerts")) or symptoms(talk))
    return [_call("verdict", problem=wrong, summary="; ".join(symptoms(talk))[:600])]


def _mitigate(talk: Talk, look: str | None, mistakes: Mistakes) -> list[Call]:
    performed = [used for used in talk.used if used.tool == "kubectl_write" and _worked(used)]
    waits = sum(used.tool == "wait" for used in talk.used)
    if any(used in performed for used in talk.recent):
        return [_call("wait", seconds=_SETTLE_S)]
    if waits and ("metrics" not in talk.offered or waits >= _TRIES):  # one write per transaction; alone, it looks again
        return [_call("submit", summary=f"did: {'; '.join(used.line for used in performed)}")]
    if look:
        return [_look(look)]
    return _repair(talk, mistakes)


def _repair(talk: Talk, mistakes: Mistakes) -> list[Call]:
    if not symptoms(talk) and not rows(talk.seen("alerts")):
        return [_call("submit", summary="nothing is wrong any more")]
    refused = {used.line for used in talk.used if used.tool == "kubectl_write" and not _worked(used)}
    tried = "\n".join([*_done(talk.task), *(u.result for u in talk.used if u.tool == "kubectl_write")])
    for repair in repairs(talk, tried):
        if repair[0].reads:
            return [_look(repair[0].line)]
        lines = [step.line for step in repair if step.line not in refused]
        if lines and _unlucky(talk, "wrong-target", mistakes.wrong_target, f"{talk.attempt}/{talk.turns}"):
            return [_call("kubectl_write", line=_wrong(talk))]
        if lines:
            return [_call("kubectl_write", line=line) for line in lines]
    return [_call("submit", summary="no rule of mine fits")]


def _wrong(talk: Talk) -> str:
    """Takes a workload down that serves: what a model does that mistakes the victim for the culprit."""
    serving = [d for d in rows(talk.seen(DEPLOYMENTS)) if not d["READY"].startswith("0/")]
    chosen = serving[draw_bits(talk.seed, "scripted", f"victim/{talk.attempt}", 0) % len(serving)]
    return f"kubectl scale deployment/{chosen['NAME']} --replicas=0 -n {chosen['NAMESPACE']}"


def _worked(used: Used) -> bool:
    return "\ndone: " in f"\n{used.result}"


def _done(text: str) -> list[str]:
    """The actions a task says were carried out."""
    return re.findall(r"^done: (.+)$", text, re.MULTILINE)


def _look(key: str) -> Call:
    return _call("kubectl", line=key) if key.startswith("kubectl") else _call(key)


def _call(name: str, **arguments: Any) -> Call:
    return name, json.dumps(arguments)


def _unlucky(talk: Talk, kind: str, permille: int, occasion: str = "") -> bool:
    """A draw per occasion: the same request has the same luck."""
    occasion = occasion or f"{talk.attempt}/{'/'.join(talk.offered)}/{talk.turns}"
    return draw_bits(talk.seed, "scripted", f"{kind}/{occasion}", 0) % 1000 < permille
