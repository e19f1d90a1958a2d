"""The entry point: commands, exit codes, and errors as one line."""

from __future__ import annotations

import sys
from collections.abc import Callable
from ctypes import ArgumentError
from typing import Any, NoReturn

import typer

from stratus_sim import extensions
from stratus_sim.cli import checking, exploring, gating, lists, proving, recovering, running, serving, training
from stratus_sim.cli.options import visible
from stratus_sim.cli.output import INTERRUPTED, broken, guarded, heard_or_not, interrupt
from stratus_sim.errors import UserError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Check, test and train LLM agents that repair cloud systems: no transaction may leave the system worse.",
    epilog="Exit code: 0 the property holds, 1 it does not, 2 bad input.   Start with: stratus demo",
)
for command in (
    proving.prove, exploring.explore, checking.check, running.run, running.replay, recovering.recover, running.demo,
    serving.serve, gating.gate, gating.apply, training.train, lists.problems, lists.policies, lists.faults,
):  # fmt: skip
    app.command()(command)


def main() -> None:
    """Run the command line; a user's mistake is one message and exit code 2."""
    sys.unraisablehook = _but_for_z3(sys.unraisablehook)
    with heard_or_not():
        _main()


def _but_for_z3(report: Callable[[Any], object]) -> Callable[[Any], None]:
    """What Ctrl-C leaves half made in Z3 complains when it is collected, which is of no use to anybody."""

    def told(found: Any) -> None:
        if not str(getattr(found.object, "__module__", "")).startswith("z3"):
            report(found)

    return told


def _main() -> None:
    try:
        with guarded():
            app()
    except UserError as error:
        _refuse(error)
    except SystemExit as stop:  # typer ends the process itself on Ctrl-C, without a word
        if stop.code == INTERRUPTED:
            interrupt()
        raise
    except ArgumentError as error:  # what ctypes makes of a Ctrl-C while it hands arguments to Z3
        if KeyboardInterrupt.__name__ not in str(error):
            raise
        interrupt()
    except Exception as error:  # noqa: BLE001  # whatever it is, it is no verdict
        mistake = extensions.blamed(error)
        if mistake is None:
            broken(error)
        _refuse(mistake)


def _refuse(mistake: UserError) -> NoReturn:
    print(f"stratus: {visible(str(mistake))}", file=sys.stderr)
    sys.exit(2)
