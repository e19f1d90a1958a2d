"""The entry point: commands, exit codes, and errors as one line."""

from __future__ import annotations

import sys
from ctypes import ArgumentError

import typer

from stratus_sim.cli import checking, exploring, gating, lists, proving, recovering, running, serving, training
from stratus_sim.cli.options import visible
from stratus_sim.cli.output import guarded
from stratus_sim.errors import UserError

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it: 128 + SIGINT."""

STOPPED = "stratus: interrupted; no file is half-written"

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
    try:
        with guarded():
            app()
    except UserError as error:
        print(f"stratus: {visible(str(error))}", file=sys.stderr)
        sys.exit(2)
    except SystemExit as stop:  # typer ends the process itself on Ctrl-C, without a word
        if stop.code == INTERRUPTED:
            print(STOPPED, file=sys.stderr)
        raise
    except ArgumentError as error:  # what ctypes makes of a Ctrl-C while it hands arguments to Z3
        if KeyboardInterrupt.__name__ not in str(error):
            raise
        print(STOPPED, file=sys.stderr)
        sys.exit(INTERRUPTED)
