"""The journal gives back exactly what was written, ignores only a torn end, and has one writer."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratus_sim.cluster.configuration import ABSENT, Field, freeze
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.errors import UserError
from stratus_sim.telemetry.severity import HEALTHY
from stratus_sim.testing.protected import Protected
from stratus_sim.testing.scenario import Scenario
from stratus_sim.transaction import records as r
from stratus_sim.transaction.cluster import StaleToken
from stratus_sim.transaction.journal import FileJournal, Journal, MemoryJournal, read_journal
from stratus_sim.transaction.lines import LineFile
from stratus_sim.transaction.manager import TransactionManager
from stratus_sim.transaction.recovery import recover
from stratus_spec import SpecViolation
from tests.transaction import small

KEY = ObjectKey("ConfigMap", "shop", "web")
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters())
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)
VALUES = st.just(ABSENT) | JSON.map(freeze) | st.lists(st.text()).map(tuple)
PATHS = st.lists(st.text(), min_size=1, max_size=4).map(tuple)
WRITES = st.builds(r.Write, st.builds(Field, st.just(KEY), PATHS), VALUES, VALUES)


@given(st.lists(WRITES, max_size=3).map(tuple), JSON)
def test_values_come_back_exactly(writes: tuple[r.Write, ...], argument: Any) -> None:
    action = {"verb": "patch", "target": "x/y", "arguments": {"patch": argument}, "namespace": "shop"}
    record = r.Acted(action, True, writes, "mitigator", 1)
    back = r.from_plain(json.loads(json.dumps(r.to_plain(record))))
    assert repr(back) == repr(record)
    assert all(hash(write.before) is not None and isinstance(write.field, Field) for write in record.writes)


def records(n: int) -> list[r.AnyRecord]:
    return [r.Moved("again", reason=f"reason {i}") for i in range(n)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.journal"


@pytest.fixture
def written(path: Path) -> Path:
    journal = FileJournal(path)
    journal.append(*records(3))
    journal.append(*records(2))
    journal.close()
    return path


def test_reopened_journals_go_on(written: Path) -> None:
    journal = FileJournal(written)
    journal.append(r.Ticked(5))
    assert journal.records() == [*records(3), *records(2), r.Ticked(5)]


def test_what_a_full_disk_took_in_part_is_not_there(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal, pwrite, before = FileJournal(written), os.pwrite, written.read_bytes()

    def full(file: int, data: bytes, offset: int) -> int:
        if len(data) < 40:
            raise OSError(errno.ENOSPC, "No space left on device")
        return pwrite(file, data[: len(data) // 2], offset)

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", full)
        with pytest.raises(UserError, match=r"run\.journal: cannot be written \(No space left on device\)"):
            journal.append(*records(2))
    assert written.read_bytes() == before
    journal.append(r.Ticked(5))
    assert journal.records() == [*records(3), *records(2), r.Ticked(5)]


def test_every_torn_last_line_is_ignored_and_overwritten(written: Path) -> None:
    whole = written.read_bytes()
    last = whole.rindex(b"\n", 0, len(whole) - 1) + 1
    for end in range(last, len(whole)):
        written.write_bytes(whole[:end])
        assert read_journal(written) == [*records(3), *records(1)]
        journal = FileJournal(written)
        journal.append(r.Ticked(end))
        assert journal.records() == [*records(3), *records(1), r.Ticked(end)]
        journal.close()


def test_a_file_torn_within_its_first_line_is_ours(path: Path) -> None:
    FileJournal(path).append(*records(1))
    whole = path.read_bytes()
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        journal = FileJournal(path)
        assert journal.records() == [] and path.read_bytes() == b""
        journal.close()


@pytest.mark.parametrize("content", (b"precious", b'{"crc:"', b"\0" * 9))
def test_what_somebody_else_wrote_is_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    for open_it in (FileJournal, read_journal):
        with pytest.raises(UserError, match="holds something else"):
            open_it(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("number", range(1, 6))
def test_damage_is_named_by_line(written: Path, number: int) -> None:
    lines = written.read_bytes().splitlines(keepends=True)
    for at in (3, 12, 40, len(lines[number - 1]) - 3):
        damaged = bytearray(lines[number - 1])
        damaged[at] ^= 1
        written.write_bytes(b"".join([*lines[: number - 1], bytes(damaged), *lines[number:]]))
        with pytest.raises(UserError, match=rf"run\.journal:{number}: "):
            FileJournal(written)


def _drop(lines: list[bytes]) -> list[bytes]:
    return lines[:1] + lines[2:]


def _swap(lines: list[bytes]) -> list[bytes]:
    return [lines[0], lines[2], lines[1], *lines[3:]]


def _repeat(lines: list[bytes]) -> list[bytes]:
    return [lines[0], lines[0], *lines[1:]]


@pytest.mark.parametrize("change", (_drop, _swap, _repeat))
def test_lost_or_moved_lines_are_noticed(written: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    written.write_bytes(b"".join(change(written.read_bytes().splitlines(keepends=True))))
    with pytest.raises(UserError, match=r"run\.journal:2: expected record number 2"):
        read_journal(written)


@pytest.mark.parametrize("body", ([1], "moved", {"record": {"type": "moved", "step": "again"}}))
def test_a_line_without_its_number_is_named(path: Path, body: Any) -> None:
    LineFile(path).append([body])
    with pytest.raises(UserError, match=r"run\.journal:1: expected record number 1"):
        read_journal(path)


def test_nobody_else_may_read_what_undo_needs_of_secrets(written: Path) -> None:
    assert written.stat().st_mode & 0o777 == 0o600


def test_a_record_is_on_the_disk_when_append_returns(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill leaves the page cache, a power cut does not: the order of writes and syncs is all there is to look at."""
    synced: list[tuple[bool, int]] = []

    def fsync(handle: int, real: Callable[[int], None] = os.fsync) -> None:
        real(handle)
        found = os.fstat(handle)
        synced.append((stat.S_ISDIR(found.st_mode), found.st_size))

    monkeypatch.setattr(os, "fsync", fsync)
    journal = FileJournal(path)
    assert [folder for folder, _size in synced] == [True], "the folder that names the new file"
    for n in (1, 2):
        journal.append(*records(n))
        assert synced[-1] == (False, path.stat().st_size) and len(synced) == n + 1
    journal.close()


