"""Which cluster a run is about, as its journal says it: how a later process finds it again."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import msgspec

from stratus_sim.adapters.kubernetes.cluster import KubernetesCluster
from stratus_sim.adapters.kubernetes.connection import connect
from stratus_sim.cluster.actions import Action
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.errors import UserError
from stratus_sim.transaction import records as r
from stratus_sim.transaction.cluster import Grant

_KEY = "kubernetes"


class Target(msgspec.Struct, frozen=True):
    """An API server by kubeconfig and context, and what of it is read; `namespace` None is all of them."""

    kubeconfig: str
    context: str | None = None
    namespace: str | None = None
    kinds: tuple[str, ...] = ()

    def open(self, not_before_us: int = 0) -> KubernetesCluster:
        """Connect and read.

        Raises:
            UserError: the kubeconfig is unusable, or the server does not answer or does not let us read.
        """
        connection = connect(Path(self.kubeconfig), self.context)
        return KubernetesCluster(connection, self.namespace, self.kinds, not_before_us=not_before_us)

    def reopen(self, records: Collection[r.AnyRecord]) -> KubernetesCluster:
        """As `open`, with the process that wrote the records fenced: nothing of what it began lands from here on.

        Time goes on where the records end, whatever this machine's clock says.
        """
        times = [record.now_us for record in records if isinstance(record, (r.Header, r.Ticked, r.Observed))]
        cluster = self.open(not_before_us=max(times, default=0))
        cluster.fence(_grants(records), _objects(records))
        return cluster

    def as_run(self) -> dict[str, Any]:
        """What the header of a journal says."""
        return {_KEY: msgspec.to_builtins(self)}


def _grants(records: Collection[r.AnyRecord]) -> list[Grant]:
    return [Grant(record.agent, record.token) for record in records if isinstance(record, r.Granted)]


def _objects(records: Collection[r.AnyRecord]) -> list[ObjectKey]:
    """What the open transaction may be writing: that of a pod that is deleted has no entry but the action itself."""
    found: set[ObjectKey] = set()
    for record in records:
        if isinstance(record, r.Moved) and record.step in ("begin", "commit", "abort"):
            found.clear()
        elif isinstance(record, r.Acted):
            found |= {write.field.object for write in record.writes} | {Action.from_json(record.action).key}
    return sorted(found)


def target_of(records: list[r.AnyRecord]) -> Target | None:
    """The cluster a journal is about, None for one that names none.

    Raises:
        UserError: the header names it in a way nobody understands.
    """
    header = records[0] if records else None
    if not isinstance(header, r.Header) or _KEY not in header.run:
        return None
    try:
        return msgspec.convert(header.run[_KEY], Target)
    except msgspec.ValidationError as error:
        raise UserError(f"the journal's header names no cluster ({error}); restore the file") from None
