"""The texts of `proofs/` that are made from the code: the table of theorems, and what a reader must still believe.

`python -m stratus_proofs.documents` writes them; the tests compare them with the code, times aside.
"""

from __future__ import annotations

from pathlib import Path

from stratus_spec import ANY, SPECIFICATION

from .prover import Report, prove
from .theorems import THEOREMS, Theorem

FOLDER = Path(__file__).parents[1]
BEGIN, END = "<!-- theorems: made by python -m stratus_proofs.documents -->", "<!-- end of theorems -->"

CODE = (
    ("Z3", "answers `unsat` only if it is so, on quantified arrays and integers; cvc5 is asked the same questions."),
    ("`stratus_spec.language`", "`Machine.after` substitutes updates for primed variables, and no other changes."),
    ("`stratus_proofs.induction`", "one obligation for each (transition, property), and `by_frame` only where "
     "the goal is one of the hypotheses."),
    ("`stratus_spec.compile`", "its Python means what the terms mean: compared with Z3 on random states, not proved."),
    ("`stratus_sim.transaction.steps`", "the steps a journal record stands for are what really happened: compared "
     "with the cluster after every action (`Ledger.verify`), not proved."),
)  # fmt: skip

GAPS = (
    "What `permitted` says: that a compensable action's condition suffices is judged by forks of the simulator.",
    "What `mu` says: severity is the user's; the theorems compare it, they do not judge it.",
    "Transients: inside the window severity may be anything; the window is bounded, not the harm.",
    "Environment: an action that changes the environment and no configuration (a deleted pod) is outside `c`, so "
    "`abort` does not speak of it.",
    "The instant: nothing is claimed of severity after the decision, outside quiet and expected environments.",
)


def theorem_table(report: Report) -> str:
    """The theorems as a Markdown table; `report` is of the whole specification. Times in milliseconds."""
    lines = ["| theorem | statement | properties | rests on | method | ms |", "|---|---|---|---|---|---|"]
    return "\n".join([*lines, *(_row(theorem, report) for theorem in THEOREMS)])


def _row(theorem: Theorem, report: Report) -> str:
    results = [r for r in report.results if r.prop in theorem.properties]
    proved, framed = sum(r.status == "proved" for r in results), sum(r.by_frame for r in results)
    names = ", ".join(f"`{name}`" for name in theorem.properties)
    settings = sorted({SPECIFICATION.prop[name].setting for name in theorem.properties} - {ANY})
    where = f" in the {settings[0]} setting" if settings else ""
    method = f"induction, unbounded{where}: {proved} of {len(results)} obligations, {framed} by frame"
    spent = round(sum(r.seconds for r in results) * 1000)
    return (
        f"| {theorem.name} | {theorem.statement} | {names} | {'; '.join(theorem.rests) or '-'} | {method} | {spent} |"
    )


def trusted() -> str:
    """What the theorems take on trust, as Markdown."""
    settings = "".join(
        f"- {axiom.name}: `{_flat(axiom.term)}` (setting {name})\n"
        for name, machine in SPECIFICATION.settings.items()
        for axiom in machine.axioms
        if axiom not in SPECIFICATION.machine.axioms
    )
    axioms = "".join(f"- {axiom.name}: `{_flat(axiom.term)}`\n" for axiom in SPECIFICATION.machine.axioms) + settings
    rests = dict.fromkeys(rest for theorem in THEOREMS for rest in theorem.rests)
    users = {rest: ", ".join(t.name for t in THEOREMS if rest in t.rests) for rest in rests}
    assumed = "".join(f"- {rest} ({names})\n" for rest, names in users.items())
    return (
        "# What a reader must still believe\n\nMade from the code by `python -m stratus_proofs.documents`.\n\n"
        f"## Axioms\n\nFor all values of their variables:\n\n{axioms}\n"
        f"## About the world\n\nEach with the theorems that rest on it:\n\n{assumed}\n"
        "## Code that is not checked by a solver\n\n" + "".join(f"- {name}: {what}\n" for name, what in CODE) + "\n"
        "## What the theorems do not say\n\n" + "".join(f"- {gap}\n" for gap in GAPS)
    )


def readme(text: str, report: Report) -> str:
    """The README with its table of theorems made anew."""
    head, tail = text[: text.index(BEGIN) + len(BEGIN)], text[text.index(END) :]
    return f"{head}\n{theorem_table(report)}\n{tail}"


def _flat(term: object) -> str:
    return " ".join(str(term).split())


def main() -> None:
    """Write both texts."""
    path = FOLDER / "README.md"
    path.write_text(readme(path.read_text(), prove()))
    (FOLDER / "TRUSTED.md").write_text(trusted())


if __name__ == "__main__":
    main()
