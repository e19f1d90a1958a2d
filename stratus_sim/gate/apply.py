"""A plan with its certificate on the cluster: one transaction, undone when it makes things worse."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from stratus_sim.adapters.durable import recover_files
from stratus_sim.adapters.kubernetes.cluster import KubernetesCluster
from stratus_sim.adapters.kubernetes.target import Target
from stratus_sim.cluster.conditions import subject
from stratus_sim.errors import UserError
from stratus_sim.gate.attempt import Attempt, attempt
from stratus_sim.gate.certificate import Certificate, require
from stratus_sim.gate.plan import Plan
from stratus_sim.transaction.cluster import StaleToken
from stratus_sim.transaction.journal import FileJournal
from stratus_sim.transaction.ledger import RefinementError
from stratus_sim.transaction.manager import TransactionManager
from stratus_sim.transaction.outcome import Verdict
from stratus_sim.transaction.records import Moved
from stratus_sim.transaction.undo import LockHeld
from stratus_spec import Phase, SpecViolation


def kinds_of(plan: Plan) -> tuple[str, ...]:
    """The kinds a plan writes."""
    return tuple(sorted({subject(action).kind for action in plan.actions}))


def apply(plan: Plan, certificate: Certificate, target: Target, journal: Path) -> Attempt:
    """Carry a plan out as one transaction, within the limits it was tested with.

    Raises:
        UserError: the certificate is not for this plan on this cluster as it is now; the lock is held; the server does
            not answer or does not let us. The message says when something is left open, and what closes it.
    """
    cluster = target.open()
    require(certificate, plan, cluster.objects)
    manager = TransactionManager(cluster, FileJournal(journal), certificate.limits, run=target.as_run())
    try:
        tried = attempt(manager, plan, lambda: _objection(certificate, plan, cluster))
    except (UserError, LockHeld, StaleToken, RefinementError, SpecViolation, KeyboardInterrupt) as error:
        raise _closed(error, journal, manager) from None
    return _checked(tried, certificate, plan, cluster)


def _objection(certificate: Certificate, plan: Plan, cluster: KubernetesCluster) -> str:
    """Asked after the look that is taken with the lock held: what was written since the first one counts as well."""
    try:
        require(certificate, plan, cluster.objects)
    except UserError as error:
        return str(error)
    return ""


def _checked(tried: Attempt, certificate: Certificate, plan: Plan, cluster: KubernetesCluster) -> Attempt:
    if tried.decision.verdict is Verdict.FENCED:
        raise UserError(f"{tried.decision.reason}; whoever took over undoes the plan")
    if not tried.told:
        raise UserError(f"{tried.refused}; nothing was written")
    if cluster.denied:
        raise UserError(f"{cluster.denied}; nothing of the plan is left")
    return tried


def _closed(error: BaseException, journal: Path, manager: TransactionManager) -> UserError:
    """Close what is open the way `stratus recover` does, and say what became of it."""
    why = "interrupted" if isinstance(error, KeyboardInterrupt) else str(error)
    if not manager.ledger.driver.state["open"]:
        return UserError(f"{why}; {_left(manager)}")
    try:
        kept = [str(write.field) for write in recover_files(journal).kept]
    except (UserError, LockHeld) as second:
        return UserError(f"{why}; it could not be undone yet ({second}): run `stratus recover {journal}`")
    alone = f", but left alone, written by somebody else: {', '.join(kept)}" if kept else ""
    return UserError(f"{why}; what was done is undone{alone}")


def _left(manager: TransactionManager) -> str:
    """Without an open transaction: it had not begun, or it was over. A lock nobody gives back runs out by itself."""
    if manager.phase is Phase.DIAGNOSIS:
        with suppress(UserError):
            if manager.grant is not None:
                manager.cluster.release(manager.grant)
            manager.give_up()
        return "nothing was written"
    over = [record.step for record in manager.trace if isinstance(record, Moved) and record.step in ("commit", "abort")]
    return {"commit": "the plan is committed", "abort": "the plan is undone"}.get(
        "".join(over[-1:]), "nothing was written"
    )
