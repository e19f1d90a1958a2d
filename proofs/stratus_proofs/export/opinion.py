"""A second opinion: every obligation, as the text that is exported, decided by cvc5 as well."""

from __future__ import annotations

import importlib
import importlib.metadata
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..induction import Group
from . import scripts

EXTRA = "checkers"


@dataclass(frozen=True)
class Opinion:
    """What another solver answers to each obligation: `unsat` is a proof, anything else is none.

    `seconds` is wall clock for parsing and deciding all of them.
    """

    solver: str
    answers: Mapping[str, str]
    seconds: float

    @property
    def unproved(self) -> tuple[str, ...]:
        """Obligations this solver does not prove, as `transition:property`."""
        return tuple(name for name, answer in self.answers.items() if answer != "unsat")

    @property
    def ok(self) -> bool:
        """Everything proved, and there was something to prove."""
        return bool(self.answers) and not self.unproved


def as_json(opinion: Opinion) -> dict[str, Any]:
    """The opinion as plain data for `json.dumps`: only what is not proved is listed. Times in seconds."""
    return {
        "solver": opinion.solver,
        "ok": opinion.ok,
        "obligations": len(opinion.answers),
        "unproved": {name: opinion.answers[name] for name in opinion.unproved},
        "seconds": opinion.seconds,
    }


def ask_cvc5(groups: Iterable[Group], timeout_ms: int = 10_000) -> Opinion:
    """Decide every obligation with cvc5. Raises ModuleNotFoundError when the package is not installed."""
    cvc5 = importlib.import_module("cvc5")
    texts = {obligation.name: text for group in groups for obligation, text in scripts(group)}
    started = time.perf_counter()
    answers = {name: _answer(cvc5, text, timeout_ms) for name, text in texts.items()}
    return Opinion(f"cvc5 {importlib.metadata.version('cvc5')}", answers, time.perf_counter() - started)


def _answer(cvc5: Any, text: str, timeout_ms: int) -> str:
    """`unsat`, `sat`, `unknown`, or cvc5's complaint about the text."""
    solver = cvc5.Solver(cvc5.TermManager())
    solver.setOption("tlimit-per", str(timeout_ms))
    parser = cvc5.InputParser(solver)
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, text, "obligation")
    symbols, said = parser.getSymbolManager(), ""
    try:
        while not (command := parser.nextCommand()).isNull():
            said += command.invoke(solver, symbols)
    except RuntimeError as error:
        return f"error: {error}"
    return said.strip()
