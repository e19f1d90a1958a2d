"""A simulated cluster that survives its process: every write to configuration is on disk before anybody hears of it.

The file plays the part of etcd: it begins with the objects there are and goes on with the audit log, the lease and
the clock. Opening it applies the manifests to a fresh world; controllers start from nothing, as after a restart of
the control plane. Runtime conditions that are no configuration (a lost node, load) are not kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from stratus_sim.adapters.kubernetes.target import target_of
from stratus_sim.adapters.simulated import SimulatedCluster
from stratus_sim.cluster import api
from stratus_sim.cluster.actions import Action
from stratus_sim.cluster.configuration import Field, Value, is_configuration
from stratus_sim.cluster.lease import Lease
from stratus_sim.cluster.objects import Manifest, ObjectKey, key_of
from stratus_sim.errors import UserError
from stratus_sim.genesis import deploy
from stratus_sim.manifests.application import Application
from stratus_sim.manifests.load import Manifests
from stratus_sim.transaction.cluster import ForeignChange, Grant
from stratus_sim.transaction.journal import FileJournal
from stratus_sim.transaction.lines import LineFile
from stratus_sim.transaction.recovery import Recovery, recover
from stratus_sim.world import World

SUFFIX = ".cluster"


class Genesis(msgspec.Struct, frozen=True, tag="genesis"):
    """The first line: what the world is made of. `number` is that of the latest write before it."""

    application: Application
    seed: int
    objects: list[dict[str, Any]]
    number: int
    lease: Lease
    now_us: int


class Stored(msgspec.Struct, frozen=True, tag="write"):
    """One write of anybody; `manifest` is None for a deletion, `whole` as in `api.Change`."""

    number: int
    time_us: int
    writer: str
    key: ObjectKey
    manifest: dict[str, Any] | None
    whole: bool = False


class Moment(msgspec.Struct, frozen=True, tag="moment"):
    """The lease and the clock have changed."""

    lease: Lease
    now_us: int


Line = Genesis | Stored | Moment


class DurableCluster(SimulatedCluster):
    """`SimulatedCluster` on a file. A method returns when what it did, or saw, is on the disk."""

    def __init__(self, world: World, store: LineFile) -> None:
        """Use `create` or `open_durable`."""
        super().__init__(world)
        self._store = store
        self._number, self._moment = self.last_known(), self._now()

    @classmethod
    def create(cls, path: Path, world: World) -> DurableCluster:
        """Put a world on disk.

        Raises:
            UserError: the file exists and is not empty, or cannot be written.
        """
        store = LineFile(path)
        if store.bodies:
            raise UserError(f"{path}: already holds a cluster; recover its journal, or choose another name")
        store.append([msgspec.to_builtins(_genesis(world))])
        return cls(world, store)

    def configuration(self) -> Callable[[Field], Value]:
        self._persist()
        return super().configuration()

    def perform(self, action: Action, grant: Grant) -> None:
        super().perform(action, grant)
        self._persist()

    def restore(self, values: Mapping[Field, Value], grant: Grant) -> None:
        super().restore(values, grant)
        self._persist()

    def changes(self, since: int) -> list[ForeignChange]:
        self._persist()
        return super().changes(since)

    def last_change(self) -> int:
        self._persist()
        return super().last_change()

    def acquire(self, agent: str) -> Grant | None:
        grant = super().acquire(agent)
        self._persist()
        return grant

    def release(self, grant: Grant) -> None:
        super().release(grant)
        self._persist()

    def wait(self, duration_us: int) -> None:
        super().wait(duration_us)
        self._persist()

    def last_known(self) -> int:
        """The number of the newest write in memory."""
        return super().last_change()

    def _now(self) -> Moment:
        return Moment(self.world.cluster.lease, self.world.now_us)

    def _persist(self) -> None:
        moment = self._now()
        lines: list[Line] = [_stored(change) for change in api.changes_since(self.world, self._number)]
        lines += [moment] if moment != self._moment else []
        if lines:
            self._store.append(msgspec.to_builtins(line) for line in lines)
            self._number, self._moment = self.last_known(), moment


def open_durable(path: Path) -> DurableCluster:
    """The cluster as its last process left it, `genesis.STEADY_US` or more after its control plane restarted.

    Raises:
        UserError: there is no such file, or it is damaged (named by file and line).
    """
    if not path.exists():
        raise UserError(f"{path}: no such file; it belongs beside the journal of a run made with --journal")
    store = LineFile(path)
    return DurableCluster(_rebuilt(path, list(_lines(path, store.bodies))), store)


def store_path(journal: Path) -> Path:
    """Where the cluster of a journal lies."""
    return journal.with_name(journal.name + SUFFIX)


def recover_files(journal: Path) -> Recovery:
    """`recover` for a journal on disk and the cluster it names, or else the one beside it.

    Raises:
        UserError: a file is missing or damaged, or the API server does not answer.
        SpecViolation: the journal is no behaviour of the specification.
    """
    if not journal.exists():
        raise UserError(
            f"{journal}: no such journal; expected the file given to `stratus run` or `stratus apply` as --journal"
        )
    opened = FileJournal(journal)
    records = opened.records()
    if not records:
        return Recovery(open=False)
    live = target_of(records)
    return recover(opened, live.reopen(records) if live else open_durable(store_path(journal)))


def _genesis(world: World) -> Genesis:
    objects = [dict(found.manifest) for found in world.store.everything() if is_configuration(found)]
    moment = (world.cluster.lease, world.now_us)
    last = world.cluster.audit
    return Genesis(world.application, world.kernel.seed, objects, last.number if last else 0, *moment)


def _stored(change: api.Change) -> Stored:
    manifest = dict(change.after) if change.after is not None else None
    return Stored(change.number, change.time_us, change.writer, change.key, manifest, change.whole)


def _lines(path: Path, bodies: tuple[Any, ...]) -> Iterator[Line]:
    for number, body in enumerate(bodies, start=1):
        try:
            line: Line = msgspec.convert(body, Line)
        except msgspec.ValidationError as error:
            raise UserError(f"{path}:{number}: no line of a stored cluster ({error})") from None
        if isinstance(line, Genesis) != (number == 1):
            raise UserError(f"{path}:{number}: a stored cluster has one genesis, and it is the first line")
        yield line


def _rebuilt(path: Path, lines: list[Line]) -> World:
    if not lines:
        raise UserError(f"{path}: empty; the run died before its cluster was stored, so there is nothing to recover")
    first, *rest = lines
    assert isinstance(first, Genesis)  # noqa: S101  # `_lines` has checked it
    objects: dict[ObjectKey, Manifest] = {key_of(manifest): manifest for manifest in first.objects}
    audit = None if not first.number else api.Change(first.number, 0, "genesis", _NOTHING, None, None, None)
    for line in rest:
        if isinstance(line, Stored):
            audit = _replayed(objects, audit, line)
    moment = next((line for line in reversed(lines) if isinstance(line, (Moment, Genesis))), first)
    world = deploy(Manifests(tuple(objects.values())), first.application, first.seed)
    world.run_until(moment.now_us)
    world.cluster.audit, world.cluster.lease = audit, moment.lease
    return world


_NOTHING = ObjectKey("", "", "")
"""Stands for the writes before genesis, whose numbers are taken."""


def _replayed(objects: dict[ObjectKey, Manifest], earlier: api.Change | None, line: Stored) -> api.Change:
    before = objects.pop(line.key, None)
    if line.manifest is not None:
        objects[line.key] = line.manifest
    return api.Change(line.number, line.time_us, line.writer, line.key, before, line.manifest, earlier, line.whole)
