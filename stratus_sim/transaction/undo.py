"""Undo: the open transaction's actions, latest first, each put back by compare-and-set in one write."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from stratus_sim.cluster.configuration import Field, Value
from stratus_sim.transaction import records as r
from stratus_sim.transaction.cluster import Cluster, Grant
from stratus_sim.transaction.ledger import Ledger

Acquire = Callable[[Cluster, str], Grant]


class LockHeld(Exception):
    """Somebody else holds the write lock."""


def acquire_now(cluster: Cluster, agent: str) -> Grant:
    """Take the write lock. Raises LockHeld when it is not free."""
    grant = cluster.acquire(agent)
    if grant is None:
        raise LockHeld(f"{agent} cannot have the write lock: another agent holds it")
    return grant


class Rollback:
    """Aborts the open transaction, from wherever an abort may start: rejection, an expired lease, a crash."""

    def __init__(self, ledger: Ledger, acquire: Acquire = acquire_now) -> None:
        self.ledger = ledger
        self._acquire = acquire

    def run(self) -> tuple[r.Write, ...]:
        """Take over, undo, abort, and give the lock back; the fields left alone because others wrote them.

        Raises:
            LockHeld: somebody else holds the lock; the transaction stays open.
            StaleToken: the lock was lost on the way; whoever has it now goes on with the undo.
        """
        grant = self.take_over()
        self.undo_all(grant)
        self.ledger.sync()
        self.verify()
        self.ledger.log(r.Moved("abort", *grant))
        self.ledger.cluster.release(grant)
        return tuple(self.ledger.kept)

    def take_over(self) -> Grant:
        agent = self.ledger.header.agents.undoer
        grant = self._acquire(self.ledger.cluster, agent)
        self.ledger.log(r.Granted("take_over", *grant))
        return grant

    def undo_all(self, grant: Grant) -> None:
        while self.ledger.groups:
            self.ledger.sync()
            group = self.ledger.top_group()
            self.restore(self.before_images(group), grant)
            self.ledger.log(self.undone(group, grant))

    def restore(self, values: Mapping[Field, Value], grant: Grant) -> None:
        """Put values back. An empty mapping still asks whether the grant is current."""
        self.ledger.cluster.restore(values, grant)

    def before_images(self, group: range) -> dict[Field, Value]:
        """What the fields of a group held before it, without those that somebody else has written since."""
        state = self.ledger.driver.state
        return {state["entry_field"][i]: state["entry_before"][i] for i in group if self.ledger.owned(i)}

    def undone(self, group: range, grant: Grant) -> r.Undone:
        state, owned = self.ledger.driver.state, self.ledger.owned
        steps = tuple("pop" if owned(i) else "skip" for i in group)
        skipped = [(state["entry_field"][i], state["entry_before"][i]) for i in group if not owned(i)]
        kept = tuple(r.Write(field, before, state["c"][field]) for field, before in skipped)
        return r.Undone(steps, kept, *grant)

    def verify(self) -> None:
        """The cluster holds what it would without the transaction, in every field the transaction touched."""
        self.ledger.verify(self.ledger.touched)
