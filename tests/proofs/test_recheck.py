"""Exported obligations are read back from their text alone, and anything but `unsat` fails."""

import json
import sys

import pytest

from stratus_proofs.export import recheck


def folder(tmp_path, *scripts):
    for number, script in enumerate(scripts):
        (tmp_path / f"{number}.smt2").write_text(script)
    entries = [{"file": f"{number}.smt2"} for number in range(len(scripts))]
    (tmp_path / "index.json").write_text(json.dumps({"obligations": entries}))
    return tmp_path


PROVED = "(declare-const x Int) (assert (and (> x 0) (< x 0))) (check-sat)"
REFUTED = "(declare-const x Int) (assert (> x 0)) (check-sat)"


@pytest.mark.parametrize(("scripts", "code"), [((PROVED, PROVED), 0), ((PROVED, REFUTED), 1), ((), 1)])
def test_only_unsat_everywhere_passes(tmp_path, monkeypatch, capsys, scripts, code):
    monkeypatch.setattr(sys, "argv", ["recheck.py", str(folder(tmp_path, *scripts))])
    assert recheck.main() == code
    assert ("sat: 1.smt2" in capsys.readouterr().out) == (REFUTED in scripts)
