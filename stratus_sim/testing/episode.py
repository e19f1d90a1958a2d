"""One episode: a problem, a policy, a seed, from the first look to the last verdict."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from stratus_sim.cluster.actions import Action
from stratus_sim.kernel import SECOND_US
from stratus_sim.kernel.log import since
from stratus_sim.telemetry.observation import Observation, observe
from stratus_sim.telemetry.severity import Severity, measure, no_worse
from stratus_sim.testing.events import Recorder
from stratus_sim.testing.execution import Decision, Execution
from stratus_sim.testing.guard import Answered, PolicyFailure, ask, consult, create
from stratus_sim.testing.policy import Investigator, Narrated, Policy, PolicyFactory, Step, Submit, Unavailable, Wait
from stratus_sim.world import World

FIRST_LOOK_US = 90 * SECOND_US
"""An agent is called when alerts have had time to fire, not at the instant of the fault."""
THINKING_US = 5 * SECOND_US
"""What one answer of an agent costs in simulated time."""


class Limits(NamedTuple):
    """Bounds of an episode; `answer_s` is wall time, `steps` counts answers per attempt."""

    attempts: int = 3
    steps: int = 20
    answer_s: float = 10.0


class Attempt(NamedTuple):
    """One attempt: what was done, what became of it."""

    number: int
    began_us: int
    decided_us: int
    actions: tuple[tuple[Action, str], ...]
    decision: Decision


class Episode(NamedTuple):
    """What happened. `failure` is the policy's own failure, empty when it behaved.

    `initial` is the severity before anything struck, which an application with a defect of its own does not have at
    zero; `final` is the last one.
    """

    attempts: tuple[Attempt, ...]
    failure: str
    initial: Severity
    final: Severity
    events: list[dict[str, Any]]

    @property
    def repaired(self) -> bool:
        """Whether the system is as well again as it was before anything struck."""
        return no_worse(self.final, self.initial)

    @property
    def broken(self) -> Attempt | None:
        """The first attempt whose verdict is a broken clause."""
        return next((a for a in self.attempts if a.decision.finding.clause), None)


def play(
    world: World,
    factory: PolicyFactory,
    seed: int,
    execute: Callable[[World], Execution],
    limits: Limits = Limits(),
    *,
    only: tuple[int, ...] | None = None,
    watch: bool = True,
) -> Episode:
    """Let a policy work on a world until it is well, or the attempts are used up, or the policy fails.

    `only` as in `Scenario.actions`. `watch` samples the severity every ten seconds, with and without the open attempt;
    verdicts do not need it.
    """
    episode = _Play(world, execute(world), limits, only, watch)
    try:
        episode.run(create(factory, seed, limits.answer_s))
    except PolicyFailure as failure:
        episode.fail(str(failure))
    except Unavailable as error:
        episode.fail(str(error))  # nothing is left open behind it
        raise
    return episode.result()


class _Play:
    def __init__(
        self, world: World, execution: Execution, limits: Limits, only: tuple[int, ...] | None, watch: bool
    ) -> None:
        self._world, self._execution, self._limits, self._watch = world, execution, limits, watch
        self._only, self._proposed = only, 0
        self._record = Recorder(world)
        self._logged = world.kernel.log.length if world.kernel.log else 0
        self._attempts: list[Attempt] = []
        self._feedback: list[str] = []
        self._open = False
        self._failure = ""
        self._initial = measure(world)

    def run(self, policy: Policy) -> None:
        self._pass(FIRST_LOOK_US)
        if not self._detected(policy):
            return
        for number in range(1, self._limits.attempts + 1):
            if not self._diagnosed(policy, number):
                break
            self._attempt(policy, number)
            if no_worse(measure(self._world), self._initial):
                break

    def fail(self, why: str) -> None:
        """A policy that fails in the middle of an attempt is treated as one that stops there."""
        self._failure = why
        self._record.add("policy.failed", reason=why)
        if self._open:
            self._decide(len(self._attempts) + 1)

    def result(self) -> Episode:
        final = measure(self._world)
        self._record.add("episode.end", severity=final._asdict(), failure=self._failure)
        return Episode(tuple(self._attempts), self._failure, self._initial, final, self._record.events)

    def _detected(self, policy: Policy) -> bool:
        if not isinstance(policy, Investigator):
            return True
        wrong = self._consult(policy, policy.detect, bool, 1)
        self._record.add("policy.detected", wrong=wrong)
        if not wrong:
            self._execution.all_clear()
            self._take_log()
        return wrong

    def _diagnosed(self, policy: Policy, number: int) -> bool:
        if not isinstance(policy, Investigator):
            return True
        cause = self._consult(policy, policy.diagnose, str, number)
        self._record.add("policy.diagnosed", cause=cause)
        if not cause:
            self._execution.give_up()
            self._take_log()
        return bool(cause)

    def _consult(
        self, policy: Policy, hook: Callable[[Observation], Any], expected: type[Answered], number: int
    ) -> Answered:
        for _ in range(self._limits.steps):
            observation = observe(self._world, attempt=number, feedback=tuple(self._feedback))
            found = consult(hook, observation, expected, self._limits.answer_s)
            self._take_notes(policy)
            self._pass(THINKING_US)
            if not isinstance(found, Wait):
                return found
            self._pass(found.seconds * SECOND_US)
        raise PolicyFailure(f"did nothing but wait {self._limits.steps} times")

    def _take_notes(self, policy: Policy) -> None:
        for note in policy.notes() if isinstance(policy, Narrated) else ():
            self._record.add(**note)

    def _attempt(self, policy: Policy, number: int) -> None:
        self._began_us, self._actions = self._world.now_us, list[tuple[Action, str]]()
        self._record.add("attempt.begin", number=number)
        self._execution.begin()
        self._open = True
        self._take_log()
        for _ in range(self._limits.steps):
            observation = observe(self._world, attempt=number, feedback=tuple(self._feedback))
            steps = ask(policy, observation, self._limits.answer_s)
            self._take_notes(policy)
            self._pass(THINKING_US)
            if not self._carry_out(steps):
                break
        self._decide(number)

    def _carry_out(self, steps: list[Step]) -> bool:
        """Do the steps in order; False once the policy submits."""
        for step in steps:
            if isinstance(step, Submit):
                self._record.add("policy.submit", reason=step.reason)
                return False
            if isinstance(step, Wait):
                self._pass(step.seconds * SECOND_US)
            else:
                self._act(step)
        return True

    def _act(self, action: Action) -> None:
        number, self._proposed = self._proposed, self._proposed + 1
        if self._only is not None and number not in self._only:
            return
        told = self._execution.act(action)
        self._actions.append((action, told))
        self._feedback.append(told)
        self._record.add("policy.action", action=action.to_json(), told=told)
        self._sample()

    def _decide(self, number: int) -> None:
        decision = self._execution.decide(self._pass)
        self._open = False
        self._take_log()
        finding = decision.finding
        self._record.severity(finding.severity_with, finding.severity_without)
        data = {"clause": finding.clause, "differences": [_shown(d) for d in finding.differences]}
        self._record.add("attempt.decision", number=number, decision=decision.kind, told=decision.told, **data)
        self._feedback.append(f"attempt {number}: {decision.kind}: {decision.told}")
        actions = tuple(self._actions)
        self._attempts.append(Attempt(number, self._began_us, self._world.now_us, actions, decision))

    def _pass(self, duration_us: int) -> None:
        """Let time go by, looking at the severity every ten seconds."""
        end_us = self._world.now_us + duration_us
        if not self._watch:
            self._world.run_until(end_us)
        while self._world.now_us < end_us:
            self._world.run_until(min(end_us, self._world.now_us + 10 * SECOND_US))
            self._sample()

    def _sample(self) -> None:
        self._take_log()
        if not self._watch:
            return
        if self._open:
            self._record.severity(*self._execution.judge.severities())
        else:
            now = measure(self._world)
            self._record.severity(now, now)

    def _take_log(self) -> None:
        for record in self._execution.steps():
            self._record.add("machine", record=record)
        for event in since(self._world.kernel.log, self._logged):
            self._record.events.append({"time_us": event.time_us, "kind": event.kind, **event.data})
        self._logged = self._world.kernel.log.length if self._world.kernel.log else 0


def _shown(difference: tuple[Any, Any, Any]) -> list[Any]:
    field, without, with_ = difference
    return [str(field), without, with_]
