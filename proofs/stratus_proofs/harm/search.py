"""The harm a dropped guard does: looked for in the shortest runs first, then wherever an honest run meets the step."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from stratus_spec import MACHINE, Interpreter, Machine, Role, Transition

from ..reachable.decoding import Trace
from .crew import NOBODY, Call
from .kinds import KINDS, SECOND_US, Harm, Seen, harms
from .play import Habit, Play
from .recast import Recast, recasts
from .scenes import DELETION, IDLE, REPAIR, WRONG, WRONG_TOO, Scene, scenes

AGENTS = ("stranger", "mitigator 2", "undoer 2", *(r.value for r in Role if r is not Role.BYSTANDER), NOBODY)
JOBS = (REPAIR, WRONG, IDLE, DELETION, WRONG_TOO)
LONGEST = 60
"""Steps of an honest run at which an offence is tried."""
FEW = 6
"""Scenes in which an offence is tried as a habit."""
TRESPASS = "trespass"


@dataclass(frozen=True)
class Reenactment:
    """One run in two worlds. `told` are the steps without the guard, `offences` those of them the guard refuses.

    `shortest` names the property whose shortest run this begins with, "" for a longer run. `bare` and `safe` are what
    was seen in the two worlds, `harms` how the first is worse.
    """

    scene: Scene
    shortest: str
    told: tuple[Call, ...]
    offences: tuple[int, ...]
    mode: Habit
    bare: Seen
    safe: Seen
    harms: tuple[Harm, ...] = field(default=())

    @property
    def rank(self) -> int:
        """0 for the worst kind of harm there is."""
        return min((list(KINDS).index(harm.kind) for harm in self.harms), default=len(KINDS))

    @property
    def beyond_trespass(self) -> bool:
        """Whether the cluster or its users are worse off, not the rules alone."""
        return any(harm.kind != TRESPASS for harm in self.harms)


def search(weak: Machine, traces: Iterable[Trace] = ()) -> Reenactment | None:
    """A run that does harm, from the first lot of candidates with one that does more than trespass, if there is any."""
    trespass = None
    for lot in candidates(weak, traces):
        harmful = [found for found in lot if found.harms]
        best = min(harmful, key=lambda found: found.rank, default=None)
        if best is not None and best.beyond_trespass:
            return best
        trespass = trespass or best
    return trespass


def candidates(weak: Machine, traces: Iterable[Trace]) -> Iterator[Iterable[Reenactment]]:
    """Runs of the weakened machine, each with what it did: shortest runs, crews alone, and crews that are met."""
    cast = [list(lot) for _, lot in itertools.groupby(recasts(traces), key=lambda recast: recast.prop)]
    known = [Theatre(weak, scene) for scene in scenes(weak)]
    for mode in Habit:
        for lot in cast if mode is not Habit.FAIRLY else []:
            yield [found for recast in lot for found in Theatre(weak, recast.scene).recast(recast, mode)]
        if mode is Habit.ONCE:
            yield (theatre.alone() for theatre in known)
        for theatre in known if mode is Habit.ONCE else known[:FEW]:
            yield from ([found] for found in theatre.met(mode))


@dataclass(frozen=True)
class Theatre:
    """One scene, played under the guard and without it."""

    weak: Machine
    scene: Scene

    @cached_property
    def machine(self) -> Interpreter:
        """The weakened machine."""
        return self.scene.reading.interpreter(self.weak, self.scene.setting)

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
        return Reenactment(self.scene, shortest, tuple(play.told), tuple(play.offences), mode, seen, safe, found)

    def _distinct(self, play: Play) -> Iterator[Call]:
        """One of the offers of each sort: who takes it counts by role, and by holding the lock."""
        known = set()
        for call in self._offers(play):
            agent = call.params.get("a", NOBODY)
            rest = (call.params.get("tok"), call.params.get("x"))
            sort = (call.transition, self.scene.reading.role_of(agent), agent == play.state["holder"], *rest)
            if sort not in known:
                known.add(sort)
                yield call

    def _again(self, play: Play, call: Call) -> Iterator[Call]:
        """The offers that repeat an offence."""
        taken = (call.transition, call.params.get("a"))
        return (c for c in self._offers(play) if (c.transition, c.params.get("a")) == taken)

    def _offers(self, play: Play) -> Iterator[Call]:
        """The steps possible now that the guarded machine would refuse."""
        for transition, names in self._suspects:
            for values in itertools.product(*(_domain(name, play) for name in names)):
                call = Call(transition.name, dict(zip(names, values, strict=True)))
                if play.offends(call):
                    yield call

    @cached_property
    def _suspects(self) -> list[tuple[Transition, tuple[str, ...]]]:
        """The transitions that lost a guard; all of them where an axiom was dropped."""
        everywhere = self.weak.axioms != MACHINE.axioms
        kept = {t.name: set(t.guards) for t in self.weak.transitions}
        suspects = [t for t in MACHINE.transitions if everywhere or kept[t.name] != set(t.guards)]
        return [(t, t.param_names) for t in suspects]


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
