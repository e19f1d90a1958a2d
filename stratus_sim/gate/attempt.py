"""A plan as one transaction: all of it or none, the same in the twin and on the cluster."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from stratus_sim.cluster.actions import Action
from stratus_sim.gate.plan import Plan
from stratus_sim.transaction.manager import TransactionManager
from stratus_sim.transaction.outcome import Decision
from stratus_spec import Phase


class Attempt(NamedTuple):
    """What became of a plan: each action tried with what was said of it, and the decision.

    `refused` is why the plan stopped half-way, empty when all of its actions were carried out.
    """

    told: tuple[tuple[Action, str], ...]
    refused: str
    decision: Decision


def attempt(manager: TransactionManager, plan: Plan, admit: Callable[[], str] = str) -> Attempt:
    """Run a plan on a fresh manager. The first action that is refused undoes the ones before it.

    `admit` is asked once the write lock is held, before anything is written; what it says, unless empty, is why not.

    Raises:
        LockHeld: another agent holds the write lock; nothing was written.
    """
    manager.start()
    manager.localise()
    manager.begin()
    told: list[tuple[Action, str]] = []
    refused = admit()
    for action in () if refused else plan.actions:
        refused = manager.act(action).reason
        told.append((action, refused or "done"))
        if refused:
            break
    decision = manager.abandon(refused) if refused else manager.submit()
    _end(manager)
    return Attempt(tuple(told), refused, decision)


def _end(manager: TransactionManager) -> None:
    """One plan is one attempt: if the system is not well now, a human goes on."""
    if not manager.fenced and manager.conclude() is Phase.DIAGNOSIS:
        manager.give_up()
