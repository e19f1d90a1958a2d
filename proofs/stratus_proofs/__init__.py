"""Why it holds: the specification's obligations, proved with Z3 and cross-checked by the interpreter."""

from .counterexample import Counterexample, Replay
from .prover import Budget, Report, Result, prove
from .render import advice, as_json, render
from .witness import Witness

__all__ = [
    "Budget",
    "Counterexample",
    "Replay",
    "Report",
    "Result",
    "Witness",
    "advice",
    "as_json",
    "prove",
    "render",
]
