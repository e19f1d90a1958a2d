"""The catalogue as people read it, and as JSON."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from stratus_spec.catalogue import CONDITIONS, VERB

from .check import Answer, Entry, Report


def render(report: Report, console: Console) -> None:
    """The table of verbs, the conditions, the lemmas they rest on, and what was not shown."""
    console.print(_catalogue(report))
    console.print(_conditions())
    console.print(_lemmas(report))
    for name in report.failures:
        console.print(f"not shown: {name}", style="bold red")
    verdict = "every row is proved" if report.ok else f"{len(report.failures)} not shown"
    console.print(
        f"{len(report.entries)} rows, {report.questions} questions, {report.seconds:.1f} s, {report.solver}: {verdict}"
    )


def _catalogue(report: Report) -> Table:
    table = Table(title="what an agent can write, and how it is taken back", show_lines=False)
    for column in ("verb", "kinds", "class", "condition", "proved by", "not restored"):
        table.add_column(column, overflow="fold", no_wrap=column in ("verb", "class", "condition"))
    for group in grouped(report.entries):
        first = group[0].row
        found = first.classification
        kinds = ", ".join(entry.row.kind for entry in group)
        proof = group[0].how if all(entry.ok for entry in group) else "NOT PROVED"
        lost = "; ".join(loss.name for loss in first.loses)
        table.add_row(first.verb, kinds, found.reversibility.value, found.condition or "", proof, lost)
    return table


def grouped(entries: tuple[Entry, ...]) -> list[list[Entry]]:
    """Entries that differ in nothing but the kind, together, in the order of the catalogue's verbs."""
    found: dict[tuple[Any, ...], list[Entry]] = {}
    order = list(VERB)
    for entry in sorted(entries, key=lambda e: order.index(e.row.verb)):
        same = (entry.row.verb, entry.row.loses, entry.row.condition, entry.how, entry.ok)
        found.setdefault(same, []).append(entry)
    return list(found.values())


def _conditions() -> Table:
    table = Table(title="side conditions: outside them the action is refused")
    table.add_column("condition")
    table.add_column("holds when")
    for name, text in CONDITIONS.items():
        table.add_row(name, text)
    return table


def _lemmas(report: Report) -> Table:
    table = Table(title="what the rows rest on, for objects and actions of any size")
    for column in ("lemma", "statement", ""):
        table.add_column(column)
    for answer in report.lemmas:
        table.add_row(answer.name, answer.statement, _said(answer))
    return table


def _said(answer: Answer) -> str:
    if not answer.ok:
        return "NOT SHOWN"
    return "proved" if answer.expected == "unsat" else "witness"


def as_json(report: Report) -> dict[str, Any]:
    """The report as plain JSON data."""
    return {
        "ok": report.ok,
        "seconds": round(report.seconds, 3),
        "solver": report.solver,
        "questions": report.questions,
        "lemmas": [_answer(answer) for answer in report.lemmas],
        "rows": [_entry(entry) for entry in report.entries],
        "conditions": dict(CONDITIONS),
        "failures": list(report.failures),
    }


def _answer(answer: Answer) -> dict[str, Any]:
    said = {"name": answer.name, "statement": answer.statement, "result": _said(answer)}
    return said | {"seconds": round(answer.seconds, 4)}


def _entry(entry: Entry) -> dict[str, Any]:
    row, verb = entry.row, VERB[entry.row.verb]
    return {
        "verb": row.verb,
        "kind": row.kind,
        "command": verb.command,
        "precondition": verb.precondition,
        "writes": list(verb.writes.patterns),
        "scope": verb.scope.value,
        "parts": list(verb.parts),
        "class": row.classification.reversibility.value,
        "condition": row.condition,
        "undo": verb.undo,
        "not_restored": [loss.text for loss in row.loses],
        "proved_by": entry.how,
        "ok": entry.ok,
        "proofs": [_answer(answer) for answer in entry.answers],
    }
