"""The transaction manager: an agent's actions as transactions that leave the system no worse, or leave no trace."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from stratus_sim.cluster.actions import Action, InvalidAction
from stratus_sim.cluster.configuration import Field, Value
from stratus_sim.telemetry.severity import no_worse
from stratus_sim.transaction import records as r
from stratus_sim.transaction.cluster import Cluster, Grant, StaleToken
from stratus_sim.transaction.journal import Journal
from stratus_sim.transaction.ledger import Ledger
from stratus_sim.transaction.limits import AGENTS, LIMITS, Agents, Limits
from stratus_sim.transaction.outcome import Decision, Outcome, Verdict
from stratus_sim.transaction.undo import Rollback, acquire_now
from stratus_spec import Phase, SpecViolation

__all__ = ["Decision", "Outcome", "TransactionManager", "Verdict"]


class TransactionManager:
    """Runs one episode of the agent state machine against a cluster.

    Every step goes through the compiled specification and into the journal; a step it does not allow raises
    SpecViolation. After `fenced` is set, nothing is touched any more: another agent holds the lock.
    """

    rollback_type: type[Rollback] = Rollback

    def __init__(
        self,
        cluster: Cluster,
        journal: Journal,
        limits: Limits = LIMITS,
        agents: Agents = AGENTS,
        run: Mapping[str, Any] | None = None,
    ) -> None:
        """Begin an empty journal. `run` is plain JSON that describes the run to whoever reads the journal.

        Raises:
            UserError: the journal holds a run already.
        """
        self.cluster = cluster
        self.agents = agents
        self.limits = limits
        self.grant: Grant | None = None
        self.fenced = ""
        self.ledger = Ledger.open(cluster, journal, limits, agents, dict(run or {}), self.reading())

    @property
    def phase(self) -> Phase:
        return self.ledger.phase

    @property
    def trace(self) -> list[r.AnyRecord]:
        """All steps so far; `validate_trace` checks them."""
        return list(self.ledger.records)

    def start(self) -> None:
        """Watch the system."""
        self._move("start")

    def localise(self) -> None:
        """Something is wrong: diagnose it."""
        self._move("localise", self.agents.detector)

    def all_clear(self) -> None:
        """Nothing is wrong. Raises SpecViolation when the system is not healthy."""
        self.measure()
        self._move("all_clear", self.agents.detector)

    def give_up(self) -> None:
        """The cause was not found: a human takes over."""
        self._move("give_up", self.agents.diagnoser)

    def begin(self) -> None:
        """Take the write lock and open a transaction; its checkpoint is the configuration now.

        Raises:
            LockHeld: somebody else has the lock.
        """
        agent = self.agents.mitigator
        self.ledger.driver.require("acquire", a=agent)
        self.grant = acquire_now(self.cluster, agent)
        self.ledger.sync()
        self.ledger.log(r.Granted("acquire", *self.grant), durable=False)
        self._move("begin", *self.grant)
        self.cluster.begin_shadow()

    def act(self, action: Action) -> Outcome:
        """Carry one action out in the open transaction, or say why not. A refused action has written nothing."""
        if self.fenced:
            return Outcome(False, self.fenced)
        try:
            self.execute(action, self.undo_entries(action))
        except InvalidAction as error:
            return Outcome(False, str(error))
        except StaleToken as error:
            return Outcome(False, self._fence(error))
        except SpecViolation as violation:
            if violation.transition != "act":
                raise
            return Outcome(False, self._refusal(action, violation))
        return Outcome(True)

    def submit(self) -> Decision:
        """End the transaction: let the system settle, measure, then commit or undo.

        Raises:
            LockHeld: another agent took the lock between the decision to undo and the undo; `recover` goes on.
        """
        if self.fenced:
            return Decision(Verdict.FENCED, self.fenced)
        try:
            self.ledger.sync()
            self._move("submit", *self._held())
            self.cluster.wait(self.limits.settle_us)
            return self._decide()
        except StaleToken as error:
            return Decision(Verdict.FENCED, self._fence(error))

    def abandon(self, reason: str) -> Decision:
        """Undo the open transaction without a measurement."""
        if self.fenced:
            return Decision(Verdict.FENCED, self.fenced)
        try:
            self.ledger.sync()
            return self._abort(reason, None)
        except StaleToken as error:
            return Decision(Verdict.FENCED, self._fence(error))

    def again(self) -> None:
        """Diagnose again. Raises SpecViolation when no attempts are left."""
        self._move("again")

    def escalate(self) -> None:
        """A human takes over."""
        self._move("escalate")

    def conclude(self) -> Phase:
        """After a transaction: resolved when healthy, else diagnosis again while attempts are left, else escalated."""
        self.measure()
        enabled = self.ledger.driver.enabled
        self._move(next((step for step in ("resolve", "again") if enabled(step)), "escalate"))
        return self.phase

    def reading(self) -> Callable[[Field], Value]:
        """The configuration before-images are taken from."""
        return self.cluster.configuration()

    def undo_entries(self, action: Action) -> r.Acted:
        """What has to be known to take the action back. Raises InvalidAction when the cluster would refuse it."""
        self.ledger.sync()
        fields = self.cluster.preview(action)
        if len(fields) > self.limits.writes:
            raise InvalidAction(
                f"{action.verb} {action.target} writes {len(fields)} fields, {self.limits.writes} at most"
            )
        writes = tuple(self.ledger.write_of(field, fields[field]) for field in sorted(fields))
        return r.Acted(action.to_json(), self.cluster.permitted(action), writes, *self._held())

    def execute(self, action: Action, entries: r.Acted) -> None:
        """Write-ahead: the undo entries are on disk before the action runs."""
        self.ledger.log(entries)
        try:
            self.cluster.perform(action, self._held())
        except InvalidAction:
            self.ledger.log(r.Applied((), *self._held()))
            raise
        self.ledger.log(r.Applied(entries.writes, *self._held()))
        self.ledger.verify(write.field for write in entries.writes)

    def measure(self) -> r.Observed:
        """Severity now, with and without the open transaction."""
        return self.ledger.observe()

    def rollback(self) -> tuple[r.Write, ...]:
        """Undo by the undo agent."""
        return self.rollback_type(self.ledger).run()

    def _decide(self) -> Decision:
        observed = self.measure()
        objection = self._objection(observed)
        if objection:
            return self._abort(objection, observed)
        grant = self._held()
        self.cluster.restore({}, grant)  # asks whether the lock is still ours
        self.ledger.log(r.Moved("approve"), durable=False)
        self._move("commit", *grant)
        self.cluster.release(grant)
        self.grant = None
        return Decision(Verdict.COMMITTED, "severity no worse than without it", observed.live, observed.shadow)

    def _objection(self, observed: r.Observed) -> str:
        """Why not to commit. What an action did to the environment alone, as a deleted pod, counts as well."""
        if "window" in self.ledger.driver.failing("approve"):
            return f"the window of {self.limits.window_us} us is over"
        if no_worse(observed.live, observed.shadow):
            return ""
        return f"severity {observed.live}, without the transaction {observed.shadow}"

    def _abort(self, reason: str, observed: r.Observed | None) -> Decision:
        grant = self._held()
        self._move("reject", reason=reason)
        self.cluster.release(grant)
        self.grant = None
        kept = self.rollback()
        live, shadow = (observed.live, observed.shadow) if observed else (None, None)
        return Decision(Verdict.ABORTED, reason, live, shadow, kept)

    def _move(self, step: str, agent: str = "", token: int = 0, reason: str = "") -> None:
        if self.fenced:
            raise StaleToken(self.fenced)
        self.ledger.log(r.Moved(step, agent, token, reason))

    def _held(self) -> Grant:
        return self.grant or Grant(self.agents.mitigator, 0)

    def _fence(self, error: StaleToken) -> str:
        self.fenced = str(error)
        return self.fenced

    def _refusal(self, action: Action, violation: SpecViolation) -> str:
        why = {
            "phase": f"no transaction takes actions in phase {self.phase}",
            "count": f"the transaction has used its {self.limits.actions} actions",
            "window": f"the window of {self.limits.window_us} us is over",
            "untried": "these very actions were undone before in this situation: try something else",
            "reversible": f"{action.verb} {action.target} cannot be taken back, or not under the present conditions",
        }
        return "; ".join(why.get(guard, f"guard {guard} does not hold") for guard in violation.failing)
