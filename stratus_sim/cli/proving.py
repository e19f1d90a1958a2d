"""`stratus prove`: the specification, proved for every number of steps, agents and resources."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from stratus_sim.cli.breaking import check_trace, prove_case, prove_without
from stratus_sim.cli.independent import Solver, export_proof, prove_twice
from stratus_sim.cli.options import Format, FormatOption, out, print_json
from stratus_sim.cli.specifying import prove_inferred, prove_mutants, prove_specification
from stratus_sim.errors import UserError
from stratus_spec.loading import BUILT_IN

OURS = ("catalogue", "trace", "case", "without")
"""Questions about the built-in specification only."""


BOUND = 14
COMPANIONS = {"bound": ("without", "case"), "every": ("mutants",), "workers": ("mutants",), "over": ("infer",)}
"""Options that only shape the answer to other options' questions."""


def prove(
    without: Annotated[
        list[str] | None,
        typer.Option(help="drop a guard (TRANSITION.GUARD), an assumption (A1, fencing, ...) or an axiom"),
    ] = None,
    bound: Annotated[
        int, typer.Option(min=1, help="steps of the longest run searched, with --without or --case")
    ] = BOUND,
    trace: Annotated[
        Path | None, typer.Option(help="check a log instead: a run recorded with `run --out`, or a journal")
    ] = None,
    case: Annotated[
        str | None, typer.Option(help="a published driver's gap instead, g1 to g11: what it breaks")
    ] = None,
    catalogue: Annotated[
        bool,
        typer.Option("--catalogue", help="prove the catalogue of actions: what undo brings back"),
    ] = False,
    spec: Annotated[
        str, typer.Option(help="a specification of your own, as MODULE:ATTRIBUTE; with or without --mutants or --infer")
    ] = BUILT_IN,
    mutants: Annotated[
        bool, typer.Option("--mutants", help="change the specification in every small way: do its properties notice?")
    ] = False,
    every: Annotated[int, typer.Option(min=1, help="take only every N-th mutant, with --mutants")] = 1,
    workers: Annotated[int, typer.Option(min=1, help="processes, with --mutants")] = 1,
    infer: Annotated[
        str | None, typer.Option(help="find the invariants a bare property needs: lock, transaction or a property")
    ] = None,
    over: Annotated[str | None, typer.Option(help="variables to look at, A,B,..., with --infer")] = None,
    export: Annotated[
        Path | None, typer.Option(help="write every obligation as an SMT-LIB 2 script into this folder instead")
    ] = None,
    solver: Annotated[Solver, typer.Option(help="cvc5: it must prove every obligation too")] = Solver.z3,
    format: FormatOption = Format.text,
) -> None:
    """Prove every (transition, property) pair by induction with Z3; anything but a proof is a failure.

    Example: stratus prove --without write-ahead
    """
    asked = {
        "catalogue": catalogue, "trace": trace, "case": case, "without": without, "mutants": mutants, "infer": infer,
        "export": export, "solver cvc5": solver is Solver.cvc5,
    }  # fmt: skip
    _one_question(asked, spec)
    _expect_companions(asked, {"bound": bound != BOUND, "every": every > 1, "workers": workers > 1, "over": over})
    if catalogue:
        _prove_catalogue(format)
    if trace:
        check_trace(trace, format)
    if case:
        prove_case(case, bound, format)
    if without:
        prove_without(tuple(without), bound, format)
    if mutants:
        prove_mutants(spec, every, workers, format)
    if infer:
        prove_inferred(spec, infer, over, format)
    if export:
        export_proof(spec, export, format)
    if solver is Solver.cvc5:
        prove_twice(spec, format)
    if spec != BUILT_IN:
        prove_specification(spec, format)
    import stratus_proofs  # noqa: PLC0415  # proofs load Z3

    report = stratus_proofs.prove()
    if format is Format.json:
        print_json(stratus_proofs.as_json(report))
    else:
        stratus_proofs.render(report, out)
    raise typer.Exit(0 if report.ok else 1)


def _one_question(asked: Mapping[str, object], spec: str) -> None:
    """Raises UserError when options ask two questions at once, or a question that is not asked of another machine."""
    given = [name for name, value in asked.items() if value]
    if len(given) > 1:
        raise UserError(f"--{given[0]} and --{given[1]} are two questions: ask them one at a time")
    if spec != BUILT_IN and given and given[0] in OURS:
        raise UserError(f"--{given[0]} is about the built-in specification: leave --spec out")


def _expect_companions(asked: Mapping[str, object], shaping: Mapping[str, object]) -> None:
    """Raises UserError when an option would be ignored, because what it shapes was not asked."""
    for name, given in shaping.items():
        questions = COMPANIONS[name]
        if given and not any(asked[question] for question in questions):
            raise UserError(f"--{name} goes with --{' or --'.join(questions)}: add it, or leave --{name} out")


def _prove_catalogue(format: Format) -> None:
    from stratus_proofs import catalogue  # noqa: PLC0415  # proofs load Z3

    report = catalogue.check()
    if format is Format.json:
        print_json(catalogue.as_json(report))
    else:
        catalogue.render(report, out)
    raise typer.Exit(0 if report.ok else 1)
