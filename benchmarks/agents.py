"""A crew under the runtime against what it is compared with, on one scripted imperfect model; and the runtime's price.

The model is scripted: the table says what transactions do to given mistakes, and nothing about language models.
"""

from __future__ import annotations

import gc
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from math import sqrt
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from stratus_agents.models import Call, Reply, Request
from stratus_agents.prompts import load_prompts
from stratus_agents.rivals import DRIVEN, Driven, drive
from stratus_agents.scripted import MODEL, Mistakes, scripted_model
from stratus_sim.kernel import SECOND_US
from stratus_sim.telemetry.severity import Severity, measure, no_worse
from stratus_sim.testing.episode import Episode, play
from stratus_sim.testing.execution import Unprotected
from stratus_sim.testing.protected import Protected
from stratus_sim.testing.scenario import Scenario
from stratus_sim.testing.stage import Source, Stage
from stratus_sim.testing.trial import Mode, Setup, run_trial

SETTLED_US = 300 * SECOND_US
"""After the last decision, before anybody judges: pods that were restarted on the way are back."""
TRIALS = 20
"""Episodes per fault and policy, each with its own seed and, where a fault has several, its own target."""
IMPERFECT = Mistakes(wrong_target=400, malformed=50, unknown=50, repeated=50)
_Z = 1.96
_ROUNDS = 15


class Share(NamedTuple):
    """How often something happened, with the 95 % interval of Wilson (1927)."""

    times: int
    total: int

    @property
    def interval(self) -> tuple[float, float]:
        p, n = self.times / self.total, self.total
        middle = (p + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
        half = _Z / (1 + _Z**2 / n) * sqrt(p * (1 - p) / n + _Z**2 / (4 * n * n))
        return max(0.0, middle - half), min(1.0, middle + half)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{100 * self.times / self.total:.0f} % [{100 * low:.0f}, {100 * high:.0f}]"


class Result(NamedTuple):
    """One policy over all episodes, looked at when things have settled.

    `worse`: an attempt was left in that made things worse than without it at that instant. `ended_worse`: so was the
    whole episode, against the same world that nobody touched.
    """

    policy: str
    repaired: Share
    worse: Share
    ended_worse: Share
    undone: Share


class Trial(NamedTuple):
    """One episode, and the severity it settled in, with the policy and without."""

    episode: Episode
    with_it: Severity
    without: Severity


def comparison(trials: int = TRIALS) -> list[Result]:
    """Every policy a model drives on the same episodes with the same scripted imperfect model."""
    stage = Stage(Source())
    with scripted_model(IMPERFECT) as server:
        os.environ["OPENAI_BASE_URL"] = server.url
        return [_result(stage, name, trials) for name in DRIVEN]


def scenarios(stage: Stage, trials: int) -> Iterator[Scenario]:
    """`trials` scenarios per fault, going round its targets."""
    targets: dict[str, list[str]] = {}
    for fault, target in stage.strikes():
        targets.setdefault(fault, []).append(target)
    for fault, found in targets.items():
        yield from (Scenario(fault, found[n % len(found)], seed=n) for n in range(trials))


def _result(stage: Stage, name: str, trials: int) -> Result:
    factory = drive(name, MODEL)
    played = [_trial(stage, factory, scenario) for scenario in scenarios(stage, trials)]

    def share(holds: Callable[[Trial], bool]) -> Share:
        return Share(sum(map(holds, played)), len(played))

    return Result(
        name,
        share(lambda trial: no_worse(trial.with_it, trial.episode.initial)),
        share(lambda trial: trial.episode.broken is not None),
        share(lambda trial: not no_worse(trial.with_it, trial.without)),
        share(lambda trial: any(a.decision.kind == "abort" for a in trial.episode.attempts)),
    )


def _trial(stage: Stage, factory: Driven, scenario: Scenario) -> Trial:
    world, untouched = stage.world(scenario), stage.world(scenario)
    execute = Unprotected if factory.mode == "own" else partial(Protected, scenario=scenario)
    episode = play(world, factory, scenario.seed, execute, factory.limits, watch=False)
    world.run_for(SETTLED_US)
    untouched.run_until(world.now_us)
    return Trial(episode, measure(world), measure(untouched))


class _AtOnce:
    """Mends the Service `geo`, and answers without thinking: what is left is the cost of everything else."""

    def __init__(self) -> None:
        patch = '{"spec":{"ports":[{"port":8083,"targetPort":8083}]}}'
        lines = ("get pods -A", "get services -A", "describe service geo", "get events -A")
        reads: list[tuple[str, Mapping[str, object]]] = [("kubectl", {"line": f"kubectl {line}"}) for line in lines]
        write = ("kubectl_write", {"line": f"kubectl patch service geo -n hotel -p '{patch}'"})
        end = ("submit", {"summary": "the port of geo"})
        self._script: dict[str, list[tuple[str, Mapping[str, object]]]] = {
            "detection": [("alerts", {}), ("verdict", {"problem": True, "summary": "searches fail"})],
            "diagnosis": [("traces", {}), *reads, end],
            "mitigation": [*reads, write, ("wait", {"seconds": 60}), end],
        }

    def reply(self, request: Request) -> Reply:
        tool, arguments = self._script[request.agent][len(request.turns) // 2]
        return Reply(calls=(Call(f"{len(request.turns)}", tool, json.dumps(arguments)),), tokens=1)


def overhead() -> tuple[float, float, float]:
    """(share, seconds under the runtime, seconds without it) of the same episode with a model that answers at once.

    The difference is the machine, the lock, the journal, the undo entries, and the counterfactual they are judged by.
    """
    stage = Stage(Source())
    factory = Driven(DRIVEN["stratus"], "", _AtOnce(), load_prompts())
    setup = Setup(stage, factory, factory.limits)
    spent: dict[Mode, float] = {"protected": float("inf"), "own": float("inf")}
    for _ in range(_ROUNDS):
        spent = {mode: min(least, _timed(setup, mode)) for mode, least in spent.items()}
    share = 1 - spent["own"] / spent["protected"]
    return share, spent["protected"], spent["own"]


def _timed(setup: Setup, mode: Mode) -> float:
    scenario = Scenario("service-target-port-misconfig", "Service/geo")
    gc.collect()
    start = time.perf_counter()
    outcome = run_trial(setup, scenario, mode)
    spent = time.perf_counter() - start
    assert outcome.episode.repaired, "both modes must do the same work"
    return spent


def table(results: list[Result]) -> Table:
    """The comparison, a line per policy."""
    episodes = results[0].repaired.total
    shown = Table("policy", "repaired", "attempt left it worse", "ended worse", "undone")
    shown.title = f"one scripted imperfect model, {episodes} episodes each, 95 % Wilson intervals"
    for result in results:
        shown.add_row(result.policy, *map(str, result[1:]))
    return shown


def main() -> None:
    """Print both: `python -m benchmarks.agents`."""
    share, protected_s, own_s = overhead()
    print(f"runtime: {100 * share:.0f} % of an episode ({1000 * protected_s:.1f} ms; without {1000 * own_s:.1f} ms)")
    Console().print(table(comparison()))


if __name__ == "__main__":
    main()
