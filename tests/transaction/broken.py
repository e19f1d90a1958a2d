"""Transaction managers that lie, one broken part each: a judge of the runtime has to catch them from the outside."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from stratus_sim.adapters.simulated import SimulatedCluster
from stratus_sim.cluster.actions import Action
from stratus_sim.cluster.configuration import Field, Value
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.transaction import records as r
from stratus_sim.transaction.cluster import Grant, StaleToken
from stratus_sim.transaction.manager import TransactionManager
from stratus_sim.transaction.undo import Rollback


class _Unverified(Rollback):
    """Does not look whether undo has worked."""

    def verify(self) -> None:
        pass


class _Forgetful(_Unverified):
    def restore(self, values: Mapping[Field, Value], grant: Grant) -> None:
        super().restore({}, grant)


class SkipUndo(TransactionManager):
    """Says it has undone everything and restores nothing."""

    rollback_type = _Forgetful


class _OldestFirst(_Unverified):
    def undo_all(self, grant: Grant) -> None:
        end = 0
        for size in self.ledger.groups:
            end += size
            self.restore(self.before_images(range(end - 1, end - 1 - size, -1)), grant)
        while self.ledger.groups:
            self.ledger.log(self.undone(self.ledger.top_group(), grant))


class FifoUndo(TransactionManager):
    """Undoes the oldest action first: wrong where two actions wrote one field."""

    rollback_type = _OldestFirst


class CommitWithoutValidation(TransactionManager):
    """Claims that the system is as it would be without the transaction, and commits."""

    def measure(self) -> r.Observed:
        self.ledger.sync()
        live = self.cluster.severity()
        observed = r.Observed(self.cluster.now_us, live, live, self.cluster.healthy())
        self.ledger.log(observed, durable=False)
        return observed


class JournalAfterWrite(TransactionManager):
    """Writes first and journals afterwards; what is not allowed is still refused."""

    def execute(self, action: Action, entries: r.Acted) -> None:
        self._ask(entries)
        self.cluster.perform(action, self._held())
        self.ledger.log(entries)
        self.ledger.log(r.Applied(entries.writes, *self._held()))

    def _ask(self, entries: r.Acted) -> None:
        driver = self.ledger.driver
        state = driver.state
        driver.follow(entries)
        driver.state = state


class IgnoreFencing(TransactionManager):
    """When its write is refused as stale, it writes with whatever token is the current one, then gives up."""

    def execute(self, action: Action, entries: r.Acted) -> None:
        try:
            super().execute(action, entries)
        except StaleToken:
            self.cluster.perform(action, self._stolen())
            raise

    def _stolen(self) -> Grant:
        assert isinstance(self.cluster, SimulatedCluster)
        lease = self.cluster.world.cluster.lease
        return self.cluster.acquire(self.agents.mitigator) or Grant(lease.holder, lease.token)


class WrongNamespaceSnapshot(TransactionManager):
    """Takes its before-images from the namespace `default`, whatever namespace an object is in."""

    def reading(self) -> Callable[[Field], Value]:
        read = super().reading()
        return lambda field: read(Field(_in_default(field.object), field.path))


def _in_default(key: ObjectKey) -> ObjectKey:
    return key._replace(namespace="default") if key.namespace else key


BROKEN: tuple[type[TransactionManager], ...] = (
    SkipUndo,
    FifoUndo,
    CommitWithoutValidation,
    JournalAfterWrite,
    IgnoreFencing,
    WrongNamespaceSnapshot,
)
