"""An episode as a picture: severity over time, with and without the open attempt, and what happened when."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any, NamedTuple

from rich.table import Table
from rich.text import Text

from stratus_sim.cluster.configuration import flatten, shown
from stratus_sim.genesis import STEADY_US
from stratus_sim.kernel import SECOND_US
from stratus_sim.telemetry.severity import Severity

WIDTH = 12
MAX_WORDS = 72
_WHERE = ("[]", "{}", "name", "kind")


class Row(NamedTuple):
    """One line of the picture; severities are scalars, `without` is None outside attempts."""

    seconds: int
    now: int
    without: int
    what: str
    style: str


def rows(events: list[dict[str, Any]]) -> list[Row]:
    """The lines of an episode: everything that happened, and every change of severity."""
    return list(_rows(events))


def _rows(events: list[dict[str, Any]]) -> Iterator[Row]:
    now = without = 0
    steps: list[str] = []
    for event in events:
        seconds = (event["time_us"] - STEADY_US) // SECOND_US
        what, style = describe(event)
        if event["kind"] == "machine":
            steps += _steps(event["record"])
        elif steps and event["kind"] in ("severity", "attempt.begin"):
            yield Row(seconds, now, without, "  " + " → ".join(name for name, _ in groupby(steps)), "dim")
            steps = []
        if event["kind"] == "severity":
            before = (now, without)
            now, without = (Severity(**event[side]).scalar for side in ("now", "without"))
            if (now, without) != before:
                yield Row(seconds, now, without, "", "")
        elif what:
            yield Row(seconds, now, without, what, style)


def _steps(record: dict[str, Any]) -> list[str]:
    """The steps of the machine a journal record stands for; single actions have lines of their own."""
    if record["type"] == "undone":
        return list(record["steps"])
    return [record["step"]] if "step" in record else []


def describe(event: dict[str, Any]) -> tuple[str, str]:
    """What an event says to a reader, and the style it is said in; empty for what is not shown."""
    say = _WORDS.get(event["kind"])
    return say(event) if say else ("", "")


_WORDS: dict[str, Callable[[dict[str, Any]], tuple[str, str]]] = {
    "fault.on": lambda e: (f"{e['fault']} strikes {e['target'].partition(' in ')[0]}", "red"),
    "fault.off": lambda e: (f"{e['fault']} on {e['target'].partition(' in ')[0]} ends", "red"),
    "noise": lambda e: (f"{e['disturbance']} ({e['target'].partition(' in ')[0]}), for a moment", "dim"),
    "attempt.begin": lambda e: (f"attempt {e['number']} begins", "cyan"),
    "policy.action": lambda e: (f"  {_action(e['action'])} → {e['told'].partition(':')[0]}", ""),
    "policy.diagnosed": lambda e: (f"diagnosis: {_cut(e['cause'])}" if e["cause"] else "no cause found: gives up", ""),
    "policy.detected": lambda e: ("" if e["wrong"] else "the detector sees nothing wrong", "yellow"),
    "policy.failed": lambda e: (f"the policy {e['reason']}", "red"),
    "attempt.decision": lambda e: (f"attempt {e['number']}: {e['decision'].upper()}: {e['told']}", _decision_style(e)),
}


def _decision_style(event: dict[str, Any]) -> str:
    if event["clause"]:
        return "bold red"
    return {"commit": "bold green", "abort": "bold yellow"}.get(event["decision"], "bold")


def _action(action: dict[str, Any]) -> str:
    """Verb, object, and what is set: the leaves of the arguments, without the names that only say where."""
    leaves = flatten(action["arguments"]).items()
    set_to = [f"{_shortest(path)}={shown(value)}" for path, value in leaves if path[-1] not in _WHERE]
    text = " ".join([action["verb"], action["target"], *set_to])
    return _cut(text)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_WORDS else text[: MAX_WORDS - 1] + "…"


def _shortest(path: tuple[str, ...]) -> str:
    return path[-1] if len(path) < 3 else f"…{path[-1]}"


def table(events: list[dict[str, Any]]) -> Table:
    """The picture as a table: one bar per line, the share without the attempt beside it when it differs."""
    lines = rows(events)
    top = max((max(row.now, row.without) for row in lines), default=0) or 1
    shown = Table("t (s)", "severity", "", "without", "what happened", box=None, pad_edge=False)
    shown.columns[0].justify = shown.columns[1].justify = shown.columns[3].justify = "right"
    for row in lines:
        bar = Text("█" * -(-row.now * WIDTH // top), style="red" if row.now > row.without else "yellow")
        without = str(row.without) if row.without != row.now else ""
        shown.add_row(str(row.seconds), str(row.now), bar, without, Text(row.what, style=row.style))
    return shown
