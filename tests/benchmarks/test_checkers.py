"""The model checkers agree on the lock-and-transaction machine, and our proof does not depend on its size."""

from __future__ import annotations

import shutil

import pytest

from benchmarks import checkers, figures
from benchmarks.checkers import Run
from stratus_proofs.explicit import tlc

# N faults and K flips: each of 2^N beginnings has 1 + N + ... + N^K journals, in mitigation and in undo; and two idle.
SIZE = (4, 3)
STATES = 2**4 * (1 + 4 + 16 + 64) * 2 + 2 * 2**4


def test_our_proof_holds() -> None:
    assert checkers.proof(*SIZE, checkers.LIMIT_S).note == ""


def test_our_explorer_finds_every_state() -> None:
    run = checkers.explorer(*SIZE, checkers.LIMIT_S)
    assert (run.states, run.note) == (STATES, "")


@pytest.mark.skipif(shutil.which("spin") is None or shutil.which("gcc") is None, reason="spin or gcc is not installed")
def test_spin_finds_every_state_and_the_one_before_the_first_faults() -> None:
    run = checkers.spin(*SIZE, checkers.LIMIT_S)
    assert (run.states, run.note) == (STATES + 1, "")


@pytest.mark.slow
@pytest.mark.skipif(bool(tlc.missing()), reason=tlc.missing() or "-")
def test_tlc_finds_every_state() -> None:
    run = checkers.by_tlc(*SIZE, checkers.LIMIT_S)
    assert (run.states, run.note) == (STATES, "")


def test_a_checker_that_takes_too_long_is_stopped() -> None:
    assert checkers.explorer(*SIZE, 0.01).note == "stopped after 0.01 s"


def test_a_proof_slower_than_spin_is_a_missed_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkers, "proof", lambda *_: Run("ours", 8, 4, 3.0))
    monkeypatch.setattr(checkers, "spin", lambda *_: Run("Spin", 8, 4, 2.0, 1))
    assert not figures.spin().kept
    monkeypatch.setattr(checkers, "spin", lambda *_: Run("Spin", 8, 4, 4.0, 1))
    assert figures.spin().kept
    monkeypatch.setattr(checkers, "spin", lambda *_: Run("Spin", 8, 4, 4.0, 1, checkers.WRONG))
    assert not figures.spin().kept
    monkeypatch.setattr(checkers, "spin", lambda *_: Run("Spin", 8, 4, 0, note="skipped: no Spin"))
    assert figures.spin().kept and "skipped" in figures.spin().measured
    monkeypatch.setattr(checkers, "proof", lambda *_: Run("ours", 8, 4, 3.0, note=checkers.NOT_PROVED))
    assert not figures.spin().kept
