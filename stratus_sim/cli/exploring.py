"""`stratus explore`: every state of a finite instance, counted by independent readers of one definition."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stratus_sim.cli.independent import write_files
from stratus_sim.cli.options import Format, FormatOption, out, print_json
from stratus_sim.errors import UserError, unknown_name

if TYPE_CHECKING:
    from stratus_proofs.explicit.explore import Exploration
    from stratus_proofs.explicit.instance import Instance


class Reader(str, Enum):  # noqa: UP042  # typer shows the values of a (str, Enum)
    """Who else may count the states."""

    z3 = "z3"
    tlc = "tlc"


def explore(
    name: Annotated[str, typer.Argument(help="the instance; without one they are listed")] = "",
    against: Annotated[Reader | None, typer.Option(help="let Z3 or TLC count the states as well")] = None,
    export: Annotated[Path | None, typer.Option(help="write the instance as TLA+ into this folder")] = None,
    format: FormatOption = Format.text,
) -> None:
    """Search every reachable state of a finite instance, breadth first, with the interpreter that runs transactions.

    Example: stratus explore taken_over --against tlc
    """
    from stratus_proofs.explicit.instances import INSTANCES  # noqa: PLC0415  # proofs load Z3

    if not name and (against or export):
        raise UserError(f"--against and --export are about one instance: name it; known: {', '.join(INSTANCES)}")
    if not name:
        _list(INSTANCES, format)
    if name not in INSTANCES:
        raise unknown_name("instance", name, INSTANCES)
    if export:
        _export(INSTANCES[name], export)
    _explore(INSTANCES[name], against, format)


def _list(instances: dict[str, Instance], format: Format) -> None:
    if format is Format.json:
        print_json(list(instances))
    else:
        out.print("\n".join(instances))
    raise typer.Exit(0)


def _export(instance: Instance, folder: Path) -> None:
    from stratus_proofs.export import module  # noqa: PLC0415

    write_files(module(instance), folder)


def _explore(instance: Instance, against: Reader | None, format: Format) -> None:
    from stratus_proofs.explicit import explore  # noqa: PLC0415

    found = explore.explore(instance)
    counted = _counted(instance, against) if against else None
    if format is Format.json:
        other = {"reader": against.value, "states": counted} if against else None
        print_json({**explore.as_json(found), "against": other})
    else:
        _print(found)
        if against:
            out.print(
                f"{against.value}: {counted:,} states{'' if counted == found.states else ', which is NOT the same'}"
            )
    raise typer.Exit(0 if found.ok and counted in (None, found.states) else 1)


def _counted(instance: Instance, reader: Reader) -> int:
    """The number of states another reader finds."""
    from stratus_proofs.explicit import layers, tlc  # noqa: PLC0415
    from stratus_proofs.export import module  # noqa: PLC0415

    if reader is Reader.z3:
        return sum(layers.layers(instance))
    if tlc.missing():
        raise UserError(f"--against tlc: {tlc.missing()}")
    checked = tlc.check(module(instance))
    if checked.error:
        raise UserError(f"--against tlc: {checked.error}")
    return checked.distinct


def _print(found: Exploration) -> None:
    from stratus_proofs.explicit.explore import trace_lines  # noqa: PLC0415

    kind = "all" if found.complete else "the first"
    out.print(f"{found.instance}: {kind} {found.states:,} states, {found.steps:,} steps, {len(found.layers) - 1} deep")
    cut = ", ".join(f"{name} {count:,}" for name, count in found.cut.items())
    out.print(f"bounded: steps that would leave the bounds are not taken ({cut or 'none'})")
    out.print("every property holds in all of them" if found.ok else "")
    for line in trace_lines(found.broken) if found.broken else ():
        out.print(line)
