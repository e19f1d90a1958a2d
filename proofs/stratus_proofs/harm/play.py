"""A run played on a stage: told step by step, then carried on by an honest crew as far as the machine lets it."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field
from enum import Enum

from stratus_spec import Interpreter, Role, State, TotalMap
from stratus_spec.properties.vocabulary import TERMINAL

from .crew import Call, Crew
from .interpretation import Interpretation
from .kinds import SECOND_US, Seen
from .scenes import Scene
from .stage import STEP_US, Stage

WATCH_US = 3600 * SECOND_US
"""How long an incident is watched."""
PATIENCE_US = 30 * SECOND_US
HABITUAL = 6
"""Offences that make a habit."""
AFTERMATH_US = 300 * SECOND_US
LEFTOVER = {"sent_field": TotalMap.constant("profile"), "sent_value": TotalMap.constant(0)}
"""What lies where no request was sent: a write of an earlier incident, for a server that does not tell."""


class Habit(Enum):
    """How often the step that the guard would refuse is taken."""

    ONCE = "once"
    FAIRLY = "whenever it is possible, in turn with the crew"
    ALWAYS = "whenever it is possible"


class Offence(Enum):
    """Why a step of a weakened machine is none of the guarded one's."""

    REFUSED = "the guarded machine refuses it"
    UNKNOWN = "the guarded machine has no such step"
    ALTERED = "the guarded machine takes it with another effect"


@dataclass
class Play:
    """A run of `machine` on a stage; `guarded` has all its guards, to tell which steps it would refuse.

    `due` are events and their hours; without them the scene's events come after their steps, and `happened` has the
    hours. `told` are the steps taken, `offences` the numbers of those the guarded machine would not take so, and why,
    `refused` the steps that `machine` turned away. `outsiders` got the lock by an offence: they do not give it up.
    """

    scene: Scene
    machine: Interpreter
    guarded: Interpreter
    due: list[tuple[int, Call]] | None = None
    happened: list[tuple[int, Call]] = field(default_factory=list)
    told: list[Call] = field(default_factory=list)
    refused: list[Call] = field(default_factory=list)
    offences: dict[int, Offence] = field(default_factory=dict)
    outsiders: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        setting = self.scene.setting
        self.stage = Stage(setting)
        self.state: State = self.machine.initial(c=setting.configuration, e="as it is", now=0, **LEFTOVER)
        self._crew = Crew(self.scene.plan, self.interpretation.role_of)
        self._triggers = dict(self.scene.events) if self.due is None else {}
        self._shown_us = 0

    @property
    def interpretation(self) -> Interpretation:
        """What functions and constants stand for in this run."""
        return self.scene.usual if self.machine is self.guarded else self.scene.interpretation

    def fork(self) -> Play:
        """The same run up to now, to go on differently."""
        twin = copy(self)
        twin.stage = self.stage.fork()
        twin.told, twin.refused, twin.offences = [*self.told], [*self.refused], dict(self.offences)
        twin.outsiders, twin.due = {*self.outsiders}, None if self.due is None else [*self.due]
        return twin

    def tell(self, call: Call) -> bool:
        """Take a step if the machine lets it; otherwise it is turned away."""
        if not self.possible(call):
            self.refused.append(call)
            return False
        meant, offence = None, self.offence(call)
        if offence:
            meant = self._wish()
            self.offences[len(self.told)] = offence
            if "token" in self.machine.machine.transition[call.transition].updates:
                self.outsiders |= {call.params["a"]} - {*Role}
        self.told.append(call)
        self._take(call)
        self._pass(self._duration(meant))
        for event in self._triggers.pop(call.transition, ()):
            self.happened.append((self.stage.elapsed_us, event))
            self.tell(event)
        return True

    def possible(self, call: Call) -> bool:
        """Whether the machine lets the step happen now."""
        known = call.transition in self.machine.machine.transition
        return known and self.machine.enabled(self.state, call.transition, **call.params)

    def offence(self, call: Call) -> Offence | None:
        """Why the step, if it is possible now, is none that the guarded machine takes; None if it is."""
        if not self.possible(call):
            return None
        theirs = self.guarded.machine.transition.get(call.transition)
        if theirs is None:
            return Offence.UNKNOWN
        if not self.guarded.enabled(self.state, call.transition, **call.params):
            return Offence.REFUSED
        if theirs.updates is self.machine.machine.transition[call.transition].updates:
            return None
        ours, after = (m.step(self.state, call.transition, **call.params) for m in (self.machine, self.guarded))
        return Offence.ALTERED if any(ours[name] != after[name] for name in self.guarded.machine.variable) else None

    def meet(self) -> None:
        """Let happen what the world does at this hour."""
        while self.due and self.due[0][0] <= self.stage.elapsed_us:
            self.tell(self.due.pop(0)[1])

    def deliver(self) -> bool:
        """Let the requests under way arrive now; False when there are none."""
        wishes = [Call("land", {"i": request}) for request in range(self.state["sent"])]
        return bool(sum(self.tell(wish) for wish in wishes if self.possible(wish)))

    def honest(self) -> bool:
        """Let the crew take one step, or wait; False when the run is over and nothing is under way."""
        wish = self._wish()
        if wish is not None and not (wish.transition == "reject" and self._may_settle()):
            return self.tell(wish)
        if self.state["phase"] in TERMINAL:
            return False
        self._pass(PATIENCE_US)
        return True

    def run(self, habit: Callable[[Play], Call | None] = lambda _: None, mode: Habit = Habit.ONCE) -> Seen:
        """Go on until the run is over or the watch ends; `habit` is the offender's next step, if it has one."""
        turn = False
        while self.stage.elapsed_us < WATCH_US:
            self.meet()
            call = habit(self) if mode is Habit.ALWAYS or (mode is Habit.FAIRLY and turn) else None
            turn = not turn
            if (call is None or not self.tell(call)) and not self.honest():
                break
        self.stage.wait(AFTERMATH_US)
        return self.stage.seen(self.interpretation.role_of)

    def _wish(self) -> Call | None:
        return next((w for w in self._crew.wishes(self.state, self.outsiders) if self.possible(w)), None)

    def _duration(self, meant: Call | None) -> int:
        """What the step just told takes. A first offence beside the crew, which still means to do the same, takes
        nothing: what the world does at its hours finds both runs where they were. A habit is watched in larger steps.
        """
        if len(self.told) - 1 not in self.offences:
            return STEP_US
        if len(self.offences) == 1 and self._wish() == meant:
            return 0
        return STEP_US if len(self.offences) < HABITUAL else PATIENCE_US

    def _take(self, call: Call) -> None:
        if call.transition == "tick" and call.params["t"] > self.state["now"]:
            self._pass(call.params["t"] - self.state["now"])
            return
        before, self.state = self.state, self.machine.step(self.state, call.transition, **call.params)
        actor = self.machine.machine.transition[call.transition].actor
        self.stage.carry_out(call, actor, before, self.state)

    def _pass(self, duration_us: int) -> None:
        """Time passes for everybody, and the machine's clock shows it, wherever it stands."""
        self.stage.wait(duration_us)
        elapsed, self._shown_us = self.stage.elapsed_us - self._shown_us, self.stage.elapsed_us
        self.state = self.machine.step(self.state, "tick", t=self.state["now"] + elapsed)

    def _may_settle(self) -> bool:
        """Whether a decision only waits for severity to come down."""
        return self.machine.failing_guards(self.state, "approve") == ("no_regression",)
