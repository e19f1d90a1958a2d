"""Which cluster a run is about, as its journal says it: how a later process finds it again."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from stratus_sim.adapters.kubernetes.cluster import KubernetesCluster
from stratus_sim.adapters.kubernetes.connection import connect
from stratus_sim.errors import UserError
from stratus_sim.transaction import records as r

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

    def reopen(self, records: Iterable[r.AnyRecord]) -> KubernetesCluster:
        """As `open`; time goes on where the records end, whatever this machine's clock says."""
        times = [record.now_us for record in records if isinstance(record, (r.Header, r.Ticked, r.Observed))]
        return self.open(not_before_us=max(times, default=0))

    def as_run(self) -> dict[str, Any]:
        """What the header of a journal says."""
        return {_KEY: msgspec.to_builtins(self)}


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
