"""`stratus run`, `stratus replay`, `stratus demo`: episodes, one at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.text import Text

from stratus_sim.adapters.durable import store_path
from stratus_sim.cli import episodes, timeline
from stratus_sim.cli.options import (
    Format,
    FormatOption,
    ManifestsOption,
    ModelOption,
    NamespaceOption,
    NoiseOption,
    OutputOption,
    PromptsOption,
    SeedOption,
    TopologyOption,
    WithOption,
    err,
    out,
    print_json,
)
from stratus_sim.errors import UserError
from stratus_sim.files import expect_writable
from stratus_sim.testing.record import header_for, save, validate
from stratus_sim.testing.record import replay as replay_file
from stratus_sim.testing.scenario import Scenario
from stratus_sim.testing.stage import Stage
from stratus_sim.testing.trial import Mode, Outcome, run_trial
from stratus_spec import SpecViolation


def run(
    problem: Annotated[
        str | None, typer.Argument(help="a problem of `stratus problems`; a part of its name will do")
    ] = None,
    policy: Annotated[str, typer.Option(help="built-in policy, module:attr or file.py:attr")] = "runbook",
    manifests: ManifestsOption = None,
    topology: TopologyOption = None,
    namespace: NamespaceOption = None,
    fault: Annotated[str | None, typer.Option(help="NAME or NAME:TARGET, with --manifests")] = None,
    model: ModelOption = None,
    output: OutputOption = "auto",
    prompts: PromptsOption = None,
    max_replies: Annotated[int | None, typer.Option(min=1, help="of the model in the episode")] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="to and from the model in the episode")] = None,
    max_seconds: Annotated[int | None, typer.Option(min=1, help="of waiting for the model in the episode")] = None,
    seed: SeedOption = 0,
    noise: NoiseOption = False,
    with_: WithOption = [],  # noqa: B006  # typer makes a new list
    out_file: Annotated[Path | None, typer.Option("--out", help="record the episode for `stratus replay`")] = None,
    journal: Annotated[Path | None, typer.Option(help="write-ahead journal on disk, for `stratus recover`")] = None,
    unprotected: Annotated[bool, typer.Option("--unprotected", help="without the transaction runtime")] = False,
    format: FormatOption = Format.text,
) -> None:
    """Play one episode and show it. Exit 1 when a clause of the specification broke.

    Example: stratus run hotel/scale-to-zero --policy runbook --seed 1
    """
    _expect_places(out_file, journal)
    name, strike, target = episodes.choose(problem, manifests, fault)
    stage = Stage(episodes.source(name, manifests, topology, namespace))
    if format is Format.text:
        episodes.warn(stage)
    limits = {"replies": max_replies, "tokens": max_tokens, "seconds": max_seconds}
    budget = {part: limit for part, limit in limits.items() if limit is not None}
    setup = episodes.setup(stage, policy, journal, episodes.ModelChoice(model, output, prompts, budget))
    struck = episodes.target(setup.stage, strike, target)
    scenario = Scenario(fault=strike, target=struck, seed=seed, noise=noise or msgspec.UNSET)
    mode = episodes.mode_of(setup, unprotected)
    _expect_journaled(journal, mode, policy)
    outcome = run_trial(setup, scenario, mode, watch=True)
    if out_file is not None:
        save(out_file, header_for(setup, policy, outcome), outcome)
    _show(outcome, policy, format)
    raise typer.Exit(1 if outcome.problem else 0)


def _expect_places(recording: Path | None, journal: Path | None) -> None:
    """Raises UserError when a file cannot be written, or the recording would replace what `stratus recover` needs."""
    for place in filter(None, (recording, journal)):
        expect_writable(place)
    if recording and journal and recording.resolve() in (journal.resolve(), store_path(journal).resolve()):
        raise UserError(f"--out {recording}: --journal keeps its own file of that name: choose another place")


def _expect_journaled(journal: Path | None, mode: Mode, policy: str) -> None:
    """Raises UserError for a journal that would stay empty: `stratus recover` would be looked for in vain."""
    if journal and mode != "protected":
        raise UserError(
            f"--journal {journal}: policy {policy!r} would run without the transaction runtime, and only that keeps "
            "a journal: leave --journal out, or what turns the runtime off"
        )


def replay(
    file: Annotated[Path, typer.Argument(help="a file written by `stratus run --out` or `stratus check`")],
    format: FormatOption = Format.text,
) -> None:
    """Play a recorded episode again, to the same bytes, and check its trace. Exit 1 when it shows a broken clause.

    Example: stratus run hotel/scale-to-zero --out run.jsonl && stratus replay run.jsonl
    """
    header, outcome = replay_file(file, episodes.load_recorded)
    _show(outcome, header.policy, format)
    holds, told = _traced(outcome)
    if format is Format.text or not holds:
        (out if format is Format.text else err).print(
            f"{file}: the same bytes again; {told}", style="dim", soft_wrap=True
        )
    raise typer.Exit(1 if outcome.problem or not holds else 0)


def _traced(outcome: Outcome) -> tuple[bool, str]:
    """Whether what was journaled is a behaviour of the specification, in words as well."""
    try:
        records = validate(outcome.episode.events)
    except SpecViolation as error:
        return False, f"but its journal is no behaviour of the specification: {error}"
    return True, f"its {records} journal records are a behaviour of the specification" if records else "no journal"


def demo(seed: SeedOption = 0, format: FormatOption = Format.text) -> None:
    """Prove the specification, repair a broken application, test two policies: the whole path in one screen.

    Example: stratus demo
    """
    from stratus_sim.cli.demo import show_demo  # noqa: PLC0415  # pulls in proofs and agents

    raise typer.Exit(show_demo(seed, format))


def _show(outcome: Outcome, policy: str, format: Format) -> None:
    if format is Format.json:
        print_json(as_json(outcome, policy))
        return
    unprotected = "" if outcome.mode == "protected" else "  (unprotected)"
    out.print(Text.assemble((policy, "bold"), f" on {outcome.scenario}{unprotected}"))
    out.print(timeline.table(outcome.episode.events))
    if outcome.problem:
        out.print(episodes.explain(outcome))
    else:
        out.print(episodes.summary(outcome))


def as_json(outcome: Outcome, policy: str) -> dict[str, Any]:
    """An episode for programs."""
    return {
        "policy": policy,
        "mode": outcome.mode,
        "problem": outcome.problem,
        "repaired": outcome.episode.repaired,
        "severity": outcome.episode.final._asdict(),
        "attempts": [a.decision.kind for a in outcome.episode.attempts],
        "events": outcome.episode.events,
    }
