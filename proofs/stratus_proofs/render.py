"""Reports for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from stratus_spec import State, TotalMap

from .counterexample import Counterexample
from .prover import Report, Result


def render(report: Report, console: Console) -> None:
    """Print the report: one line per property, then failures with their counterexamples, then the verdict."""
    console.print(properties_table(report))
    for failure in report.failures:
        render_failure(failure, report, console)
    for witness in report.unreached:
        path = " → ".join(witness.path)
        told = f" {witness.prop}: no run {path} ends in its premise"
        console.print(Text.assemble(("not reached", "red"), told))
    console.print(verdict(report))


def advice(report: Report) -> str:
    """How to mend a specification whose first failure this is, in one line."""
    failure = report.failures[0]
    if failure.status == "unknown":
        return f"{failure.name}: the solver gave up; state what it lacks as an invariant of its own"
    return (
        f"{failure.name}: if no run reaches the state above, strengthen the property or add an invariant that excludes "
        f"that state (stratus prove --infer {failure.prop} looks for some); if one does, mend {failure.transition}"
    )


def properties_table(report: Report) -> Table:
    """Properties with how many obligations were proved, and the time they took in milliseconds.

    Without a guard only the properties that break are listed: the rest is in the caption.
    """
    table = Table("property", "obligations", "ms", "reached", "statement", title=_title(report))
    reached = {w.prop: len(w.path) for w in report.witnesses if w.reached and w.replayed}
    for prop, statement in report.statements.items():
        results = [r for r in report.results if r.prop == prop]
        if results and not (report.without and _hold(results)):
            spent = sum(r.seconds for r in results)
            steps = f"in {reached[prop]} steps" if prop in reached else "-"
            table.add_row(prop, _counts(results), f"{spent * 1000:.0f}", steps, statement)
    if report.without:
        table.caption = f"The other {len(report.statements) - table.row_count} properties still hold."
    return table


def render_failure(failure: Result, report: Report, console: Console) -> None:
    """Print one obligation that was not proved, with its counterexample as state differences."""
    console.print()
    console.print(Text(f"{failure.status}: {failure.name}", style="bold red"))
    console.print(f"  {report.statements[failure.prop]}")
    if failure.counterexample is None:
        console.print("  no counterexample in scope" if failure.status == "refuted" else "  the solver gave up")
        return
    for line in counterexample_lines(failure.counterexample):
        console.print(Text(f"  {line}"))


def counterexample_lines(found: Counterexample) -> list[str]:
    """A counterexample as text: the step, the situation it starts from, what it changes, and the replay's
    word."""
    step = f"{found.transition}({_named(found.params)})" if found.transition else "initial state"
    agrees = "agrees" if found.replay.agrees else f"DISAGREES: {found.replay}"
    unchanged = {name: value for name, value in found.pre.items() if name not in found.changes}
    situation = {name: value for name, value in unchanged.items() if not name.startswith("entry_")}
    return [
        f"step    {step}",
        f"given   {_named({**found.constants, **found.bindings})}",
        f"state   {_named(situation)}",
        *([f"journal {journal(found.pre)}"] if "entry_field" in found.pre else []),
        *(f"change  {name}: {show(old)} → {show(new)}" for name, (old, new) in found.changes.items()),
        f"replay  interpreter {agrees}",
    ]


def journal(state: State) -> str:
    """The undo entries, oldest first, marked where the transaction no longer owns the field."""
    fields, before, first = state["entry_field"], state["entry_before"], state["first"]
    entries = [
        f"{i}: {fields[i]} was {before[i]}{'' if first[fields[i]] >= 0 else ' (disowned)'}"
        for i in range(state["depth"])
    ]
    return ", ".join(entries) or "empty"


def verdict(report: Report) -> Text:
    """The one-line summary."""
    obligations, witnesses = len(report.results), len(report.witnesses)
    took = f"{report.seconds:.2f} s, {report.solver}"
    if report.ok:
        return Text(f"proved: {obligations} obligations, {witnesses} witnesses reached, {took}", style="bold green")
    missed = f", {len(report.unreached)} of {witnesses} witnesses not reached" if report.unreached else ""
    return Text(
        f"NOT proved: {len(report.failures)} of {obligations} obligations fail{missed}, {took}",
        style="bold red",
    )


def as_json(report: Report) -> dict[str, Any]:
    """The report as plain data for `json.dumps`. Times in seconds."""
    return {
        "machine": report.machine,
        "without": list(report.without),
        "ok": report.ok,
        "seconds": report.seconds,
        "solver": report.solver,
        "properties": report.statements,
        "obligations": [_result_json(result) for result in report.results],
        "witnesses": [
            {"property": w.prop, "path": list(w.path), "reached": w.reached, "replayed": w.replayed}
            for w in report.witnesses
        ],
    }


def show(value: Any) -> str:
    """A value of a state as text."""
    if isinstance(value, TotalMap):
        return "{" + ", ".join(f"{key}: {item}" for key, item in _plain(value).items()) + "}"
    return str(value).lower() if isinstance(value, bool) else str(value)


def differences(before: State, after: State) -> Iterator[str]:
    """What changed, key by key in maps."""
    for name, (old, new) in before.changes(after).items():
        if isinstance(old, TotalMap):
            changed = [key for key in {**old.changes, **new.changes} if old[key] != new[key]]
            yield from (f"{name}[{key}]: {show(old[key])} → {show(new[key])}" for key in changed)
        else:
            yield f"{name}: {show(old)} → {show(new)}"


def _result_json(result: Result) -> dict[str, Any]:
    found = result.counterexample
    return {
        "transition": result.transition,
        "property": result.prop,
        "status": result.status,
        "by_frame": result.by_frame,
        "seconds": result.seconds,
        "counterexample": None if found is None else _counterexample_json(found),
    }


def _counterexample_json(found: Counterexample) -> dict[str, Any]:
    return {
        "transition": found.transition,
        "params": dict(found.params),
        "constants": dict(found.constants),
        "bindings": dict(found.bindings),
        "pre": _state_json(found.pre),
        "post": _state_json(found.post),
        "replay_agrees": found.replay.agrees,
    }


def _state_json(state: State) -> dict[str, Any]:
    return {name: _plain(value) for name, value in state.items()}


def _plain(value: Any) -> Any:
    if not isinstance(value, TotalMap):
        return value
    return {str(key): item for key, item in sorted(value.changes.items(), key=lambda pair: str(pair[0]))}


def _hold(results: list[Result]) -> bool:
    return all(result.status == "proved" for result in results)


def _counts(results: list[Result]) -> Text:
    proved = sum(r.status == "proved" for r in results)
    return Text(f"{proved}/{len(results)}", style="" if _hold(results) else "red")


def _named(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={show(value)}" for name, value in values.items())


def _title(report: Report) -> str:
    return f"{report.machine} without {', '.join(report.without)}" if report.without else report.machine
