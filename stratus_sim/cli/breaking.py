"""`stratus prove --without`, `--case` and `--trace`: runs that break a specification, and runs that keep to it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.text import Text

from stratus_sim.cli.options import Format, out, print_json
from stratus_sim.errors import unknown_name
from stratus_spec import SPECIFICATION, Specification

if TYPE_CHECKING:
    from stratus_proofs import Report
    from stratus_proofs.harm.theatre import Reenactment
    from stratus_proofs.holding import Holding
    from stratus_proofs.reachable.necessity import Necessity


def prove_without(names: tuple[str, ...], bound: int, format: Format) -> None:
    """Drop assumptions, guards or axioms; print which obligations fail and a shortest run for each property."""
    import stratus_proofs  # noqa: PLC0415  # proofs load Z3
    from stratus_proofs import weakening  # noqa: PLC0415
    from stratus_proofs.reachable import necessity  # noqa: PLC0415

    known = weakening.droppable(SPECIFICATION)
    for name in names:
        if name not in known:
            raise unknown_name("guard or assumption", name, known)
    report = stratus_proofs.prove(without=names)
    subject = SPECIFICATION
    for name in names:
        subject = weakening.weakened(subject, name)
    found = necessity.search(subject, {failure.prop for failure in report.failures}, bound)
    if format is Format.json:
        print_json(as_json(report, subject, found))
    else:
        show(report, subject, found)
    raise typer.Exit(0 if report.ok else 1)


def check_trace(log: Path, format: Format) -> None:
    """Check that a recorded run or a journal is a behaviour of the specification; exit 1 at the first line that is not.

    Raises UserError when the file is neither.
    """
    from stratus_sim.testing.trace import Rejected, check_log  # noqa: PLC0415

    try:
        checked = check_log(log)
    except Rejected as rejected:
        if format is Format.json:
            print_json({"ok": False, "line": rejected.line, "why": rejected.why})
        else:
            out.print(Text(f"rejected: {rejected}", style="bold red"), soft_wrap=True)
        raise typer.Exit(1) from None
    if format is Format.json:
        print_json(checked.as_json())
    else:
        out.print(Text(f"{log}: {checked}", style="bold green"), soft_wrap=True)
    raise typer.Exit(0)


def prove_case(name: str, bound: int, format: Format) -> None:
    """Show a published driver's gap as a run of its variant of the machine, and that the repaired machine proves."""
    from stratus_proofs import case_studies  # noqa: PLC0415  # proofs load Z3

    if name not in case_studies.CASES:
        raise unknown_name("case", name, case_studies.CASES)
    study = case_studies.study(case_studies.CASES[name], bound)
    if format is Format.json:
        print_json(case_studies.as_json(study))
    else:
        for line in case_studies.lines(study):
            out.print(line, soft_wrap=True)
    raise typer.Exit(0 if study.confirmed else 1)


def as_json(report: Report, subject: Specification, found: Necessity) -> dict[str, Any]:
    """The report, the runs and the harm as plain data."""
    import stratus_proofs  # noqa: PLC0415
    from stratus_proofs.harm import telling  # noqa: PLC0415
    from stratus_proofs.reachable import story  # noqa: PLC0415

    runs = {**found.traces, **found.guided}
    played, holds = _harm(subject, found)
    necessity = {
        "bound": found.bound,
        "runs": [story.as_json(trace, subject.prop[name]) for name, trace in runs.items()],
        "guided": list(found.guided),
        "unreached": list(found.unreached),
        "reenacted": played and telling.as_json(played),
        "holds": holds and {"kept": list(holds.kept), "given_up": list(holds.given_up), "harmless": holds.harmless},
    }
    return {**stratus_proofs.as_json(report), "necessity": necessity}


def show(report: Report, subject: Specification, found: Necessity) -> None:
    """Print the failing properties, then each run, what no run reaches, and the harm."""
    from stratus_proofs.reachable import story  # noqa: PLC0415
    from stratus_proofs.render import properties_table, verdict  # noqa: PLC0415

    out.print(properties_table(report))
    for name, trace in {**found.traces, **found.guided}.items():
        label = ", along a given path: not shown to be shortest" if name in found.guided else ""
        head, *rest = story.lines(trace, subject.prop[name])
        out.print(Text(f"\n{head}{label}", style="bold red"), soft_wrap=True)
        for line in rest:
            out.print(Text(line), soft_wrap=True)
    _show_unreached(report, found)
    _show_harm(subject, found)
    out.print(verdict(report))


def _show_unreached(report: Report, found: Necessity) -> None:
    from stratus_proofs.render import counterexample_lines  # noqa: PLC0415

    for name in found.unreached:
        label = f"induction fails, but no run of up to {found.bound} steps breaks it: its state may be unreachable"
        out.print(Text(f"\n{name}: {label}; --bound searches further", style="yellow"), soft_wrap=True)
        for failure in report.failures:
            if failure.prop == name and failure.counterexample is not None:
                for line in counterexample_lines(failure.counterexample):
                    out.print(f"  {line}", soft_wrap=True)


def _show_harm(subject: Specification, found: Necessity) -> None:
    from stratus_proofs.harm import telling  # noqa: PLC0415

    played, holds = _harm(subject, found)
    told = telling.lines(played) if played else ["No harm was measured in any run played on the simulated cluster."]
    for number, line in enumerate(["", *told, *([str(holds)] if holds else [])]):
        out.print(Text(line, style="bold" if number == 1 else ""), soft_wrap=True)


def _harm(subject: Specification, found: Necessity) -> tuple[Reenactment | None, Holding | None]:
    """A run that does harm; where it is trespass alone, or nothing, also what still holds."""
    from stratus_proofs.harm.search import search  # noqa: PLC0415
    from stratus_proofs.holding import holding  # noqa: PLC0415

    played = search(subject.machine, found.traces.values())
    if played is not None and played.beyond_trespass:
        return played, None
    return played, holding(subject)
