"""Specification, journal and cluster held together: what happens is allowed, then written down, then true."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from stratus_sim.cluster.configuration import ABSENT, Field, Value
from stratus_sim.transaction import records as r
from stratus_sim.transaction.cluster import Cluster, ForeignChange
from stratus_sim.transaction.driver import Driver, replay
from stratus_sim.transaction.journal import Journal, expect_unused
from stratus_sim.transaction.limits import Agents, Limits
from stratus_spec import Phase

UNKNOWN_WRITER = "unknown"

_KIND = ("kind",)
"""The field that is there exactly when the object is."""


class RefinementError(Exception):
    """The cluster does not hold what the specification says it holds: a bug of the runtime, never of an agent."""


class Ledger:
    """The state of one run. Everything that moves it goes through `log`."""

    def __init__(self, cluster: Cluster, journal: Journal, driver: Driver, records: Iterable[r.AnyRecord]) -> None:
        self.cluster = cluster
        self.driver = driver
        self.records: list[r.AnyRecord] = []
        self.groups: list[int] = []
        self.touched: list[Field] = []
        self.kept: list[r.Write] = []
        self.seen = 0
        self._journal = journal
        self._unwritten: list[r.AnyRecord] = []
        for record in records:
            self._remember(record)

    @classmethod
    def open(
        cls, cluster: Cluster, journal: Journal, limits: Limits, agents: Agents, run: dict[str, Any],
        reading: Callable[[Field], Value],
    ) -> Ledger:  # fmt: skip
        """Begin a journal; `reading` is the configuration as it is now.

        Raises:
            UserError: the journal holds a run already.
        """
        expect_unused(journal.name, journal.records())
        header = r.Header(
            version=r.VERSION,
            limits=limits,
            agents=agents,
            now_us=cluster.now_us,
            change=cluster.last_change(),
            live=cluster.severity(),
            healthy=cluster.healthy(),
            run=run,
        )
        journal.append(header)
        return cls(cluster, journal, Driver(header, reading), [header])

    @classmethod
    def resume(cls, cluster: Cluster, journal: Journal) -> Ledger:
        """Stand where the journal ends.

        Raises:
            SpecViolation: the journal is no behaviour of the specification.
        """
        records = journal.records()
        return cls(cluster, journal, replay(records, cluster.configuration()), records)

    @property
    def header(self) -> r.Header:
        first = self.records[0]
        assert isinstance(first, r.Header)  # noqa: S101  # `open` and `replay` start with one
        return first

    @property
    def phase(self) -> Phase:
        return Phase(self.driver.state["phase"])

    def log(self, record: r.AnyRecord, *, durable: bool = True) -> None:
        """Take a record's steps, then write it down; unless `durable`, together with the next one that is.

        What others did may be lost with the process: the cluster still knows it.

        Raises:
            SpecViolation: the specification does not allow it; nothing was written down.
            StaleToken: another process has taken the journal over.
        """
        self.driver.follow(record)
        self._remember(record)
        self._unwritten.append(record)
        if durable:
            self._journal.append(*self._unwritten)
            self._unwritten.clear()

    def sync(self) -> None:
        """Learn what time it is and what others wrote. Before any step that reads or writes configuration."""
        if self.cluster.now_us != self.driver.state["now"]:
            self.log(r.Ticked(self.cluster.now_us), durable=False)
        for change in self.cluster.changes(self.seen):
            self.log(r.Foreign(change.number, change.writer, self._writes(change)), durable=False)

    def observe(self) -> r.Observed:
        """Measure the system, with and without the open transaction, on the configuration as it is now."""
        self.sync()
        live = self.cluster.severity()
        shadow = self.cluster.shadow_severity() if self.driver.state["open"] else live
        observed = r.Observed(self.cluster.now_us, live, shadow, self.cluster.healthy())
        self.log(observed, durable=False)
        return observed

    def write_of(self, field: Field, after: Value) -> r.Write:
        """A write to a field, with its before-image."""
        return r.Write(field, self.driver.state["c"][field], after)

    def owned(self, index: int) -> bool:
        """Whether the transaction still owns the field of an undo entry."""
        state = self.driver.state
        return bool(state["first"][state["entry_field"][index]] >= 0)

    def top_group(self) -> range:
        """The undo entries of the latest action that is not undone yet, newest first."""
        depth = self.driver.state["depth"]
        return range(depth - 1, depth - 1 - self.groups[-1], -1)

    def verify(self, fields: Iterable[Field]) -> None:
        """Raises RefinementError when the cluster holds other values than the specification says."""
        reading, c = self.cluster.configuration(), self.driver.state["c"]
        for field in fields:
            if reading(field) != c[field]:
                raise RefinementError(f"{field} is {reading(field)!r}, by the journal it is {c[field]!r}")

    def _writes(self, change: ForeignChange) -> tuple[r.Write, ...]:
        """What a foreign change writes.

        One that makes or removes an object, or meets an object the transaction has made, decides about the object as a
        whole: all of its fields are foreign from then on, or undo would leave a husk of it.
        """
        fields, c, sigma = dict(change.fields), self.driver.state["c"], self.driver.state["sigma"]
        for key in dict.fromkeys(field.object for field in change.fields):
            kind = Field(key, _KIND)
            if kind in fields or sigma[kind] == ABSENT:
                ours = (field for field in self.touched if field.object == key)
                fields |= {field: c[field] for field in ours if field not in fields}
        return tuple(self.write_of(field, fields[field]) for field in sorted(fields))

    def _remember(self, record: r.AnyRecord) -> None:
        self.records.append(record)
        if isinstance(record, r.Header):
            self.seen = record.change
        elif isinstance(record, r.Foreign):
            self.seen = record.number
        elif isinstance(record, r.Acted):
            self.groups.append(len(record.writes))
            self.touched = list(dict.fromkeys([*self.touched, *(write.field for write in record.writes)]))
        elif isinstance(record, r.Undone):
            self.groups.pop()
            self.kept.extend(record.kept)
        elif isinstance(record, r.Moved) and record.step in ("begin", "commit"):
            self.groups.clear()
            self.touched, self.kept = [], []
