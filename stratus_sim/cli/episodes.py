"""Choosing, setting up and explaining episodes on the command line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from stratus_sim.cli.options import HOTEL, err
from stratus_sim.cluster.configuration import ABSENT, shown
from stratus_sim.errors import UserError
from stratus_sim.faults import choose_target, find
from stratus_sim.problems import find_problem
from stratus_sim.testing.episode import Attempt, Limits
from stratus_sim.testing.judge import Difference
from stratus_sim.testing.policy import PolicyFactory
from stratus_sim.testing.protected import Protected
from stratus_sim.testing.record import Header
from stratus_sim.testing.scenario import Scenario
from stratus_sim.testing.stage import Source, Stage
from stratus_sim.testing.trial import Mode, Outcome, Setup
from stratus_sim.world import World

MAX_DIFFERENCES = 12


class ModelChoice(NamedTuple):
    """The model that drives a policy, how it is asked (`rivals.drive`), where its prompts are, what it may cost.

    `budget` has those parts of `stratus_agents.agent.Budget` that are not to be as usual.
    """

    name: str | None = None
    output: str = "auto"
    prompts: Path | None = None
    budget: Mapping[str, int] = MappingProxyType({})


def load_policy(spec: str, model: ModelChoice | None = None) -> PolicyFactory:
    """The policy a name or plug stands for; agents are imported only now.

    Raises:
        UserError: there is no such policy, or it needs a model, or it needs none.
    """
    from stratus_agents import rivals  # noqa: PLC0415
    from stratus_agents.agent import BUDGET  # noqa: PLC0415
    from stratus_agents.policies import load_policy as load  # noqa: PLC0415

    factory: PolicyFactory
    if model and model.name and spec in rivals.DRIVEN:
        budget = BUDGET._replace(**model.budget)
        factory = rivals.drive(spec, model.name, output=model.output, prompts=model.prompts, budget=budget)
    elif model and model.name:
        raise UserError(f"--model: policy {spec!r} asks no model; those that do: {', '.join(rivals.DRIVEN)}")
    elif model and model != ModelChoice():
        raise UserError(
            "--output, --prompts and --max-... say how a model is asked: add --model NAME, or leave them out"
        )
    else:
        factory = load(spec)
    return factory


def load_recorded(header: Header, events: list[dict[str, Any]]) -> PolicyFactory:
    """The policy of a recorded episode; a model's replies come from the record."""
    if header.origin is None:
        return load_policy(header.policy)
    from stratus_agents import rivals  # noqa: PLC0415

    factory: PolicyFactory = rivals.from_recording(header.policy, header.origin, events)
    return factory


def mode_of(setup: Setup, unprotected: bool) -> Mode:
    """Without the runtime when asked so, or when that is what the policy is about."""
    mode: Mode = "own" if unprotected else getattr(setup.factory, "mode", "protected")
    return mode


def choose(problem: str | None, manifests: Path | None, fault: str | None) -> tuple[str, str, str | None]:
    """(embedded application, fault, target) from what was said on the command line.

    Raises:
        UserError: too little or too much was said.
    """
    if manifests is None and problem is not None and fault is None:
        found = find_problem(problem)
        return found.application, found.fault, found.target
    if manifests is not None and problem is None and fault is not None:
        name, _, target = fault.partition(":")
        return "", find(name).name, target or None
    raise UserError("expected either PROBLEM, or --manifests PATH with --fault NAME[:TARGET]; see `stratus problems`")


def embedded(app: str | None, others: Mapping[str, object]) -> str:
    """The embedded application meant by `--app`.

    Raises:
        UserError: one is named, and so is something else (of `others`, by what users call it) that is not it.
    """
    for name, given in others.items():
        if app is not None and given is not None:
            raise UserError(f"--app {app}: {name} says which application it is: leave one of them out")
    return app or HOTEL


def source(name: str, manifests: Path | None, topology: Path | None, namespace: str | None) -> Source:
    """Where the application comes from."""
    return Source(
        name="" if manifests else name,
        manifests=str(manifests) if manifests else None,
        topology=str(topology) if topology else None,
        namespace=namespace,
    )


def warn(stage: Stage) -> None:
    """Say on standard error what is odd about the manifests, and what would not start in a cluster."""
    for warning in stage.remarks():
        err.print(f"warning: {warning}", style="yellow", soft_wrap=True)


def target(stage: Stage, fault: str, wanted: str | None) -> str:
    """The target in full, `Kind/name`."""
    key = choose_target(stage.standing(0), find(fault), wanted)
    return f"{key.kind}/{key.name}"


def setup(stage: Stage, policy: str, journal: Path | None = None, model: ModelChoice | None = None) -> Setup:
    """A trial's setup; with `journal`, transactions are written ahead to that file."""
    factory = load_policy(policy, model)
    made = Setup(stage, factory, getattr(factory, "limits", Limits()))
    if journal is None:
        return made

    def protect(world: World, scenario: Scenario) -> Protected:
        return Protected(world, scenario, journal, made.limits.attempts)

    return made._replace(protect=protect)


def summary(outcome: Outcome) -> RenderableType:
    """One line on how an episode without a broken clause ended."""
    episode = outcome.episode
    if episode.repaired:
        return Text(f"repaired in {len(episode.attempts)} attempt(s)", style="bold green")
    kinds = ", ".join(attempt.decision.kind for attempt in episode.attempts) or "none"
    return Text(f"not repaired: severity {episode.final}; attempts: {kinds}", style="bold yellow")


def explain(outcome: Outcome) -> RenderableType:
    """Why an episode is a counterexample: the actions, what they changed, and the clause with its values."""
    broken = outcome.episode.broken
    if broken is None:
        return Text(outcome.problem, style="bold red")
    return Group(*_explanation(broken))


def _explanation(attempt: Attempt) -> Iterator[RenderableType]:
    finding = attempt.decision.finding
    yield Text(f"broken: {finding.clause}", style="bold red")
    yield Text(f"  with the attempt:    {finding.severity_with}")
    yield Text(f"  without the attempt: {finding.severity_without}")
    yield Text(f"attempt {attempt.number} ({attempt.decision.kind}) did:")
    for action, told in attempt.actions:
        yield Text(f"  {action} → {told.partition(':')[0]}")
    yield _differences(attempt)


def _differences(attempt: Attempt) -> Table:
    finding = attempt.decision.finding
    table = Table("what differs", "without", "with", box=None, pad_edge=False)
    lines = list(_objects(finding.differences))
    for line in lines[:MAX_DIFFERENCES]:
        table.add_row(*line)
    if len(lines) > MAX_DIFFERENCES:
        table.add_row(f"... and {len(lines) - MAX_DIFFERENCES} more", "", "")
    for workload in sorted({*finding.sick_with, *finding.sick_without}):
        pair = finding.sick_without.get(workload, 0), finding.sick_with.get(workload, 0)
        if pair[0] != pair[1]:
            table.add_row(f"{workload}: replicas missing", f"{pair[0] / 10:g} %", f"{pair[1] / 10:g} %")
    return table


def _objects(differences: Iterable[Difference]) -> Iterator[tuple[str, str, str]]:
    """A line a field, but only one for an object that is there on one side alone."""
    for key, group in groupby(differences, lambda difference: difference[0].object):
        fields = list(group)
        kinds = next(((without, with_) for field, without, with_ in fields if field.path == ("kind",)), None)
        if kinds is not None:
            without, with_ = ("not there" if kind == ABSENT else "there" for kind in kinds)
            yield str(key), without, with_
        else:
            yield from ((str(field), shown(without), shown(with_)) for field, without, with_ in fields)
