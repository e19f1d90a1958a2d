"""Inferred invariants for people and for programs. The JSON holds no times: same question, same bytes."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from .infer import Inference


def render(found: Inference, console: Console) -> None:
    """Print the property, what was tried, the lemmas it needs and the unbounded proof."""
    console.print(Text(f"{found.target.name}: {found.target.statement}", style="bold"))
    console.print(Text(f"of {found.machine.name}"))
    console.print(
        f"{found.tried} candidates, {found.observed} agree with every observed state, {found.inductive} inductive"
    )
    if found.lemmas is None:
        console.print(Text("NOT found: no inductive set of candidates proves it", style="bold red"))
        return
    for lemma in found.lemmas:
        console.print(Text(f"  {lemma.text}"))
    text = f"proved, with {len(found.lemmas)} lemmas; none of them can be left out" if found.ok else "NOT proved"
    console.print(Text(text, style="bold green" if found.ok else "bold red"))


def as_json(found: Inference) -> dict[str, Any]:
    """What was inferred as plain data for `json.dumps`."""
    return {
        "property": found.target.name,
        "machine": found.machine.name,
        "ok": found.ok,
        "tried": found.tried,
        "observed": found.observed,
        "inductive": found.inductive,
        "lemmas": None if found.lemmas is None else [lemma.text for lemma in found.lemmas],
    }
