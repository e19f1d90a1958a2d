"""Work in a process of its own that dies by `kill -9` at one of its writes to disk."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from itertools import count
from pathlib import Path

from stratus_sim.transaction.lines import LineFile

BEFORE, TORN, AFTER = "before the write", "in the middle of the line", "after the fsync"


def killed(work: Callable[[Path], object], journal: Path, at: int, moment: str) -> bool:
    """Do the work with a journal in a process that is killed at its `at`-th write; whether it lived that long."""
    child = os.fork()
    if child == 0:
        _die_at(at, moment)
        try:
            work(journal)
        except BaseException:  # noqa: BLE001  # a forked test must not go on as a second pytest
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the work failed before it could be killed"
    return os.WIFSIGNALED(status)


def _die_at(at: int, moment: str) -> None:
    numbers, write = count(), LineFile.write

    def deadly(self: LineFile, data: bytes) -> None:
        if next(numbers) != at:
            return write(self, data)
        if moment != BEFORE:
            write(self, data if moment == AFTER else data[: len(data) // 2])
        os.kill(os.getpid(), signal.SIGKILL)
        return None

    LineFile.write = deadly  # type: ignore[method-assign]
