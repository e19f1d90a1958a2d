"""The small protocol a transaction needs of a cluster; the simulator and a real API server both fit it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from stratus_sim.cluster.actions import Action
from stratus_sim.cluster.configuration import Field, Value
from stratus_sim.telemetry.severity import Severity


class StaleToken(Exception):
    """The cluster refused a write: its fencing token is not the current one."""


class Grant(NamedTuple):
    """The write lock as its holder knows it. The holder may be wrong: only the cluster knows the current token."""

    agent: str
    token: int


class ForeignChange(NamedTuple):
    """A write somebody else made: `fields` maps each field to its new value."""

    number: int
    writer: str
    fields: Mapping[Field, Value]


class Cluster(Protocol):
    """What the transaction manager may ask of a cluster. Times are microseconds."""

    @property
    def now_us(self) -> int:
        """The cluster's clock."""

    def configuration(self) -> Callable[[Field], Value]:
        """A frozen reading of all configuration as it is at this instant; ABSENT for a field that is not set."""

    def preview(self, action: Action) -> Mapping[Field, Value]:
        """The fields an action would set and their new values (server-side dry-run); changes nothing.

        An action on environment, such as deleting a pod, sets none.

        Raises:
            InvalidAction: the API server would refuse it.
        """

    def permitted(self, action: Action) -> bool:
        """Whether the side condition of a compensable action holds now."""

    def perform(self, action: Action, grant: Grant) -> None:
        """Carry an action out, atomically.

        Raises:
            StaleToken: `grant` is not the current lock; nothing was written.
            InvalidAction: the API server refuses it; nothing was written.
        """

    def restore(self, values: Mapping[Field, Value], grant: Grant) -> None:
        """Set fields (ABSENT removes one); fields of one object change together.

        Raises:
            StaleToken: `grant` is not the current lock; nothing was written.
        """

    def changes(self, since: int) -> list[ForeignChange]:
        """Writes numbered above `since` that no transaction made, oldest first."""

    def last_change(self) -> int:
        """The number of the newest write of anybody."""

    def acquire(self, agent: str) -> Grant | None:
        """Take the write lock with a token higher than any before; None while somebody holds it."""

    def release(self, grant: Grant) -> None:
        """Give the lock back; nothing happens when it is no longer held."""

    def begin_shadow(self) -> None:
        """Remember this instant: from here on, what would happen without the transaction can be asked for."""

    def severity(self) -> Severity:
        """How unwell the system is now."""

    def shadow_severity(self) -> Severity:
        """How unwell it would be at this same instant without the open transaction.

        A cluster that cannot tell answers with the severity at `begin_shadow`.
        """

    def healthy(self) -> bool:
        """Whether all oracles pass now."""

    def wait(self, duration_us: int) -> None:
        """Let time pass."""
