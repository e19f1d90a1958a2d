"""Standard output that is full, or closed by its reader (`stratus problems | head -1`): no traceback, no verdict."""

from __future__ import annotations

import errno
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn, TextIO, cast

from stratus_sim.errors import UserError

CLOSED = 128 + signal.SIGPIPE
"""Exit code when nobody reads on, as shells have it: 1 would say that a property failed."""
INTERRUPTED = 128 + signal.SIGINT
"""Exit code after Ctrl-C, as shells have it."""
BROKEN = 70
"""Exit code of a bug of our own (EX_SOFTWARE of sysexits.h): 1 would say that a property failed."""


def interrupt() -> NoReturn:
    """End the process as Ctrl-C does, in a word."""
    print("stratus: interrupted; no file is half-written", file=sys.stderr)
    raise SystemExit(INTERRUPTED)


def broken(error: Exception) -> NoReturn:
    """End the process for a bug of our own, with all that helps to mend it."""
    traceback.print_exception(error)
    print("stratus: this is a bug of stratus, and no verdict; please report it with the lines above", file=sys.stderr)
    raise SystemExit(BROKEN)


class _Guarded:
    """A text stream. Once it cannot be written it is silent; `lost` is told why, and may end the command."""

    def __init__(self, stream: TextIO, lost: Callable[[OSError], None]) -> None:
        self._stream, self._lost = stream, lost

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError as error:
            self._fall_silent(error)
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            self._fall_silent(error)

    def _fall_silent(self, error: OSError) -> None:
        with suppress(OSError):  # what is buffered still must not fail once more, at the end of the process
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
        self._lost(error)


def _ended(error: OSError) -> NoReturn:
    if error.errno == errno.EPIPE:
        raise SystemExit(CLOSED) from None
    raise UserError(f"standard output cannot be written: {error.strerror}") from None


@contextmanager
def heard_or_not() -> Iterator[None]:
    """Let the body complain on standard error; where none hears (`2>&-`, a full disk), exit codes still tell."""
    before = sys.stderr
    stream = before if before is not None else Path(os.devnull).open("w")  # noqa: SIM115  # closed with the process
    sys.stderr = cast("TextIO", _Guarded(stream, lambda _error: None))
    try:
        yield
    finally:
        sys.stderr = before


@contextmanager
def guarded() -> Iterator[None]:
    """Let the body print; all of it has been written at the end.

    Raises:
        UserError: standard output cannot be written, or the shell has closed it (`>&-`).
        SystemExit: its reader has closed it; `CLOSED`.
    """
    before = sys.stdout
    if before is None:
        raise UserError(f"standard output is closed: send it to a file, or to {os.devnull}")
    sys.stdout = cast("TextIO", _Guarded(before, _ended))
    try:
        yield
    finally:
        guard, sys.stdout = sys.stdout, before
        guard.flush()
