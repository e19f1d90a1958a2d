"""Reflective records: what an agent read and did, and what the runtime and the simulator have to say about it.

The fault is not named: whoever reflects knows what the agent could have known, and what became of the system.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stratus_agents.prompts import Role
from stratus_agents.tools import quoted
from stratus_agents.training.metric import misuses, refusals
from stratus_agents.training.player import Played
from stratus_sim.testing.episode import Attempt, Episode

_ANSWER_CHARS, _SEEN_CHARS, _DID_CHARS, _LINES = 1500, 8000, 3000, 10


def record(played: Played, role: Role) -> dict[str, str]:
    """One example for a reflection model, in the fields `gepa` expects."""
    calls = [e for e in played.episode.events if _is_call(e, role)] if played.episode else []
    seen = {(c["tool"], c["arguments"]): c["told"][:_ANSWER_CHARS] for c in calls if c["verdict"] == "done"}
    shown = "\n\n".join(f"{tool} {arguments}\n{told}" for (tool, arguments), told in seen.items())
    did = "\n".join(f"{c['tool']} {c['arguments']}: {c['verdict']}" for c in calls)
    return {
        "Inputs": quoted("observation", shown, _SEEN_CHARS),
        "Generated Outputs": quoted("agent", did, _DID_CHARS),
        "Feedback": "\n".join(_feedback(played, role)),
    }


def _is_call(event: dict[str, Any], role: Role) -> bool:
    return bool(event["kind"] == "agent.call" and event["agent"] == role)


def _feedback(played: Played, role: Role) -> Iterator[str]:
    marks, episode = played.marks, played.episode
    yield f"Score {marks.score:.2f} of 1."
    if episode is None:
        yield f"The episode could not be played: {played.error}"
        return
    if marks.repaired:
        yield f"Repaired in attempt {len(episode.attempts)}."
    else:
        yield f"Not repaired: severity {marks.left} is left; had nobody acted: {marks.without}."
    yield from _parts(episode, role)


def _parts(episode: Episode, role: Role) -> Iterator[str]:
    for refused in refusals(episode)[:_LINES]:
        yield f"Refused by the runtime: {refused}"
    for misuse in misuses(episode, role)[:_LINES]:
        yield f"Not carried out: {misuse}"
    for attempt in episode.attempts:
        yield _told(attempt)
    if episode.failure:
        yield f"The agents failed: {episode.failure}"
    if not episode.attempts:
        yield "Nobody acted: the detection agent saw nothing wrong, or the diagnosis agent found no cause."
    if episode.attempts and not episode.repaired:
        yield from _unwell(episode.attempts[-1])


def _told(attempt: Attempt) -> str:
    did = "; ".join(str(action) for action, told in attempt.actions if told.startswith("done")) or "nothing"
    finding, ended = attempt.decision.finding, {"abort": "undone", "commit": "kept", "kept": "not validated"}
    lines = f"Attempt {attempt.number} did {did} and was {ended[attempt.decision.kind]}: {attempt.decision.told}."
    lines += f" Severity with it {finding.severity_with}, without it {finding.severity_without}."
    return lines + (f" Broke the clause: {finding.clause}." if finding.clause else "")


def _unwell(attempt: Attempt) -> Iterator[str]:
    for name, permille in sorted(attempt.decision.finding.sick_with.items()):
        yield f"Still unwell: {name}, {permille / 10:g} % of its replicas are missing or not ready"
