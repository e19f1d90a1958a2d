"""Who may change what: for every variable, the transitions that may; no other step changes it."""

from __future__ import annotations

import z3

from ..language import Property, Transition
from ..sorts import Phase, literal
from ..state import phase
from .vocabulary import APPROVED, changed

GRANTS = ("acquire", "take_over")
WRITES = ("land", "restore", "foreign")
TABLE: tuple[tuple[str, str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("attempts_frame", "Only trying again counts an attempt.", ("attempts",), ("again",)),
    (
        "attempt_frame",
        "What a transaction attempts changes as it begins and as it acts.",
        ("attempt",),
        ("begin", "act"),
    ),
    ("failed_frame", "Only an abort is remembered as a failure.", ("failed",), ("abort",)),
    (
        "holder_frame",
        "The lock moves when it is granted, given back at the end of a transaction, taken away or lost.",
        ("holder",),
        (*GRANTS, "commit", "abort", "reject", "expire", "crash"),
    ),
    ("token_frame", "The token changes only with a grant.", ("token",), GRANTS),
    (
        "configuration_frame",
        "Configuration changes when a request lands, undo restores, or somebody else writes.",
        ("c", "version"),
        WRITES,
    ),
    ("environment_frame", "The environment changes by itself.", ("e",), ("drift",)),
    ("clock_frame", "Only time moves the clock.", ("now",), ("tick",)),
    (
        "requests_frame",
        "Requests under way are added by sending and never changed.",
        ("sent", "sent_field", "sent_value", "sent_token", "sent_version"),
        ("send",),
    ),
    (
        "waiting_frame",
        "An answer is awaited from sending until the server answers or a new holder stops waiting.",
        ("waiting",),
        ("send", "land", "refuse", *GRANTS),
    ),
    (
        "open_frame",
        "A transaction opens as it begins and closes at commit or abort.",
        ("open",),
        ("begin", "commit", "abort"),
    ),
    ("opening_frame", "Only beginning sets the checkpoint and the hour.", ("checkpoint", "opened_at"), ("begin",)),
    ("count_frame", "Actions are counted as they start, from zero at the beginning.", ("n",), ("begin", "act")),
    (
        "running_frame",
        "An action starts by acting, and ends complete, rejected, taken over or with the process.",
        ("running",),
        ("act", "complete", "reject", "take_over", "crash"),
    ),
    ("action_frame", "Only acting names an action.", ("action",), ("act",)),
    (
        "left_frame",
        "The action's allowance is set by acting, and used by entries and requests.",
        ("left",),
        ("act", "journal", "send"),
    ),
    (
        "conflict_frame",
        "A conflict is met by undo, and forgotten when a transaction begins.",
        ("conflict",),
        ("skip", "begin"),
    ),
    ("entries_frame", "Only journaling writes undo entries.", ("entry_field", "entry_before"), ("journal",)),
    (
        "depth_frame",
        "The journal grows by journaling, shrinks by undo, and is emptied by commit.",
        ("depth",),
        ("journal", "pop", "skip", "commit"),
    ),
    (
        "first_frame",
        "Fields are owned by journaling, and given up by undo, commit or a foreign write.",
        ("first",),
        ("journal", "pop", "commit", "foreign"),
    ),
    ("decision_frame", "Only approval records a decision.", ("decided", "decided_at"), ("approve",)),
    (
        "shadow_frame",
        "The shadow changes as a transaction begins or commits, and with foreign writes.",
        ("sigma",),
        ("begin", "commit", "foreign"),
    ),
    ("untouched_frame", "Without any transaction only others write.", ("untouched",), ("foreign",)),
)


def _frame(name: str, statement: str, variables: tuple[str, ...], by: tuple[str, ...]) -> Property:
    def others(transition: Transition) -> bool:
        return transition.name not in by

    return Property(
        name,
        "step",
        statement,
        z3.Not(changed(*variables)),
        phase == literal(Phase.COMMIT),
        (*APPROVED, "tick" if "drift" in by else "drift"),
        where=others,
    )


FRAMES = tuple(_frame(*row) for row in TABLE)
