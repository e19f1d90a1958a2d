"""The metric: what the simulator saw of an episode. What the agent says of itself does not count."""

from __future__ import annotations

from typing import NamedTuple

from stratus_sim.telemetry.severity import Severity
from stratus_sim.testing.episode import Episode

_BETTER = 0.4
"""The most that is to be had without a repair, for taking all of the severity away but a trace."""
_UNDONE, _REFUSED, _MOST = 0.1, 0.02, 0.4
"""What an attempt that was undone, and an action that was refused, cost; at most `_MOST` together, so that a repair is
always worth more than none."""
_STEP_VERDICTS = ("refused: ", "done: ", "not carried out")


class Marks(NamedTuple):
    """One episode judged. `score` is from 0 to 1; `left` and `without` are severities at the end, and had nobody acted.

    `undone` counts attempts that were undone or, without the runtime, made things worse; `refused` actions and tool
    calls; `clause` is the first clause of the specification that broke.
    """

    score: float
    repaired: bool
    left: Severity
    without: Severity
    undone: int
    refused: int
    clause: str


def mark(episode: Episode) -> Marks:
    """Judge an episode by what became of the system."""
    without = episode.attempts[0].decision.finding.severity_without if episode.attempts else episode.final
    undone = sum(a.decision.kind == "abort" or bool(a.decision.finding.clause) for a in episode.attempts)
    refused = len(refusals(episode)) + len(misuses(episode))
    gained = 1.0 if episode.repaired else _BETTER * _removed(episode, without)
    score = max(0.0, gained - min(_MOST, _UNDONE * undone + _REFUSED * refused))
    clause = episode.broken.decision.finding.clause if episode.broken else ""
    return Marks(round(score, 6), episode.repaired, episode.final, without, undone, refused, clause)


def refusals(episode: Episode) -> list[str]:
    """What the runtime refused and why, in order."""
    told = [(action, text) for attempt in episode.attempts for action, text in attempt.actions]
    return [f"{action}: {text.removeprefix('refused: ')}" for action, text in told if text.startswith("refused")]


def misuses(episode: Episode, role: str | None = None) -> list[str]:
    """Tool calls that never got as far as the runtime: malformed, forbidden, repeated. Of one agent, or of all."""
    calls = [event for event in episode.events if event["kind"] == "agent.call" and role in (None, event["agent"])]
    return [
        f"{call['tool']} {call['arguments']}: {call['verdict']}: {call['told']}"
        for call in calls
        if call["verdict"] != "done" and not call["told"].startswith(_STEP_VERDICTS)
    ]


def _removed(episode: Episode, without: Severity) -> float:
    """The share of the damage that is gone; 0 when there is as much as before, or more."""
    damage = without.scalar - episode.initial.scalar
    left = episode.final.scalar - episode.initial.scalar
    return max(0.0, 1.0 - left / damage) if damage > 0 else 0.0
