"""Recovery: what a dead or fenced process left open is undone, from its journal alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stratus_sim.cluster.configuration import Field, Value, shown
from stratus_sim.kernel import SECOND_US
from stratus_sim.transaction import records as r
from stratus_sim.transaction.cluster import Cluster, Grant
from stratus_sim.transaction.journal import Journal
from stratus_sim.transaction.ledger import UNKNOWN_WRITER, Ledger
from stratus_sim.transaction.redaction import redacted
from stratus_sim.transaction.undo import LockHeld, Rollback
from stratus_spec import Phase

PATIENCE_US = 3600 * SECOND_US
"""How long recovery waits for a lock it has no record of: twice the duration of a lease."""

_RETRY_US = 60 * SECOND_US


@dataclass(frozen=True)
class Recovery:
    """What recovery found and did.

    `open` tells whether a transaction was open; `undone` counts the actions undone now; `kept` are the fields left
    alone because somebody else wrote them (before-image, and what is there now); `phase` is where the run stands.
    """

    open: bool
    undone: int = 0
    kept: tuple[r.Write, ...] = ()
    phase: Phase = Phase.IDLE

    def as_json(self) -> dict[str, Any]:
        """Plain JSON."""
        kept = [
            {
                "field": str(w.field),
                "before": shown(redacted(w.field, w.before)),
                "now": shown(redacted(w.field, w.after)),
            }
            for w in self.kept
        ]
        return {"open": self.open, "undone": self.undone, "kept": kept, "phase": str(self.phase)}

    def __str__(self) -> str:
        if not self.open:
            return f"no transaction was open (phase {self.phase}); the write lock is free"
        lines = [f"transaction aborted: {self.undone} action(s) undone; the write lock is free"]
        return "\n".join(lines + [f"left alone, written by somebody else: {w.field}" for w in self.kept])


def recover(journal: Journal, cluster: Cluster) -> Recovery:
    """Abort the transaction a journal leaves open and give its lock back. Doing it again changes nothing.

    The process that wrote the journal need not be dead: it is fenced.

    Raises:
        SpecViolation: the journal is no behaviour of the specification; nothing was touched.
        UserError: the journal is damaged.
        LockHeld: another agent held the lock for longer than a lease lasts.
    """
    if not journal.records():
        return Recovery(open=False)
    ledger = Ledger.resume(cluster, journal)
    if not ledger.driver.state["open"]:
        _free_lock(ledger)
        return Recovery(open=False, phase=ledger.phase)
    settle_action(ledger)
    ledger.sync()
    strange = disown_unaccounted(ledger)
    _expire(ledger)
    undone = len(ledger.groups)
    kept = Rollback(ledger, acquire_patiently).run()
    told = {write.field for write in kept}  # one that was put back before it was written has no entry left to keep
    return Recovery(True, undone, kept + tuple(write for write in strange if write.field not in told), ledger.phase)


def settle_action(ledger: Ledger) -> None:
    """End an action that was in flight: of its writes those happened that the cluster shows."""
    state = ledger.driver.state
    if not state["running"]:
        return
    acted = next(record for record in reversed(ledger.records) if isinstance(record, r.Acted))
    reading = ledger.cluster.configuration()
    happened = tuple(write for write in acted.writes if reading(write.field) == write.after)
    ledger.log(r.Applied(happened, acted.agent, acted.token))


def disown_unaccounted(ledger: Ledger) -> tuple[r.Write, ...]:
    """Fields that hold neither what the journal says nor what undo was about to put there are somebody else's."""
    reading = ledger.cluster.configuration()
    strange = [(field, reading(field)) for field in ledger.touched]
    writes = tuple(ledger.write_of(field, value) for field, value in strange if not _expected(ledger, field, value))
    if writes:
        ledger.log(r.Foreign(ledger.seen, UNKNOWN_WRITER, writes))
    return writes


def _expected(ledger: Ledger, field: Field, value: Value) -> bool:
    state = ledger.driver.state
    if value == state["c"][field]:
        return True
    undoing = ledger.top_group() if ledger.groups and ledger.phase == Phase.UNDO else ()
    return any(state["entry_field"][i] == field and state["entry_before"][i] == value for i in undoing)


def _expire(ledger: Ledger) -> None:
    """Take the lock from the process that left it, if it still has it."""
    if ledger.driver.state["holder"]:
        ledger.log(r.Moved("expire"))
    for record in ledger.records:
        if isinstance(record, r.Granted):
            ledger.cluster.release(Grant(record.agent, record.token))


def _free_lock(ledger: Ledger) -> None:
    """Without an open transaction: the lock of a process that died just before it began or just after it ended."""
    _expire(ledger)
    if ledger.phase == Phase.DIAGNOSIS:
        ledger.cluster.release(acquire_patiently(ledger.cluster, ledger.header.agents.undoer))


def acquire_patiently(cluster: Cluster, agent: str) -> Grant:
    """Take the lock, waiting for the lease of a holder the journal does not know.

    A process can die between getting the lock and writing that down; its lease then has to run out.
    """
    deadline_us = cluster.now_us + PATIENCE_US
    while (grant := cluster.acquire(agent)) is None:
        if cluster.now_us >= deadline_us:
            raise LockHeld(f"{agent} cannot have the write lock: another agent has renewed it for {PATIENCE_US} us")
        cluster.wait(_RETRY_US)
    return grant
