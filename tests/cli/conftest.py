"""Runs the command line inside this process, as a user would type it."""

from __future__ import annotations

import sys
from typing import NamedTuple

import pytest

from stratus_sim.cli import main, options


class Ran(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def stratus(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path):
    """A function that takes the words after `stratus`; the current folder is empty."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)  # `main` leaves one of its own
    for console in (options.out, options.err):
        monkeypatch.setattr(console, "_width", 200)

    def run(*words: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["stratus", *map(str, words)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main()
        printed = capsys.readouterr()
        return Ran(int(stop.value.code or 0), printed.out, printed.err)

    return run
