"""Standard output that cannot be written, and Ctrl-C: one message or none, never a traceback, never a verdict."""

from __future__ import annotations

import os
import sys
from ctypes import ArgumentError
from pathlib import Path

import pytest

import stratus_proofs
from stratus_sim.cli.app import INTERRUPTED
from stratus_sim.cli.output import CLOSED

WORDS = [
    ["problems"], ["problems", "--format", "json"], ["explore"],
    ["run", "hotel/scale-to-zero", "--out", "run.jsonl"], ["--help"],
]  # fmt: skip


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_a_full_disk_is_said_once(stratus, monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        ran = stratus(*words)
    assert (ran.code, ran.err) == (2, "stratus: standard output cannot be written: No space left on device\n")


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_a_reader_that_has_seen_enough_ends_the_command(
    stratus, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    end, start = os.pipe()
    os.close(end)
    with os.fdopen(start, "w") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        ran = stratus(*words)
    assert (ran.code, ran.err) == (CLOSED, "")


def test_what_ctypes_makes_of_an_interruption_is_one(stratus, monkeypatch: pytest.MonkeyPatch) -> None:
    def prove() -> None:
        raise ArgumentError("argument 1: KeyboardInterrupt: ")

    monkeypatch.setattr(stratus_proofs, "prove", prove)
    ran = stratus("prove")
    assert (ran.code, ran.err) == (INTERRUPTED, "stratus: interrupted; no file is half-written\n")
