"""`stratus prove` on a specification somebody wrote: its proof, its mutants, and invariants it lacks."""

from __future__ import annotations

import time
from typing import NoReturn

import typer

from stratus_sim.cli.options import Format, out, print_json
from stratus_sim.errors import UserError, unknown_name
from stratus_spec import MachineError, Specification
from stratus_spec.loading import load


def loaded(address: str) -> Specification:
    """The specification at `module:attribute`, each of whose transitions can happen. Raises UserError."""
    from stratus_proofs.firing import dead  # noqa: PLC0415  # proofs load Z3

    specification = _loaded(address)
    for found in dead(specification):
        raise UserError(f"{address}: {found.message}")
    return specification


def prove_specification(address: str, format: Format) -> NoReturn:
    """Prove a user's specification."""
    import stratus_proofs  # noqa: PLC0415

    report = stratus_proofs.prove(loaded(address))
    if format is Format.json:
        print_json(stratus_proofs.as_json(report))
    else:
        stratus_proofs.render(report, out)
        if report.failures:
            out.print(stratus_proofs.advice(report), soft_wrap=True)
    raise typer.Exit(0 if report.ok else 1)


def prove_mutants(address: str, stride: int, workers: int, format: Format) -> NoReturn:
    """Change the specification in every small way and see that its properties notice."""
    from stratus_proofs.mutation import report, score  # noqa: PLC0415

    _loaded(address)
    started = time.perf_counter()
    found = score.score(address, stride=stride, workers=workers)
    if format is Format.json:
        print_json(report.as_json(found))
    else:
        report.render(found, time.perf_counter() - started, out)
    raise typer.Exit(0 if found.ok else 1)


def prove_inferred(address: str, name: str, over: str | None, format: Format) -> NoReturn:
    """Find the invariants a bare property needs."""
    from stratus_proofs.inference import fragments, infer, report  # noqa: PLC0415

    specification = _loaded(address)
    known = {**fragments.offered(specification)}
    if name not in known:
        raise unknown_name("fragment or property", name, known)
    chosen = known[name]
    if over is not None:
        chosen = fragments.Fragment(chosen.target, tuple(over.split(",")))
        for variable in chosen.variables:
            if variable not in specification.machine.variable:
                raise unknown_name("variable", variable, specification.machine.variable)
    found = infer.infer(specification, chosen)
    if format is Format.json:
        print_json(report.as_json(found))
    else:
        report.render(found, out)
    raise typer.Exit(0 if found.ok else 1)


def _loaded(address: str) -> Specification:
    try:
        return load(address)
    except MachineError as error:
        raise UserError(str(error)) from error
