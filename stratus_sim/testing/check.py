"""Hypothesis drives a policy over scenarios and shrinks what breaks to the smallest one that still does."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec
from hypothesis import strategies as st
from hypothesis.errors import Flaky

from stratus_sim.errors import UserError
from stratus_sim.testing.draws import explore
from stratus_sim.testing.scenario import Disruption, Scenario
from stratus_sim.testing.stage import Stage
from stratus_sim.testing.trial import Mode, Outcome, Setup, run_trial

Progress = Callable[[Mode, Outcome], None]


class Tally(NamedTuple):
    """One verdict: over `examples` scenarios, how often something broke, and the smallest case of it."""

    mode: Mode
    examples: int
    broken: int
    repaired: int
    undone: int
    smallest: Outcome | None

    @property
    def holds(self) -> bool:
        return not self.broken


class _BrokenClause(Exception):
    """Tells Hypothesis that a scenario is a counterexample."""


def scenarios(stage: Stage, *, disruptions: bool, noise: bool = False) -> st.SearchStrategy[Scenario]:
    """Scenarios for an application; simple ones (first fault, at once, normal load, seed 0) are what shrinking ends in.

    All of them have `noise`, or none.

    Raises:
        UserError: no fault finds a target in the application.
    """
    strikes = stage.strikes()
    if not strikes:
        raise UserError("no fault finds a target in these manifests: expected Deployments, Services or Nodes to strike")
    disruption = st.one_of(st.none(), _disruptions()) if disruptions else st.none()
    return st.builds(
        lambda strike, **rest: Scenario(fault=strike[0], target=strike[1], **rest),
        strike=st.sampled_from(strikes),
        fault_at_s=st.integers(0, 180),
        fault_for_s=st.one_of(st.none(), st.integers(30, 300)),
        load_permille=st.sampled_from((1000, 500, 1500, 2500)),
        seed=st.integers(0, 255),
        disruption=disruption,
        noise=st.just(True if noise else msgspec.UNSET),
    )


def _disruptions() -> st.SearchStrategy[Disruption]:
    return st.builds(Disruption, kind=st.sampled_from(("crash", "rival")), at=st.integers(0, 12))


def check(setup: Setup, mode: Mode, examples: int, base_seed: int, progress: Progress | None = None) -> Tally:
    """Try `examples` scenarios; when any breaks, shrink the first to the smallest one that breaks the same way.

    A policy that answers otherwise when asked again cannot be shrunk: the first case it broke stands as it is. The same
    seed draws the same scenarios, whatever the machine.
    """
    outcomes: list[Outcome] = []

    def collect(scenario: Scenario) -> None:
        outcomes.append(run_trial(setup, scenario, mode))
        if progress:
            progress(mode, outcomes[-1])

    _drive(setup, mode, examples, base_seed, collect, shrink=False)
    broken = [outcome for outcome in outcomes if outcome.problem]
    smallest = (search(setup, mode, examples, base_seed) or broken[0]) if broken else None
    return Tally(
        mode=mode,
        examples=len(outcomes),
        broken=len(broken),
        repaired=sum(outcome.episode.repaired for outcome in outcomes),
        undone=sum(_undone(outcome) for outcome in outcomes),
        smallest=smallest,
    )


def _undone(outcome: Outcome) -> bool:
    return any(attempt.decision.kind == "abort" for attempt in outcome.episode.attempts)


def search(setup: Setup, mode: Mode, examples: int, base_seed: int, *, shrink: bool = True) -> Outcome | None:
    """The first of `examples` scenarios that breaks, made as small as it goes unless not to `shrink`.

    None if there is none, or if the policy answers otherwise when asked again.
    """
    last: list[Outcome] = []

    def fail_when_broken(scenario: Scenario) -> None:
        outcome = run_trial(setup, scenario, mode)
        if outcome.problem:
            last[:] = [outcome]
            raise _BrokenClause

    try:
        _drive(setup, mode, examples, base_seed, fail_when_broken, shrink=shrink)
    except Flaky:
        return None
    except _BrokenClause:
        return fewest_actions(setup, last[0]) if shrink else last[0]
    return None


def fewest_actions(setup: Setup, outcome: Outcome) -> Outcome:
    """The same case with as few of the policy's actions as still break it: first the shortest beginning, then less."""
    total = sum(len(attempt.actions) for attempt in outcome.episode.attempts)
    beginnings = (tuple(range(count)) for count in range(total + 1))
    outcome = next(filter(None, (_still_broken(setup, outcome, kept) for kept in beginnings)), outcome)
    for number in outcome.scenario.actions or ():
        kept = tuple(n for n in outcome.scenario.actions or () if n != number)
        outcome = _still_broken(setup, outcome, kept) or outcome
    return outcome


def _still_broken(setup: Setup, outcome: Outcome, actions: tuple[int, ...]) -> Outcome | None:
    again = run_trial(setup, msgspec.structs.replace(outcome.scenario, actions=actions), outcome.mode)
    return again if again.problem == outcome.problem else None


def _drive(
    setup: Setup, mode: Mode, examples: int, base_seed: int, body: Callable[[Scenario], None], *, shrink: bool
) -> None:
    cases = scenarios(setup.stage, disruptions=mode == "protected", noise=setup.noise)
    explore(cases, body, examples, base_seed, shrink=shrink)
