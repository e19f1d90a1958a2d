"""`stratus explore`, `prove --export` and `prove --solver`: what they print, write and exit with."""

from __future__ import annotations

import importlib
import json

import pytest

from stratus_proofs.explicit import tlc
from stratus_proofs.explicit.instances import INSTANCES

SMALL = "benchmarks.lock_transaction.machine:SPECIFICATION"


def test_obligations_are_written_with_an_index(stratus, tmp_path) -> None:
    ran = stratus("prove", "--spec", SMALL, "--export", "proof/smt")
    written = sorted(path.name for path in (tmp_path / "proof" / "smt").iterdir())
    index = json.loads((tmp_path / "proof" / "smt" / "index.json").read_text())
    assert ran.code == 0 and f"{len(written) - 1} obligations in proof/smt" in ran.out
    assert written == sorted([*(entry["file"] for entry in index["obligations"]), "index.json"])


def test_a_folder_that_cannot_be_made_is_refused(stratus, tmp_path) -> None:
    (tmp_path / "file").write_text("")
    ran = stratus("prove", "--spec", SMALL, "--export", "file/smt")
    assert (ran.code, "file/smt" in ran.err, len(ran.err.splitlines())) == (2, True, 1)


def test_cvc5_is_asked_as_well(stratus) -> None:
    pytest.importorskip("cvc5", reason="cvc5 is not installed")
    data = json.loads(stratus("prove", "--spec", SMALL, "--solver", "cvc5", "--format", "json").out)
    second = data["second_opinion"]
    assert second["ok"] and second["unproved"] == {} and second["obligations"] == len(data["obligations"])


def test_a_missing_cvc5_names_the_extra(stratus, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.import_module

    def absent(name: str, package: str | None = None):
        if name == "cvc5":
            raise ModuleNotFoundError(name)
        return found(name, package)

    monkeypatch.setattr(importlib, "import_module", absent)
    ran = stratus("prove", "--spec", SMALL, "--solver", "cvc5")
    assert (ran.code, "pip install 'stratus-tnr[checkers]'" in ran.err) == (2, True)


def test_instances_are_listed(stratus) -> None:
    assert stratus("explore").out.split() == list(INSTANCES)
    assert json.loads(stratus("explore", "--format", "json").out) == list(INSTANCES)


def test_an_instance_is_explored_and_written(stratus, tmp_path) -> None:
    ran = stratus("explore", "granted", "--export", "tla")
    assert ran.code == 0 and "every property holds" in ran.out and "granted: all " in ran.out
    assert (tmp_path / "tla" / "granted.tla").read_text().startswith("---- MODULE granted ----")
    assert "INVARIANT Holds_" in (tmp_path / "tla" / "granted.cfg").read_text()


def test_an_unknown_instance_is_refused(stratus) -> None:
    ran = stratus("explore", "grantd")
    assert (ran.code, "did you mean 'granted'?" in ran.err) == (2, True)


def test_another_count_fails(stratus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tlc, "missing", lambda: "")
    monkeypatch.setattr(tlc, "check", lambda _files: tlc.Checked(177, 1, "", 0.0))
    ran = stratus("explore", "granted", "--against", "tlc")
    assert (ran.code, "tlc: 177 states, which is NOT the same" in ran.out) == (1, True)


def test_an_absent_tlc_says_what_it_needs(stratus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tlc, "missing", lambda: "TLC needs java on the path")
    ran = stratus("explore", "granted", "--against", "tlc")
    assert (ran.code, "--against tlc: TLC needs java on the path" in ran.err) == (2, True)
