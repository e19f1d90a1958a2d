"""What can go wrong with a specification: it is badly written, or an event is outside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class MachineError(ValueError):
    """The definition itself is wrong: unknown names, clashing names, or an update of the wrong sort."""


class UnsupportedTermError(ValueError):
    """A term uses an operator outside the executable language (for example a quantifier or integer
    division)."""


class SpecViolation(Exception):
    """An event the specification does not allow in the current state.

    Attributes: `transition` (its name), `failing` (names of the guards that do not hold), `params`.
    """

    def __init__(self, transition: str, failing: Sequence[str], params: Mapping[str, Any], phase: str | None) -> None:
        self.transition = transition
        self.failing = tuple(failing)
        self.params = dict(params)
        arguments = ", ".join(f"{name}={value!r}" for name, value in params.items())
        guards = ", ".join(f"{transition}.{name}" for name in failing)
        where = "" if phase is None else f" in phase {phase}"
        super().__init__(f"{transition}({arguments}) is not allowed{where}: guard {guards} does not hold")
