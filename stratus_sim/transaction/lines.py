"""An append-only file of checksummed JSON lines: what a crash leaves behind is a prefix of what was written.

Each line is `{"crc":"<crc32 of the body>","body":{...}}`. The newline is the last byte of a write, so a line without
one is a write that a crash cut short; any other damage is corruption and never ignored.
"""

from __future__ import annotations

import fcntl
import json
import os
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from stratus_sim.errors import UserError
from stratus_sim.transaction.cluster import StaleToken

_HEAD = b'{"crc":"%08x","body":'
_HEAD_LENGTH = len(_HEAD % 0)
_MARK = _HEAD[: _HEAD.index(b"%")]
"""How every line begins: a file torn within its first line is ours to cut only if it begins so too."""
_TAIL = b"}\n"


class LineFile:
    """One writer's handle on such a file. Appending fails for good once another handle has appended."""

    def __init__(self, path: Path) -> None:
        """Open an existing file or create an empty one; a torn last line is cut off.

        Raises:
            UserError: the file cannot be opened, is corrupt, or holds something else, which is left as it is.
        """
        self.path = path
        self._file = _opened(path)
        try:
            data, self._end = _parsed(path)
        except UserError:
            self.close()
            raise
        self.bodies: tuple[Any, ...] = tuple(data)
        os.ftruncate(self._file, self._end)

    def append(self, bodies: Iterable[Any]) -> None:
        """Write the bodies, one line each, and wait until they are on disk.

        Raises:
            StaleToken: somebody else has appended since this handle last did; nothing was written.
            UserError: the disk is full or broken; what was written of it is taken back.
        """
        data = b"".join(_line(body) for body in bodies)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            self._refuse_if_overtaken()
            self.write(data)
            self._end += len(data)
        except OSError as error:
            os.ftruncate(self._file, self._end)
            raise UserError(f"{self.path}: cannot be written ({error.strerror}); make room for it") from None
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def write(self, data: bytes) -> None:
        """Put bytes at the end of the file and on the disk."""
        written = 0
        while written < len(data):
            written += os.pwrite(self._file, data[written:], self._end + written)
        os.fsync(self._file)

    def close(self) -> None:
        os.close(self._file)

    def _refuse_if_overtaken(self) -> None:
        if os.fstat(self._file).st_size != self._end:
            raise StaleToken(f"{self.path} was taken over by another process")


def read_bodies(path: Path) -> list[Any]:
    """The bodies of a file's whole lines; changes nothing.

    Raises:
        UserError: the file cannot be read, or is corrupt.
    """
    return _parsed(path)[0]


def _opened(path: Path) -> int:
    try:
        if path.exists() and not path.is_file():
            raise UserError(f"{path}: cannot be opened for writing (it is no file); choose another name")
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)  # undo needs what Secrets held
        _sync_folder(path.parent)
    except OSError as error:
        raise UserError(f"{path}: cannot be opened for writing ({error.strerror})") from None
    return file


def _parsed(path: Path) -> tuple[list[Any], int]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    end = data.rfind(b"\n") + 1
    if not end and data[: len(_MARK)] != _MARK[: len(data)]:
        raise UserError(f"{path}: holds something else: expected a file that --journal began; choose another name")
    return list(_bodies(path, data[:end])), end


def _bodies(path: Path, data: bytes) -> Iterator[Any]:
    for number, line in enumerate(data.splitlines(keepends=True), start=1):
        body = line[_HEAD_LENGTH : -len(_TAIL)]
        if line != _framed(body):
            raise UserError(f"{path}:{number}: damaged line (its checksum does not fit); restore the file")
        yield json.loads(body)


def _line(body: Any) -> bytes:
    return _framed(json.dumps(body, separators=(",", ":")).encode())


def _framed(body: bytes) -> bytes:
    return (_HEAD % zlib.crc32(body)) + body + _TAIL


def _sync_folder(folder: Path) -> None:
    """A new file survives a crash only once the folder that names it is on disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
