"""The write-ahead journal: on disk, and a twin in memory for runs that need not survive their process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec

from stratus_sim.errors import UserError
from stratus_sim.transaction.cluster import StaleToken
from stratus_sim.transaction.lines import LineFile, read_bodies
from stratus_sim.transaction.records import AnyRecord, from_plain, to_plain


class Journal(Protocol):
    """An append-only sequence of records with one writer at a time."""

    @property
    def name(self) -> str:
        """What a message calls it."""

    def append(self, *records: AnyRecord) -> None:
        """Add records, durably.

        Raises:
            StaleToken: another writer has appended meanwhile: this one has lost the journal. Nothing was added.
        """

    def records(self) -> list[AnyRecord]:
        """All records, oldest first."""


class FileJournal:
    """A journal on disk, one record a line; `append` returns when the record is on the disk."""

    def __init__(self, path: Path) -> None:
        """Open a journal or create an empty one.

        Raises:
            UserError: the file cannot be opened, or a line other than a torn last one is damaged.
        """
        self._lines = LineFile(path)
        self._count = len(self._lines.bodies)
        self._path = path

    @property
    def name(self) -> str:
        return str(self._path)

    def append(self, *records: AnyRecord) -> None:
        numbered = enumerate(records, start=self._count + 1)
        self._lines.append({"seq": number, "record": to_plain(record)} for number, record in numbered)
        self._count += len(records)

    def records(self) -> list[AnyRecord]:
        """Raises UserError, naming file and line, for a line that is damaged or out of order."""
        return read_journal(self._path)

    def close(self) -> None:
        self._lines.close()


def read_journal(path: Path) -> list[AnyRecord]:
    """The records of a journal on disk; changes nothing.

    Raises:
        UserError: no such file, or a line is damaged, out of order or no record (named by file and line).
    """
    return [_record(path, number, body) for number, body in enumerate(read_bodies(path), start=1)]


def expect_unused(name: str, records: Sequence[AnyRecord]) -> None:
    """A run begins its own journal; `records` are what the journal called `name` holds.

    Raises:
        UserError: it holds a run, which may be open still.
    """
    if records:
        ends = f"`stratus recover {name}` ends it if it is open"
        raise UserError(f"{name}: already holds a run: {ends}; choose another name for the new one")


def _record(path: Path, number: int, body: Any) -> AnyRecord:
    if not isinstance(body, dict) or body.get("seq") != number:
        raise UserError(f"{path}:{number}: expected record number {number}; lines were lost or moved")
    try:
        return from_plain(body.get("record"))
    except msgspec.ValidationError as error:
        raise UserError(f"{path}:{number}: no journal record of this version ({error})") from None


class MemoryJournal:
    """A journal that lives as long as the process. `reopen` gives another writer's handle on the same records."""

    name = "the journal in memory"

    def __init__(self, shared: list[AnyRecord] | None = None) -> None:
        self._shared: list[AnyRecord] = [] if shared is None else shared
        self._length = len(self._shared)

    def append(self, *records: AnyRecord) -> None:
        if self._length != len(self._shared):
            raise StaleToken("the journal was taken over by another writer")
        self._shared.extend(records)
        self._length += len(records)

    def records(self) -> list[AnyRecord]:
        return list(self._shared)

    def reopen(self) -> MemoryJournal:
        """What a process that takes over opens."""
        return MemoryJournal(self._shared)
