"""A policy under the runtime: every attempt is a transaction, and a judge looks at each from outside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from stratus_sim.adapters.durable import DurableCluster, store_path
from stratus_sim.adapters.simulated import SimulatedCluster
from stratus_sim.cluster import lease
from stratus_sim.cluster.actions import Action
from stratus_sim.testing.disrupted import Crash, CrashingJournal
from stratus_sim.testing.execution import SETTLE_US, Decision, PassTime
from stratus_sim.testing.judge import Finding, Judge
from stratus_sim.testing.scenario import Disruption, Scenario
from stratus_sim.transaction import redaction
from stratus_sim.transaction.driver import validate_trace
from stratus_sim.transaction.journal import FileJournal, Journal, MemoryJournal, expect_unused, read_journal
from stratus_sim.transaction.ledger import RefinementError
from stratus_sim.transaction.limits import Limits
from stratus_sim.transaction.manager import TransactionManager, Verdict
from stratus_sim.transaction.recovery import recover
from stratus_sim.transaction.undo import LockHeld
from stratus_sim.world import World
from stratus_spec import Phase, SpecViolation

LIMITS = Limits(settle_us=SETTLE_US)
CLOSED_CLAUSE = "after the decision no transaction is open and the write lock is free"
SPEC_CLAUSE = "every step of the runtime is a step of the specification"
_DIED = "refused: the agent's process died"


class Protected:
    """Attempts as transactions. `manager_type` is the runtime under test; the tests pass broken ones.

    With `journal`, transactions and cluster are kept on disk, so that `stratus recover` can end what a kill left. Such
    a journal holds one run of at least so many `attempts`; in memory, another run begins where one has ended.
    """

    manager_type: type[TransactionManager] = TransactionManager

    def __init__(
        self, world: World, scenario: Scenario, journal: Path | None = None, attempts: int = LIMITS.attempts
    ) -> None:
        """Raises UserError when the journal holds a run already, which stays as it is, or cannot be written."""
        self._world = world
        self._disruption: Disruption | None = scenario.disruption
        self._path, self._limits = journal, replace(LIMITS, attempts=attempts)
        if journal and journal.exists():
            expect_unused(str(journal), read_journal(journal))  # before the cluster's file is begun beside it
        self.cluster = DurableCluster.create(store_path(journal), world) if journal else SimulatedCluster(world)
        self._manager: TransactionManager | None = None
        self._journal: Journal | None = None
        self._acted, self._told = 0, 0

    def all_clear(self) -> None:
        """The run is over when the machine agrees that the system is healthy; else it stays in detection."""
        with suppress(SpecViolation, Crash):
            self._fresh().all_clear()
        self._manager = None

    def give_up(self) -> None:
        with suppress(Crash):
            self._localised().give_up()
        self._manager = None

    def begin(self) -> None:
        self.judge = Judge(self._world)
        self._dead, self._lie = False, ""
        with self._watched():
            self._localised().begin()

    def act(self, action: Action) -> str:
        if self._disruption and self._disruption.kind == "rival" and self._acted == self._disruption.at:
            self._rival()
        self._acted += 1
        if self._dead or self._lie or self._manager is None:
            return _DIED
        with self._watched():
            outcome = self._manager.act(action)
            return f"done: {action}" if outcome.performed else f"refused: {outcome.reason}"
        return _DIED

    def steps(self) -> list[dict[str, Any]]:
        records = self._journal.records() if self._journal is not None else []
        new, self._told = records[self._told :], len(records)
        return [redaction.plain(record) for record in new]

    def decide(self, pass_time: PassTime) -> Decision:
        self.cluster.pass_time = pass_time
        with self._watched():
            if not self._lie:
                return self._checked(self._decide())
        self._manager = None
        return Decision("abort", self._lie, self.judge.aborted()._replace(clause=f"{SPEC_CLAUSE}: {self._lie}"))

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """What the runtime itself reports as its own mistake is a finding like any other."""
        try:
            yield
        except Crash:
            self._dead = True
        except (SpecViolation, RefinementError, LockHeld) as error:
            self._lie = str(error)

    def _fresh(self) -> TransactionManager:
        """A new process: its own manager, its own journal."""
        self._journal = self._open_journal()
        self._told = 0
        self._manager = self.manager_type(self.cluster, self._journal, self._limits)
        self._manager.start()
        return self._manager

    def _localised(self) -> TransactionManager:
        manager = self._manager or self._fresh()
        if manager.phase is Phase.DETECTION:
            manager.localise()
        return manager

    def _open_journal(self) -> Journal:
        if self._path is not None:
            return FileJournal(self._path)
        if self._disruption and self._disruption.kind == "crash":
            journal, self._disruption = CrashingJournal(self._disruption.at), None
            return journal
        return MemoryJournal()

    def _rival(self) -> None:
        """The lease has run out under the slow holder: another process takes over and undoes."""
        lease.expire(self._world)
        recover(self._reopened(), self.cluster)

    def _reopened(self) -> Journal:
        """The journal as the process that takes over opens it."""
        if isinstance(self._journal, MemoryJournal):
            return self._journal.reopen()
        return self._journal or self._open_journal()

    def _decide(self) -> Decision:
        if self._dead or self._manager is None:
            return self._recovered()
        try:
            decision = self._manager.submit()
        except Crash:
            return self._recovered()
        if decision.verdict is Verdict.FENCED:
            self._manager = None
            return Decision("abort", decision.reason, self.judge.aborted())
        committed = decision.verdict is Verdict.COMMITTED
        finding = self.judge.committed() if committed else self.judge.aborted()
        self._conclude()
        return Decision("commit" if committed else "abort", decision.reason, finding)

    def _conclude(self) -> None:
        """Move on to the next attempt; a run that has ended makes room for a new one."""
        if self._manager is not None:
            validate_trace(self._manager.trace)
            try:
                phase = self._manager.conclude()
            except Crash:
                phase = Phase.ESCALATED
            if phase is not Phase.DIAGNOSIS:
                self._manager = None

    def _recovered(self) -> Decision:
        """The process died: recovery from its journal, as another process would do it."""
        recovery = recover(self._reopened(), self.cluster)
        self._manager = None
        if recovery.open or recovery.phase is not Phase.RETRY:
            return Decision("abort", f"recovered after a crash: {recovery}", self.judge.aborted())
        return Decision("commit", f"recovered after a crash: {recovery}", self.judge.committed())

    def _checked(self, decision: Decision) -> Decision:
        """A transaction that holds its clause must also be over."""
        finding: Finding = decision.finding
        if not finding.clause and self._world.cluster.lease.holder:
            return decision._replace(finding=finding._replace(clause=CLOSED_CLAUSE))
        return decision
