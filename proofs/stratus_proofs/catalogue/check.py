"""Ask all questions, each once, and put the answers into the catalogue's rows."""

from __future__ import annotations

import time
from dataclasses import dataclass

import z3

from stratus_spec.catalogue import VERB, Row, Scope, rows

from ..prover import Budget
from .lemmas import lemmas
from .question import Question
from .rows import is_general, questions

_WITNESS = {"no_undo": "no undo exists", "no_condition": "no condition suffices"}


@dataclass(frozen=True)
class Answer:
    """What the solver said to a question: `unsat`, `sat` or `unknown`."""

    name: str
    statement: str
    expected: str
    said: str
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether it is what had to be shown; unknown is not."""
        return self.said == self.expected


@dataclass(frozen=True)
class Entry:
    """A row of the catalogue with its proofs."""

    row: Row
    answers: tuple[Answer, ...]

    @property
    def ok(self) -> bool:
        """Whether everything was shown."""
        return bool(self.answers) and all(answer.ok for answer in self.answers)

    @property
    def how(self) -> str:
        """In a few words, what the proof of restoration rests on."""
        verb = VERB[self.row.verb]
        refuted = [_WITNESS[answer.name] for answer in self.answers if answer.name in _WITNESS]
        if refuted:
            return f"witness: {refuted[0]}"
        if verb.scope is Scope.ENVIRONMENT:
            return "writes no configuration"
        parts = ["fields"] if verb.scope is not Scope.UPDATE else ["fields, footprint"]
        parts += ["guard"] if verb.scope in (Scope.UPDATE, Scope.APPLY) and is_general(verb.writes) else []
        parts += ["stack"] if len(verb.parts) > 1 else []
        return ", ".join(parts)


@dataclass(frozen=True)
class Report:
    """The whole catalogue, proved or not. `seconds` is wall clock."""

    lemmas: tuple[Answer, ...]
    entries: tuple[Entry, ...]
    questions: int
    seconds: float
    solver: str

    @property
    def failures(self) -> tuple[str, ...]:
        """What was not shown, as `verb/kind:question` or the lemma's name."""
        failed = [f"{e.row.verb}/{e.row.kind}:{a.name}" for e in self.entries for a in e.answers if not a.ok]
        return (*(answer.name for answer in self.lemmas if not answer.ok), *failed)

    @property
    def ok(self) -> bool:
        """Whether everything was shown, and there was something to show."""
        return bool(self.lemmas) and bool(self.entries) and not self.failures


def check(only: tuple[Row, ...] | None = None, budget: Budget | None = None) -> Report:
    """Prove the lemmas, and the rows of the catalogue or those given. Equal questions are asked once."""
    started, budget = time.perf_counter(), budget or Budget()
    asked: dict[z3.ExprRef, Answer] = {}

    def answer(question: Question) -> Answer:
        term = z3.And(*question.assertions)
        if term not in asked:
            asked[term] = _ask(question, budget)
        found = asked[term]
        return Answer(question.name, question.statement, question.expected, found.said, found.seconds)

    shared = tuple(answer(lemma) for lemma in lemmas())
    entries = tuple(Entry(row, tuple(answer(q) for q in questions(row))) for row in only or tuple(rows()))
    return Report(
        lemmas=shared,
        entries=entries,
        questions=len(asked),
        seconds=time.perf_counter() - started,
        solver=f"z3 {z3.get_version_string()}",
    )


def _ask(question: Question, budget: Budget) -> Answer:
    started = time.perf_counter()
    solver = z3.Solver()
    solver.set(**budget.options)
    solver.add(*question.assertions)
    said = str(solver.check())
    return Answer(question.name, question.statement, question.expected, said, time.perf_counter() - started)
