"""The proof for eyes other than Z3's: as files any solver reads, and decided by cvc5."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import NoReturn

import typer

from stratus_sim.cli.options import Format, out, print_json
from stratus_sim.cli.specifying import loaded
from stratus_sim.errors import UserError
from stratus_sim.files import write_atomically


class Solver(str, Enum):  # noqa: UP042  # typer shows the values of a (str, Enum)
    """Who decides the obligations."""

    z3 = "z3"
    cvc5 = "cvc5"


def write_files(files: dict[str, str], folder: Path) -> None:
    """Write each file whole or not at all. Raises UserError when the folder cannot be made or written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--export {folder}: {error.strerror}; choose another folder") from None
    for name, text in files.items():
        write_atomically(folder / name, text.encode())


def export_proof(address: str, folder: Path, format: Format) -> NoReturn:
    """Write every obligation as an SMT-LIB 2 script, and their index."""
    from stratus_proofs import export, induction  # noqa: PLC0415  # proofs load Z3

    specification = loaded(address)
    files = dict(export.files(specification.machine.name, induction.groups(specification)))
    write_files(files, folder)
    obligations = len(files) - 1
    if format is Format.json:
        print_json({"folder": str(folder), "index": export.INDEX, "obligations": obligations})
    else:
        out.print(f"{obligations} obligations in {folder}, listed in {export.INDEX}; each must be unsat")
    raise typer.Exit(0)


def prove_twice(address: str, format: Format) -> NoReturn:
    """Prove with Z3, and again with cvc5 from the exported text."""
    import stratus_proofs  # noqa: PLC0415
    from stratus_proofs import induction  # noqa: PLC0415
    from stratus_proofs.export import opinion  # noqa: PLC0415

    specification = loaded(address)
    try:
        second = opinion.ask_cvc5(induction.groups(specification))
    except ModuleNotFoundError:
        raise UserError(f"--solver cvc5 needs the cvc5 package: pip install 'stratus-tnr[{opinion.EXTRA}]'") from None
    report = stratus_proofs.prove(specification)
    if format is Format.json:
        print_json({**stratus_proofs.as_json(report), "second_opinion": opinion.as_json(second)})
    else:
        stratus_proofs.render(report, out)
        for name in second.unproved:
            out.print(f"{second.solver} does not prove {name}: {second.answers[name]}")
        proved = len(second.answers) - len(second.unproved)
        out.print(
            f"{second.solver}: {proved} of {len(second.answers)} proved from their SMT-LIB, {second.seconds:.2f} s"
        )
    raise typer.Exit(0 if report.ok and second.ok else 1)
