"""One scene in two worlds, played under the guard and without it, and what comes of a run there."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from stratus_spec import MACHINE, Interpreter, Machine, Role, Transition

from ..weakening import altered
from .crew import NOBODY, Call
from .kinds import KINDS, SECOND_US, Harm, Seen, harms
from .play import Habit, Offence, Play
from .recast import Recast
from .scenes import DELETION, IDLE, REPAIR, WRONG, WRONG_TOO, Scene

AGENTS = ("stranger", "mitigator 2", "undoer 2", *(r.value for r in Role if r is not Role.BYSTANDER), NOBODY)
JOBS = (REPAIR, WRONG, IDLE, DELETION, WRONG_TOO)
LONGEST = 60
"""Steps of an honest run at which an offence is tried."""
TRESPASS = "trespass"


@dataclass(frozen=True)
class Reenactment:
    """One run in two worlds. `told` are the steps without the guard, `offences` those of them that the machine with
    all its rules does not take so.

    `shortest` names the property whose shortest run this begins with, "" for a longer run. `bare` and `safe` are what
    was seen in the two worlds, `harms` how the first is worse.
    """

    scene: Scene
    shortest: str
    told: tuple[Call, ...]
    offences: Mapping[int, Offence]
    mode: Habit
    bare: Seen
    safe: Seen
    harms: tuple[Harm, ...] = field(default=())

    @property
    def parting(self) -> int:
        """The number of the first offence, where the two worlds part; that of all steps if there is none."""
        return min(self.offences, default=len(self.told))

    @property
    def rank(self) -> int:
        """0 for the worst kind of harm there is."""
        return min((list(KINDS).index(harm.kind) for harm in self.harms), default=len(KINDS))

    @property
    def beyond_trespass(self) -> bool:
        """Whether the cluster or its users are worse off, not the rules alone."""
        return any(harm.kind != TRESPASS for harm in self.harms)


@dataclass(frozen=True)
class Theatre:
    """One scene, played under the guard and without it."""

    weak: Machine
    scene: Scene

    @cached_property
    def machine(self) -> Interpreter:
        """The weakened machine."""
        return self.scene.interpretation.interpreter(self.weak, self.scene.setting)

    @cached_property
    def guarded(self) -> Interpreter:
        """The machine with all its guards and axioms."""
        return self.scene.usual.interpreter(MACHINE, self.scene.setting)

    @cached_property
    def honest(self) -> tuple[Play, Seen]:
        """The crew alone, under the guard."""
        play = Play(self.scene, self.guarded, self.guarded)
        return play, play.run()

    def bare(self) -> Play:
        """A run without the guard, at its beginning; the world does the same at the same hours."""
        return Play(self.scene, self.machine, self.guarded, [*self.honest[0].happened])

    def alone(self) -> Reenactment:
        """The crew alone, without the guard."""
        play = self.bare()
        return self._seen(play, play.run(), Habit.ONCE)

    def recast(self, recast: Recast, mode: Habit) -> Iterator[Reenactment]:
        """A run told in full, then the crew; nothing when the scene does not let it happen, or it breaks nothing."""
        play = Play(self.scene, self.machine, self.guarded, [])
        if all(play.tell(call) for call in recast.calls) and play.offences:
            under_guard = Play(self.scene, self.guarded, self.guarded, [])
            for call in recast.calls:
                under_guard.tell(call)
            safe = under_guard.run()
            seen = play.run(lambda now: next(self._again(now, recast.calls[-1]), None), mode)
            yield self._seen(play, seen, mode, recast.prop, safe)

    def met(self, mode: Habit) -> Iterator[Reenactment]:
        """Wherever an honest run meets a step the guard would refuse, that step is taken."""
        play = self.bare()
        for _ in range(LONGEST):
            play.meet()
            for call in self._distinct(play):
                yield from self._offended(play, call, mode)
            if play.offences or not play.honest():
                break

    def _offended(self, play: Play, call: Call, mode: Habit) -> Iterator[Reenactment]:
        twin = play.fork()
        twin.tell(call)
        arrived = twin.fork()
        yield self._seen(twin, twin.run(lambda now: next(self._again(now, call), None), mode), mode)
        if mode is Habit.ONCE and arrived.deliver():
            yield self._seen(arrived, arrived.run(), mode)

    def _seen(self, play: Play, seen: Seen, mode: Habit, shortest: str = "", safe: Seen | None = None) -> Reenactment:
        safe = safe or self.honest[1]
        found = harms(seen, safe, self.scene.usual.limits)
        return Reenactment(self.scene, shortest, tuple(play.told), dict(play.offences), mode, seen, safe, found)

    def _distinct(self, play: Play) -> Iterator[Call]:
        """One of the offers of each sort: who takes it counts by role, and by holding the lock."""
        known = set()
        for call in self._offers(play):
            agent = call.params.get("a", NOBODY)
            rest = (call.params.get("tok"), call.params.get("x"))
            sort = (call.transition, self.scene.interpretation.role_of(agent), agent == play.state["holder"], *rest)
            if sort not in known:
                known.add(sort)
                yield call

    def _again(self, play: Play, call: Call) -> Iterator[Call]:
        """The offers that repeat an offence."""
        taken = (call.transition, call.params.get("a"))
        return (c for c in self._offers(play) if (c.transition, c.params.get("a")) == taken)

    def _offers(self, play: Play) -> Iterator[Call]:
        """The steps possible now that the guarded machine would not take so."""
        for transition, names in self._suspects:
            for values in itertools.product(*(_domain(name, play) for name in names)):
                call = Call(transition.name, dict(zip(names, values, strict=True)))
                if play.offence(call):
                    yield call

    @cached_property
    def _suspects(self) -> list[tuple[Transition, tuple[str, ...]]]:
        """The transitions that are not the machine's own; all of them where an axiom was dropped."""
        everywhere = self.weak.axioms != MACHINE.axioms
        return [(t, t.param_names) for t in (self.weak.transitions if everywhere else altered(self.weak))]


def _domain(name: str, play: Play) -> tuple[Any, ...]:
    """The arguments tried for a parameter."""
    state = play.state
    return {
        "a": AGENTS,
        "tok": (state["token"], state["token"] - 1),
        "x": tuple(dict.fromkeys((*play.scene.plan, *JOBS))),
        "f": ("profile", "geo"),
        "v": (0, 3),
        "i": tuple(range(-1, state["sent"] + 1)),
        "t": (max(0, state["now"] - 240 * SECOND_US),),
        "e2": ("another",),
    }[name]
