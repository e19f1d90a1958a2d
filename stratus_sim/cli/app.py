"""The entry point: commands, exit codes, and errors as one line."""

from __future__ import annotations

import sys

import typer

from stratus_sim.cli import checking, lists, proving, recovering, running
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
    proving.prove, checking.check, running.run, running.replay, recovering.recover, running.demo,
    lists.problems, lists.policies, lists.faults,
):  # fmt: skip
    app.command()(command)


def main() -> None:
    """Run the command line; a user's mistake is one message and exit code 2."""
    try:
        app()
    except UserError as error:
        print(f"stratus: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("stratus: interrupted; nothing was written", file=sys.stderr)
        sys.exit(130)
