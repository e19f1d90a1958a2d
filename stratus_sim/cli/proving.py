"""`stratus prove`: the specification, proved for every number of steps, agents and resources."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from stratus_sim.cli.options import Format, FormatOption, print_json
from stratus_sim.errors import unknown_name
from stratus_spec import MACHINE


def prove(
    without: Annotated[
        list[str] | None, typer.Option(help="drop a guard, as TRANSITION.GUARD, and see what breaks")
    ] = None,
    format: FormatOption = Format.text,
) -> None:
    """Prove every (transition, property) pair by induction with Z3; anything but a proof is a failure.

    Example: stratus prove --without write.fenced
    """
    for guard in without or ():
        if guard not in MACHINE.guard_addresses:
            raise unknown_name("guard", guard, MACHINE.guard_addresses)
    import stratus_proofs  # noqa: PLC0415  # proofs load Z3

    report = stratus_proofs.prove(without=tuple(without or ()))
    if format is Format.json:
        print_json(stratus_proofs.as_json(report))
    else:
        stratus_proofs.render(report, Console(highlight=False))
    raise typer.Exit(0 if report.ok else 1)
