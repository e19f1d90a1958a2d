"""`stratus train`: a better prompt for one agent, found by playing episodes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from stratus_sim.cli.options import (
    Format,
    FormatOption,
    NoiseOption,
    OutputOption,
    PromptsOption,
    SeedOption,
    WithOption,
    err,
    out,
    print_json,
)
from stratus_sim.errors import UserError
from stratus_sim.files import expect_writable, write_atomically

if TYPE_CHECKING:
    from stratus_agents.endpoint import Endpoint
    from stratus_agents.training import Plan, Player, Trained
    from stratus_agents.training.player import Played

REFLECTION_TOKENS = 4096


def train(
    agent: Annotated[str, typer.Argument(help="whose prompt: mitigation, diagnosis, detection, undo or react")],
    model: Annotated[str, typer.Option("--model", help="model of OPENAI_BASE_URL that plays the agents")],
    reflection_model: Annotated[str, typer.Option("--reflection-model", help="model that rewrites the prompt")],
    budget: Annotated[int, typer.Option(min=1, help="episodes of training and validation")] = 60,
    seed: SeedOption = 0,
    noise: NoiseOption = False,
    with_: WithOption = [],  # noqa: B006  # typer makes a new list
    attempts: Annotated[int, typer.Option(min=1, max=3, help="an episode has at most; fewer cost less")] = 3,
    prompts: PromptsOption = None,
    output: OutputOption = "auto",
    out_file: Annotated[
        Path | None, typer.Option("--out", help="the new prompt; AGENT.trained.md unless said otherwise")
    ] = None,
    control: Annotated[
        bool, typer.Option("--control", help="shuffle the rewards: what comes of it is owed to chance")
    ] = False,
    format: FormatOption = Format.text,
) -> None:
    """Train an agent's prompt on simulated faults, and judge it by faults and an application it has not seen.

    Example: stratus train mitigation --model gpt-4o-mini --reflection-model gpt-4o --budget 100 --noise --with mine.py
    """
    from stratus_agents import training  # noqa: PLC0415  # the simulator reaches agents only from here
    from stratus_agents.prompts import load_prompts  # noqa: PLC0415

    plan = training.Plan(agent, budget, seed, control, noise)
    training.learner(plan)
    target = _target(agent, out_file)
    player = training.Player(model, _endpoint(model, output=output), load_prompts(prompts), attempts)
    thinking, asked = _endpoint(reflection_model, max_tokens=REFLECTION_TOKENS), count(1000 * seed)
    trained = _watched(plan, player, lambda prompt: thinking.text(prompt, next(asked)), format is Format.json)
    diff = trained.diff(f"{agent}.md", str(target))
    if diff:
        write_atomically(target, trained.after.text.encode())
    file = str(target) if diff else None
    if format is Format.json:
        print_json(as_json(plan, trained, diff, file))
    else:
        _show(trained, diff, file)


def _target(agent: str, out_file: Path | None) -> Path:
    """Where the result goes; found unusable before the episodes are paid for."""
    target = out_file or Path(f"{agent}.trained.md")
    if out_file is None and target.exists():
        raise UserError(f"{target} is there already: move it, or choose another place with --out")
    expect_writable(target)
    return target


def _endpoint(model: str, **settings: Any) -> Endpoint:
    from stratus_agents.endpoint import SETTINGS, Endpoint  # noqa: PLC0415

    return Endpoint(model, SETTINGS._replace(**settings))


def _watched(plan: Plan, player: Player, reflect: Callable[[str], str], quiet: bool) -> Trained:
    """Train with a progress bar on standard error."""
    from stratus_agents import training  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=err, transient=True, disable=quiet) as progress:
        task = progress.add_task("training", total=plan.budget + 2 * len(training.splits().test))

        def advance(played: Played) -> None:
            said = f"{played.example.application}/{played.example.scenario.fault}: {played.marks.score:.2f}"
            progress.update(task, advance=1, description=said)

        return training.train(plan, player, reflect, advance)


def _show(trained: Trained, diff: str, file: str | None) -> None:
    shown = Table("on faults and an application not trained on", "repaired", "score")
    for name, result in zip(("before", "after"), trained.held_out, strict=True):
        shown.add_row(name, f"{result.repaired} of {result.of}", f"{result.score:.3f}")
    out.print(shown)
    out.print(f"{trained.episodes} episodes, {len(trained.validation)} prompts kept", style="dim")
    if file is None:
        out.print("No better prompt was found: more --budget, or another --reflection-model, may find one.")
        return
    out.print(diff, soft_wrap=True)
    out.print(f"written: {file}; to use it, put it as its agent's .md into a folder for --prompts", soft_wrap=True)


def as_json(plan: Plan, trained: Trained, diff: str, file: str | None) -> dict[str, Any]:
    """A result for programs."""
    from stratus_agents.training import splits  # noqa: PLC0415

    return {
        **plan._asdict(),
        "episodes": trained.episodes,
        "splits": {
            name: [f"{e.application}/{e.scenario.fault}/{e.scenario.target}" for e in part]
            for name, part in splits(noise=plan.noise)._asdict().items()
        },
        "held_out": {name: r._asdict() for name, r in zip(("before", "after"), trained.held_out, strict=True)},
        "validation": list(trained.validation),
        "prompts": {"before": trained.before.sha256, "after": trained.after.sha256},
        "diff": diff,
        "file": file,
    }
