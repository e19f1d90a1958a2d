"""A mutation score for people and for programs. The JSON holds no times: same question, same bytes."""

from __future__ import annotations

from collections import Counter
from typing import Any, get_args

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .mutants import Operator
from .score import Score, Status, Verdict


def render(score: Score, seconds: float, console: Console) -> None:
    """Print the score by operator, then what survived and what is equivalent. `seconds` is wall clock."""
    table = Table("operator", "mutants", *get_args(Status), title=f"mutants of {score.machine}")
    for operator in get_args(Operator):
        counts = Counter(v.status for v in score.verdicts if v.operator == operator)
        table.add_row(operator, str(counts.total()), *(str(counts[status]) for status in get_args(Status)))
    console.print(table)
    for status in ("survived", "equivalent"):
        for verdict in score.having(status):
            console.print(Text(f"{status}: {verdict.mutant}", style="bold red" if status == "survived" else ""))
    console.print(_verdict(score, seconds))


def as_json(score: Score) -> dict[str, Any]:
    """The score as plain data for `json.dumps`: counts, and every mutant with what became of it."""
    return {
        "machine": score.machine,
        "every": score.stride,
        "ok": score.ok,
        "mutants": len(score.verdicts),
        **{status: score.counts[status] for status in get_args(Status)},
        "verdicts": [_verdict_json(verdict) for verdict in score.verdicts],
    }


def artifact(score: dict[str, Any]) -> dict[str, Any]:
    """What `as_json` says, with the killed mutants counted by transition and operator instead of listed."""
    killed = Counter((v["transition"], v["operator"]) for v in score["verdicts"] if v["status"] == "killed")
    by_transition: dict[str, dict[str, int]] = {}
    for (transition, operator), count in sorted(killed.items()):
        by_transition.setdefault(transition, {})[operator] = count
    others = [v for v in score["verdicts"] if v["status"] != "killed"]
    return {**score, "verdicts": others, "killed by transition and operator": by_transition}


def _verdict(score: Score, seconds: float) -> Text:
    counts, decided = score.counts, len(score.verdicts) - score.counts["equivalent"]
    sample = "" if score.stride == 1 else f" (every {score.stride}th)"
    killed = f"{counts['killed']} of {decided} mutants{sample} killed"
    text = f"{killed}, {counts['equivalent']} proved equivalent, {seconds:.0f} s"
    return Text(text, style="bold green" if score.ok else "bold red")


def _verdict_json(verdict: Verdict) -> dict[str, str]:
    return {
        "mutant": verdict.mutant,
        "transition": verdict.transition,
        "operator": verdict.operator,
        "status": verdict.status,
        "by": verdict.by,
    }