def test_writers_take_turns(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between looking whether one was overtaken and writing, nobody else gets in."""
    write, journal = LineFile.write, FileJournal(path)

    def watched(self: LineFile, data: bytes) -> None:
        with path.open() as rival, pytest.raises(BlockingIOError):
            fcntl.flock(rival, fcntl.LOCK_EX | fcntl.LOCK_NB)
        write(self, data)

    monkeypatch.setattr(LineFile, "write", watched)
    journal.append(*records(1))
    with path.open() as rival:
        fcntl.flock(rival, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert journal.records() == records(1)


def test_a_closed_journal_writes_nothing(path: Path) -> None:
    journal = FileJournal(path)
    journal.close()
    with pytest.raises(OSError):
        journal.append(*records(1))
    assert path.read_bytes() == b""


def test_a_line_that_is_no_record_is_named(path: Path) -> None:
    LineFile(path).append([{"seq": 1, "record": {"type": "moved", "step": 7}}])
    with pytest.raises(UserError, match=r"run\.journal:1: no journal record"):
        read_journal(path)


def test_a_write_the_system_cuts_short_goes_on_where_it_stopped(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda file, data, at: whole(file, data[:7], at))
    journal = FileJournal(path)
    for number in range(3):
        journal.append(r.Ticked(number))
    assert read_journal(path) == [r.Ticked(0), r.Ticked(1), r.Ticked(2)]


def test_what_keeps_nothing_is_no_place_for_a_journal() -> None:
    with pytest.raises(UserError, match="it is no file"):
        FileJournal(Path(os.devnull))


def test_a_file_that_is_refused_is_not_kept_open(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_bytes(b"something else\n")
    closed: list[int] = []
    plain = os.close
    monkeypatch.setattr(os, "close", lambda file: (closed.append(file), plain(file))[1])
    with pytest.raises(UserError):
        FileJournal(path)
    assert len(closed) == 2, "the file and its folder"


def test_unusable_paths_are_the_users_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be opened"):
        FileJournal(tmp_path)
    with pytest.raises(UserError, match="cannot be opened"):
        FileJournal(tmp_path / "nowhere" / "run.journal")
    with pytest.raises(UserError, match="cannot be read"):
        read_journal(tmp_path / "absent")


@pytest.mark.parametrize("kind", ("file", "memory"))
def test_who_was_overtaken_cannot_append(path: Path, kind: str) -> None:
    memory = MemoryJournal()
    slow: Journal = memory if kind == "memory" else FileJournal(path)
    slow.append(r.Ticked(1))
    rival: Journal = memory.reopen() if kind == "memory" else FileJournal(path)
    rival.append(r.Ticked(2))
    for _ in range(2):
        with pytest.raises(StaleToken):
            slow.append(r.Ticked(3))
    rival.append(r.Ticked(4))
    assert rival.records() == [r.Ticked(1), r.Ticked(2), r.Ticked(4)]


BEGINNERS: dict[str, Callable[[Path], object]] = {
    "manager": lambda path: TransactionManager(small.simulated(), FileJournal(path)),
    "episode": lambda path: Protected(small.world(), Scenario("none", "none"), path),
}


@pytest.mark.parametrize("begin", BEGINNERS.values(), ids=BEGINNERS)
def test_a_journal_holds_one_run_and_who_would_begin_another_leaves_everything_as_it_is(
    begin: Callable[[Path], object], path: Path
) -> None:
    TransactionManager(small.simulated(), FileJournal(path))
    before = path.read_bytes()
    with pytest.raises(UserError, match=f"^{path}: already holds a run: `stratus recover {path}` .*another name"):
        begin(path)
    assert {found.name: found.read_bytes() for found in path.parent.iterdir()} == {path.name: before}


@pytest.mark.parametrize("begin", BEGINNERS.values(), ids=BEGINNERS)
def test_a_file_that_holds_nothing_yet_takes_a_run(begin: Callable[[Path], object], path: Path) -> None:
    path.touch()
    begin(path)


def test_recovery_refuses_a_journal_that_lies_and_touches_nothing() -> None:
    cluster, journal = small.simulated(), MemoryJournal()
    manager = small.begun(cluster, journal)
    manager.act(small.scale(3))
    liar = MemoryJournal([record for record in journal.records() if not isinstance(record, r.Granted)])
    number = cluster.last_change()
    with pytest.raises(SpecViolation):
        recover(liar, cluster)
    assert cluster.last_change() == number and len(liar.records()) == len(journal.records()) - 1


def test_the_header_describes_the_run(path: Path) -> None:
    run = {"manifests": "hotel", "seed": 7}
    TransactionManager(small.simulated(), FileJournal(path), small.LIMITS, run=run)
    header = read_journal(path)[0]
    assert isinstance(header, r.Header)
    assert (header.run, header.limits, header.live, header.healthy) == (run, small.LIMITS, HEALTHY, True)
