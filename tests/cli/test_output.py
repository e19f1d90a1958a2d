"""Standard output that cannot be written, and Ctrl-C: one message or none, never a traceback, never a verdict."""

from __future__ import annotations

import json
import os
import sys
import types
from ctypes import ArgumentError
from pathlib import Path

import pytest

import stratus_proofs
from stratus_sim.cli import options
from stratus_sim.cli.output import BROKEN, CLOSED, INTERRUPTED

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


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_a_shell_may_have_closed_standard_output(stratus, monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    ran = stratus(*words)
    assert (ran.code, ran.err) == (2, "stratus: standard output is closed: send it to a file, or to /dev/null\n")


@pytest.mark.parametrize(("words", "code"), [(["problems"], 0), (["run", "nosuch"], 2), (["run", "--seed", "x"], 2)])
def test_nobody_may_hear_what_is_said_on_standard_error(
    stratus, monkeypatch: pytest.MonkeyPatch, words: list[str], code: int
) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    ran = stratus(*words)
    assert (ran.code, ran.out != "") == (code, code == 0)
    with Path("/dev/full").open("w", buffering=1) as full:
        monkeypatch.setattr(sys, "stderr", full)
        assert stratus(*words).code == code


@pytest.mark.parametrize("width", [40, 80])
@pytest.mark.parametrize(("what", "key"), [("problems", "problem"), ("policies", "policy"), ("faults", "fault")])
def test_a_name_is_never_cut_short(stratus, monkeypatch: pytest.MonkeyPatch, what: str, key: str, width: int) -> None:
    """Who reads it on a narrow terminal, or greps for it, has to be able to type it."""
    rows = json.loads(stratus(what, "--format", "json").out)
    monkeypatch.setattr(options.out, "_width", width)
    printed = stratus(what).out
    assert rows and all(row[key] in printed for row in rows)
    assert width < 80 or "…" not in printed


def test_a_verdict_is_readable_on_a_narrow_terminal(stratus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options.out, "_width", 40)
    assert "BROKEN" in stratus("check", "reckless", "--examples", 1).out


def test_what_ctypes_makes_of_an_interruption_is_one(stratus, monkeypatch: pytest.MonkeyPatch) -> None:
    def prove() -> None:
        raise ArgumentError("argument 1: KeyboardInterrupt: ")

    monkeypatch.setattr(stratus_proofs, "prove", prove)
    ran = stratus("prove")
    assert (ran.code, ran.err) == (INTERRUPTED, "stratus: interrupted; no file is half-written\n")


def test_a_bug_of_our_own_is_no_verdict(stratus, monkeypatch: pytest.MonkeyPatch) -> None:
    def prove() -> None:
        raise KeyError("something nobody thought of")

    monkeypatch.setattr(stratus_proofs, "prove", prove)
    ran = stratus("prove")
    assert ran.code == BROKEN
    assert "in prove" in ran.err and "something nobody thought of" in ran.err
    assert ran.err.endswith("please report it with the lines above\n")


def test_what_z3_leaves_half_made_is_collected_in_silence(stratus, monkeypatch: pytest.MonkeyPatch) -> None:
    def collect(self: object) -> None:
        raise AttributeError("ctx")

    def half_made(module: str) -> object:
        dies = types.FunctionType(collect.__code__, {**globals(), "__name__": module})
        return type("AstRef", (), {"__del__": dies})()

    def interrupted() -> None:
        for module in ("z3.z3", "mine"):
            half_made(module)
        raise KeyboardInterrupt

    told: list[str] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda found: told.append(found.object.__module__))
    monkeypatch.setattr(stratus_proofs, "prove", interrupted)
    assert stratus("prove").code == INTERRUPTED
    assert told == ["mine"]


def test_ctrl_c_while_the_commands_are_loaded(stratus, monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow:
        @staticmethod
        def find_spec(name: str, *_: object) -> None:
            if name == "stratus_sim.cli.app":
                raise KeyboardInterrupt

    monkeypatch.delitem(sys.modules, "stratus_sim.cli.app")
    monkeypatch.setattr(sys, "meta_path", [Slow, *sys.meta_path])
    ran = stratus("problems")
    assert (ran.code, ran.err) == (INTERRUPTED, "stratus: interrupted; no file is half-written\n")
