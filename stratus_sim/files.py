"""Files that are either whole or not there."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

from stratus_sim.errors import UserError


def write_atomically(path: Path, data: bytes) -> None:
    """Write to a temporary file beside `path`, then rename it.

    Raises:
        UserError: the folder does not exist or cannot be written to; nothing is left behind.
    """
    handle, temporary = _beside(path)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise _unwritable(path, error) from None


def expect_writable(path: Path) -> None:
    """Find a place unusable before the work is done whose result goes there; leaves nothing behind.

    Raises:
        UserError: `write_atomically` could not write there.
    """
    handle, temporary = _beside(path)
    os.close(handle)
    temporary.unlink()


def _beside(path: Path) -> tuple[int, Path]:
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise _unwritable(path, error) from None
    return handle, Path(name)


def _unwritable(path: Path, error: OSError) -> UserError:
    return UserError(f"{path}: cannot be written: {error.strerror}; choose another place")
