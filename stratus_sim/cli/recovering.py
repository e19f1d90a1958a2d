"""`stratus recover`: close what a killed process left open."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stratus_sim.cli.options import Format, FormatOption, WithOption, out, print_json
from stratus_sim.errors import UserError
from stratus_sim.transaction.undo import LockHeld
from stratus_spec import SpecViolation


def recover(
    journal: Annotated[
        Path, typer.Argument(help="the file given to `stratus run --journal` or `stratus apply --journal`")
    ],
    with_: WithOption = [],  # noqa: B006  # typer makes a new list
    format: FormatOption = Format.text,
) -> None:
    """Undo the transaction a killed process left open, from its journal. Doing it twice does no harm.

    Example: stratus run hotel/scale-to-zero --journal run.journal; stratus recover run.journal
    What a simulated run was played with, its cluster is brought back with: stratus recover run.journal --with mine.py
    """
    from stratus_sim.adapters.durable import recover_files  # noqa: PLC0415

    try:
        recovery = recover_files(journal)
    except SpecViolation as error:
        raise UserError(
            f"{journal}: no journal of this specification ({error}); it was altered or is another version's"
        ) from None
    except LockHeld as error:
        raise UserError(f"{journal}: {error}; try again when that agent is done") from None
    if format is Format.json:
        print_json(recovery.as_json())
    else:
        out.print(str(recovery))
