"""`stratus check`: is a policy safe on its own, and does TNR hold under the runtime whatever it does?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column, Table
from rich.text import Text

from stratus_sim.cli import episodes
from stratus_sim.cli.options import (
    AppOption,
    Format,
    FormatOption,
    ManifestsOption,
    ModelOption,
    NamespaceOption,
    NoiseOption,
    OutputOption,
    SeedOption,
    TopologyOption,
    WithOption,
    err,
    out,
    print_json,
)
from stratus_sim.files import expect_writable
from stratus_sim.testing.check import Tally
from stratus_sim.testing.check import check as check_policy
from stratus_sim.testing.record import header_for, save
from stratus_sim.testing.stage import Stage
from stratus_sim.testing.trial import Mode, Outcome, Setup, run_trial

QUESTION: dict[Mode, str] = {"own": "the policy on its own", "protected": "under the runtime"}


def check(
    policy: Annotated[str, typer.Argument(help="built-in policy, module:attr or file.py:attr")],
    manifests: ManifestsOption = None,
    topology: TopologyOption = None,
    namespace: NamespaceOption = None,
    app: AppOption = None,
    examples: Annotated[int, typer.Option(min=1, help="scenarios to try")] = 100,
    seed: SeedOption = 0,
    noise: NoiseOption = False,
    with_: WithOption = [],  # noqa: B006  # typer makes a new list
    model: ModelOption = None,
    output: OutputOption = "auto",
    protected: Annotated[
        bool, typer.Option("--protected", help="ask only whether TNR holds under the runtime")
    ] = False,
    out_file: Annotated[Path, typer.Option("--out", help="where a counterexample is written")] = Path(
        "violation.jsonl"
    ),
    format: FormatOption = Format.text,
) -> None:
    """Property-test a policy over faults, targets, timing, load and seeds. Exit 1 when it ever makes things worse.

    Example: stratus check reckless --examples 50 --seed 1
    """
    expect_writable(out_file)
    name = episodes.embedded(app, {"--manifests": manifests})
    stage = Stage(episodes.source(name, manifests, topology, namespace))
    if format is Format.text:
        episodes.warn(stage)
    setup = episodes.setup(stage, policy, model=episodes.ModelChoice(model, output))._replace(noise=noise)
    modes: tuple[Mode, ...] = ("protected",) if protected else ("own", "protected")
    tallies = [tally(setup, mode, examples, seed, quiet=format is Format.json) for mode in modes]
    files = _save_smallest(setup, policy, tallies, out_file)
    if format is Format.json:
        print_json({"policy": policy, "verdicts": [_as_json(tally, files.get(tally.mode)) for tally in tallies]})
    else:
        _show(policy, tallies, files)
    raise typer.Exit(0 if all(tally.holds for tally in tallies) else 1)


def tally(setup: Setup, mode: Mode, examples: int, seed: int, *, quiet: bool = False) -> Tally:
    """`check` with a progress bar on standard error."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=quiet) as progress:
        task = progress.add_task(QUESTION[mode], total=examples)

        def advance(_mode: Mode, _outcome: Outcome) -> None:
            progress.advance(task)

        return check_policy(setup, mode, examples, seed, advance)


def _save_smallest(setup: Setup, policy: str, tallies: list[Tally], path: Path) -> dict[Mode, Path]:
    """Write each smallest counterexample, played once more with everything recorded, unless it does not come back."""
    files: dict[Mode, Path] = {}
    for tally in tallies:
        if tally.smallest is not None:
            place = path.with_stem(f"{path.stem}-protected") if tally.mode == "protected" else path
            watched = run_trial(setup, tally.smallest.scenario, tally.mode, watch=True)
            if watched.problem == tally.smallest.problem:
                save(place, header_for(setup, policy, watched), watched)
                files[tally.mode] = place
    return files


def _show(policy: str, tallies: list[Tally], files: dict[Mode, Path]) -> None:
    out.print(table(policy, tallies))
    for tally in tallies:
        if tally.smallest is not None:
            case = (f"\nSmallest case, {QUESTION[tally.mode]}:", "bold")
            out.print(Text.assemble(case, f" {tally.smallest.scenario}"))
            out.print(episodes.explain(tally.smallest))
            if tally.mode == "protected":
                out.print(
                    "TNR must hold whatever the policy does: this is a bug of ours, please report the file.",
                    style="bold red",
                )
            out.print(_closer(files.get(tally.mode)), soft_wrap=True)


def _closer(file: Path | None) -> str:
    if file is None:
        return "no file: the policy answers otherwise when asked again, so this case cannot be replayed"
    return f"look closer: stratus replay {file}"


def table(policy: str, tallies: list[Tally]) -> Table:
    """Both verdicts, a line each."""
    verdicts = Column("", no_wrap=True, min_width=len("BROKEN"))  # however narrow the terminal
    shown = Table("verdict on " + policy, "scenarios", "repaired", "undone", "made worse", verdicts)
    for tally in tallies:
        verdict = Text("holds", style="green") if tally.holds else Text("BROKEN", style="bold red")
        undone = str(tally.undone) if tally.mode == "protected" else "-"
        shown.add_row(
            QUESTION[tally.mode], str(tally.examples), str(tally.repaired), undone, str(tally.broken), verdict
        )
    return shown


def _as_json(tally: Tally, file: Path | None) -> dict[str, Any]:
    smallest = tally.smallest
    return {
        "question": QUESTION[tally.mode],
        "mode": tally.mode,
        "holds": tally.holds,
        "scenarios": tally.examples,
        "repaired": tally.repaired,
        "undone": tally.undone,
        "broken": tally.broken,
        "smallest": str(smallest.scenario) if smallest else None,
        "clause": smallest.problem if smallest else None,
        "file": str(file) if file else None,
    }
