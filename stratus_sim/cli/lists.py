"""What there is: problems, policies, faults."""

from __future__ import annotations

from rich.table import Column, Table

from stratus_sim.cli.options import Format, FormatOption, WithOption, out, print_json


def problems(format: FormatOption = Format.text) -> None:
    """List the problems `stratus run` knows. Example: stratus problems --format json"""
    from stratus_sim.problems import PROBLEMS  # noqa: PLC0415  # lists should not load the simulator to show --help

    _show(format, ("problem", "target", "symptom"), [(p.name, p.target, p.symptom) for p in PROBLEMS.values()])


def policies(format: FormatOption = Format.text) -> None:
    """List the built-in policies; module:attr and file.py:attr plug in others. Example: stratus policies"""
    from stratus_agents.policies import POLICIES  # noqa: PLC0415  # the simulator reaches agents only from here
    from stratus_agents.rivals import DRIVEN  # noqa: PLC0415

    rows: list[tuple[str, ...]] = [(name, "", text) for name, (_, text) in POLICIES.items()]
    driven: list[tuple[str, ...]] = [(name, "--model", kind.summary) for name, kind in DRIVEN.items()]
    _show(format, ("policy", "needs", "what it does"), rows + driven)


def faults(with_: WithOption = [], format: FormatOption = Format.text) -> None:  # noqa: B006  # typer makes a new list
    """List the faults that can be injected. Example: stratus faults"""
    from stratus_sim.faults import everything  # noqa: PLC0415

    _show(format, ("fault", "what it does"), [(f.name, f.summary) for f in everything().values()])


def _show(format: Format, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    if format is Format.json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
        return
    first, *others = columns
    names = Column(first, no_wrap=True, min_width=max(len(row[0]) for row in rows))  # to be typed: never cut short
    table = Table(names, *(Column(other, overflow="fold") for other in others))
    for row in rows:
        table.add_row(*row)
    out.print(table, crop=False)
