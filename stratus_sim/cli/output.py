"""Standard output that is full, or closed by its reader (`stratus problems | head -1`): no traceback, no verdict."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn, TextIO, cast

from stratus_sim.errors import UserError

CLOSED = 128 + signal.SIGPIPE
"""Exit code when nobody reads on, as shells have it: 1 would say that a property failed."""


class _Guarded:
    """A text stream whose failures end the command."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError as error:
            self._lost(error)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            self._lost(error)

    def _lost(self, error: OSError) -> NoReturn:
        with suppress(OSError):  # what is buffered still must not fail once more, at the end of the process
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
        if error.errno == errno.EPIPE:
            raise SystemExit(CLOSED) from None
        raise UserError(f"standard output cannot be written: {error.strerror}") from None


@contextmanager
def guarded() -> Iterator[None]:
    """Let the body print; all of it has been written at the end.

    Raises:
        UserError: standard output cannot be written.
        SystemExit: its reader has closed it; `CLOSED`.
    """
    before = sys.stdout
    sys.stdout = cast("TextIO", _Guarded(before))
    try:
        yield
    finally:
        guard, sys.stdout = sys.stdout, before
        guard.flush()
