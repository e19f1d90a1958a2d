"""The gate: Robust TNR, sampled. A plan passes when no environment tried leaves the twin worse than without it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from stratus_sim.gate.perturbation import Perturbation, perturbations, targets
from stratus_sim.gate.plan import Plan
from stratus_sim.gate.trial import Result, try_plan
from stratus_sim.gate.twin import Twin
from stratus_sim.testing.draws import explore
from stratus_sim.transaction.limits import LIMITS, Limits

Progress = Callable[[Result], None]


class Verdict(NamedTuple):
    """What the gate found: `results` in the order they were tried, `smallest` the simplest one that breaks."""

    results: tuple[Result, ...]
    smallest: Result | None

    @property
    def passed(self) -> bool:
        return self.smallest is None

    @property
    def committed(self) -> int:
        """In how many environments the plan stayed; in the others the runtime undid it, and it had done no harm."""
        return sum(result.committed for result in self.results)

    def broken(self) -> dict[str, int]:
        """How often each clause broke."""
        counts: dict[str, int] = {}
        for result in self.results:
            if result.clause:
                counts[result.clause] = counts.get(result.clause, 0) + 1
        return counts


class _Broken(Exception):
    """Tells Hypothesis that an environment is a counterexample."""


def examine(
    twin: Twin,
    plan: Plan,
    examples: int,
    base_seed: int,
    limits: Limits = LIMITS,
    progress: Progress | None = None,
    *,
    noise: bool = False,
) -> Verdict:
    """Try a plan in the calm environment and in `examples` sampled ones, which may all have background `noise`.

    The same seed draws the same.

    When it breaks, the first case is shrunk to the simplest one that breaks the same clause.
    """
    results: list[Result] = []
    environments = perturbations(targets(twin.world(0)), noise=noise)
    drive = partial(explore, environments, examples=examples, base_seed=base_seed)

    def collect(what: Perturbation) -> None:
        results.append(try_plan(twin, plan, limits, what))
        if progress:
            progress(results[-1])

    collect(Perturbation())
    drive(collect, shrink=False)
    first = next((result for result in results if result.clause), None)
    if first is None or first is results[0]:  # nothing is simpler than the calm environment
        return Verdict(tuple(results), first)
    return Verdict(tuple(results), _shrunk(twin, plan, limits, first, drive))


def _shrunk(twin: Twin, plan: Plan, limits: Limits, first: Result, drive: Callable[..., None]) -> Result:
    """The simplest environment that breaks what the `first` one broke; `drive` runs a body on those there are."""
    smallest = [first]

    def fail_when_broken(what: Perturbation) -> None:
        result = try_plan(twin, plan, limits, what)
        if result.clause == first.clause:
            smallest[:] = [result]
            raise _Broken

    with suppress(_Broken):
        drive(fail_when_broken, shrink=True)
    return smallest[0]
