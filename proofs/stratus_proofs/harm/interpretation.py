"""What functions and constants stand for on the simulated cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from stratus_spec import MACHINE, Interpreter, Machine, Reversibility, Role, classify

from .crew import NOBODY, Job
from .kinds import SECOND_US, Limits
from .setting import Setting

BOUNDS = {"K": 1, "max_steps": 4, "window_us": 300 * SECOND_US, "max_attempts": 1}
TOLERANCE = 1500
"""A severity this much higher passes for no worse: an order that is not transitive."""


@dataclass(frozen=True)
class Interpretation:
    """What functions and constants stand for; severity and health are measured. An axiom that was dropped is broken
    by one of these.

    `functions` are those that mean something else here than usual, or that a variant of the machine brings, and
    `remarks` tell it.
    """

    constants: Mapping[str, Any]
    functions: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    roles: Mapping[str, Role] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    @property
    def notes(self) -> list[str]:
        """What is out of the ordinary in this interpretation."""
        bounds = [f"{name}={self.constants[name]}" for name, usual in BOUNDS.items() if self.constants[name] != usual]
        roles = [f"{agent or 'nobody'} is a {role}" for agent, role in self.roles.items()]
        return [*bounds, *roles, *self.remarks]

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
            "leq": lambda one, other: one <= other,
            "healthy": lambda c, _e: setting.severity(c) == 0,
            "role_of": self.role_of,
            "reversibility": _class_of,
            "permitted": lambda _x, _c, _e: True,
            "opening": lambda c, e: (tuple(sorted(c.changes.items(), key=str)), e),
            "then": lambda attempt, x: (attempt, x),
            **self.functions,
        }
        return Interpreter(machine, functions, {**self.constants, "nobody": NOBODY})


def _class_of(job: Job) -> Reversibility:
    return classify(job.verb, job.kind).reversibility


def interpretations(machine: Machine, own: Interpretation) -> Iterator[tuple[Interpretation, Interpretation]]:
    """What functions and constants stand for in a machine, and usually: its `own` interpretation, or those that break
    an axiom that was dropped."""
    dropped = {axiom.name for axiom in MACHINE.axioms} - {axiom.name for axiom in machine.axioms}
    if not dropped:
        yield own, USUAL
    for name in sorted(dropped):
        yield from ((interpretation, USUAL) for interpretation in BROKEN[name])


USUAL = Interpretation(BOUNDS)


def _ordered(leq: Callable[[int, int], bool], words: str) -> Interpretation:
    return Interpretation(BOUNDS, {"leq": leq}, remarks=(f"no worse means {words}",))


BROKEN: Mapping[str, tuple[Interpretation, ...]] = {
    "bounds are positive": tuple(Interpretation({**BOUNDS, bound: 0}) for bound in BOUNDS),
    "severity is reflexive": (_ordered(lambda one, other: one < other, "lower than"),),
    "severity is transitive": (
        _ordered(lambda one, other: one <= other + TOLERANCE, f"at most {TOLERANCE} higher than"),
    ),
    "nobody has no role": tuple(Interpretation(BOUNDS, roles={NOBODY: role}) for role in Role),
}
"""Readings under which one axiom is false."""
