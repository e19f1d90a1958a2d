"""Incidents a run may be part of: what the crew plans, what functions and constants stand for, what the world does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from stratus_spec import MACHINE, Interpreter, Machine, Reversibility, Role, classify

from .crew import GONE, NOBODY, Call, Job
from .kinds import SECOND_US, Limits
from .reenact import Setting, struck

REPAIR = Job("scale", "Deployment", (("geo", 1),))
WRONG = Job("scale", "Deployment", (("profile", 0),))
WRONG_TOO = Job("scale", "Deployment", (("user", 0),))
IDLE = Job("scale", "Deployment", (("profile", 3),))
BOTH = Job("patch", "Deployment", (("profile", 0), ("geo", 1)))
PLACE = Job("patch", "Deployment", (("geo's nodeSelector", GONE),))
DELETION = Job("delete", "PersistentVolumeClaim", (("reviews", GONE),))
BOUNDS = {"K": 1, "max_steps": 4, "window_us": 300 * SECOND_US, "max_attempts": 1}
STRUCK = ("scale-to-zero",)
STRUCK_TWICE = ("pod-unschedulable-node-selector", "scale-to-zero")
TOLERANCE = 1500
"""A severity this much higher passes for no worse: an order that is not transitive."""


@dataclass(frozen=True)
class Reading:
    """What functions and constants stand for; severity and health are measured. An axiom that was dropped is broken
    by one of these."""

    constants: Mapping[str, int]
    leq: Callable[[int, int], bool] = lambda one, other: one <= other
    roles: Mapping[str, Role] = field(default_factory=dict)
    order: str = "no higher than"

    @property
    def notes(self) -> list[str]:
        """What is out of the ordinary in this reading."""
        bounds = [f"{name}={value}" for name, value in self.constants.items() if value != BOUNDS[name]]
        roles = [f"{agent or 'nobody'} is a {role}" for agent, role in self.roles.items()]
        return [*bounds, *roles, *([f"no worse means {self.order}"] if self.order != "no higher than" else [])]

    @property
    def limits(self) -> Limits:
        """What a transaction may take at most."""
        return Limits(self.constants["K"], self.constants["window_us"])

    def role_of(self, agent: str) -> Role:
        """Members of the crew are called by their role, its like too (`undoer 2`); strangers have none."""
        named = agent.partition(" ")[0]
        return self.roles.get(agent, Role(named) if named in list(Role) else Role.BYSTANDER)

    def interpreter(self, machine: Machine, setting: Setting) -> Interpreter:
        """The machine over the severities the cluster settles in."""
        functions: dict[str, Callable[..., Any]] = {
            "mu": lambda c, _e: setting.severity(c),
            "leq": self.leq,
            "healthy": lambda c, _e: setting.severity(c) == 0,
            "role_of": self.role_of,
            "reversibility": _class_of,
            "permitted": lambda _x, _c, _e: True,
            "opening": lambda c, e: (tuple(sorted(c.changes.items(), key=str)), e),
            "then": lambda attempt, x: (attempt, x),
        }
        return Interpreter(machine, functions, {**self.constants, "nobody": NOBODY})


def _class_of(job: Job) -> Reversibility:
    return classify(job.verb, job.kind).reversibility


@dataclass(frozen=True)
class Scene:
    """How a run begins, who repairs, and what the world does meanwhile.

    `reading` is that of the weakened specification, `usual` that of the whole one; they differ where an axiom was
    dropped. `events` follow the first step of that name in the guarded run, and come at the same hour in the other.
    """

    faults: tuple[str, ...]
    plan: tuple[Job, ...]
    reading: Reading
    usual: Reading
    events: Mapping[str, tuple[Call, ...]] = field(default_factory=dict)

    @property
    def setting(self) -> Setting:
        """The application with the faults standing."""
        return struck(self.faults)


def scenes(machine: Machine) -> Iterator[Scene]:
    """Ways an incident goes: straight, with a wrong first attempt, and with what the world does meanwhile."""
    for reading, usual in readings(machine):
        yield from (Scene(STRUCK, plan, reading, usual) for plan in PLANS)
        yield Scene(STRUCK_TWICE, (REPAIR, PLACE), reading, usual)
        yield from (Scene(STRUCK, plan, reading, usual, events) for plan, events in MEANWHILE)
        roomy = [replace(r, constants={**r.constants, "K": 2 * r.constants["K"]}) for r in (reading, usual)]
        yield Scene(STRUCK, (WRONG, REPAIR), roomy[0], roomy[1])
        yield Scene(STRUCK, (WRONG, REPAIR), roomy[0], roomy[1], {"complete": (LATE,)})


def readings(machine: Machine) -> Iterator[tuple[Reading, Reading]]:
    """What functions and constants stand for without an axiom that was dropped, and with it."""
    dropped = {axiom.name for axiom in MACHINE.axioms} - {axiom.name for axiom in machine.axioms}
    usual = Reading(BOUNDS)
    if not dropped:
        yield usual, usual
    for name in sorted(dropped):
        yield from ((reading, usual) for reading in BROKEN[name](usual))


BROKEN: Mapping[str, Callable[[Reading], list[Reading]]] = {
    "bounds are positive": lambda r: [replace(r, constants={**BOUNDS, bound: 0}) for bound in BOUNDS],
    "severity is reflexive": lambda r: [replace(r, leq=lambda one, other: one < other, order="lower than")],
    "severity is transitive": lambda r: [
        replace(r, leq=lambda one, other: one <= other + TOLERANCE, order=f"at most {TOLERANCE} higher than")
    ],
    "nobody has no role": lambda r: [replace(r, roles={NOBODY: role}) for role in Role],
}
"""Readings under which one axiom is false."""
CRASH, LATE = Call("crash", {}), Call("tick", {"t": 400 * SECOND_US})
HUMAN, HEALED = (Call("foreign", {"f": name, "v": value}) for name, value in (("profile", 3), ("geo", 1)))
PLANS = ((REPAIR,), (WRONG, REPAIR), (WRONG, WRONG, REPAIR), (BOTH, REPAIR), (WRONG, WRONG_TOO))
MEANWHILE: tuple[tuple[tuple[Job, ...], Mapping[str, tuple[Call, ...]]], ...] = (
    ((IDLE, REPAIR), {"send": (HUMAN,)}),
    ((WRONG, REPAIR), {"land": (CRASH,)}),
    ((WRONG, REPAIR), {"send": (CRASH,)}),
    ((IDLE, REPAIR), {"land": (CRASH, HEALED)}),
    ((WRONG, WRONG_TOO), {"land": (HUMAN,)}),
    ((REPAIR,), {"start": (HEALED,)}),
    ((WRONG, REPAIR), {"complete": (LATE,)}),
)
"""Plans, and what happens the first time somebody takes a step of that name."""
