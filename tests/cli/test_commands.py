"""What each command prints, writes and exits with."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stratus_sim.cli import main
from tests.conftest import ROOT
from tests.transaction.test_kill import BEFORE, killed

GEO = "hotel/service-target-port-misconfig/geo"


def test_run_repairs_and_says_so(stratus) -> None:
    ran = stratus("run", GEO, "--seed", 1)
    assert ran.code == 0
    assert "repaired in 1 attempt" in ran.out
    assert "COMMIT" in ran.out


def test_run_without_the_runtime_shows_what_a_reckless_policy_does(stratus) -> None:
    ran = stratus("run", GEO, "--policy", "reckless", "--unprotected")
    assert ran.code == 1
    assert "broken: at the end of an attempt" in ran.out


def test_run_as_json(stratus) -> None:
    ran = stratus("run", GEO, "--format", "json")
    data = json.loads(ran.out)
    assert data["repaired"] is True
    assert data["attempts"] == ["commit"]


def test_a_recorded_run_replays_to_the_same_bytes(stratus, tmp_path: Path) -> None:
    assert stratus("run", GEO, "--out", "run.jsonl").code == 0
    before = (tmp_path / "run.jsonl").read_bytes()
    ran = stratus("replay", "run.jsonl")
    assert ran.code == 0
    assert "the same bytes again" in ran.out
    assert (tmp_path / "run.jsonl").read_bytes() == before


def test_a_recording_that_was_changed_does_not_replay(stratus, tmp_path: Path) -> None:
    stratus("run", GEO, "--out", "run.jsonl")
    path = tmp_path / "run.jsonl"
    lines = path.read_text().splitlines()
    lines[3] = lines[3].replace('"time_us":', '"time_us":1')
    path.write_text("\n".join(lines) + "\n")
    ran = stratus("replay", "run.jsonl")
    assert ran.code == 2
    assert "run.jsonl:4: playing it again gives other events" in ran.err


def test_check_writes_a_counterexample_that_replays(stratus, tmp_path: Path) -> None:
    ran = stratus("check", "reckless", "--examples", 5)
    assert ran.code == 1
    assert "BROKEN" in ran.out
    assert "look closer: stratus replay violation.jsonl" in ran.out
    replayed = stratus("replay", "violation.jsonl")
    assert replayed.code == 1
    assert "broken: at the end of an attempt" in replayed.out
    assert "spec.replicas" in replayed.out or "what differs" in replayed.out


def test_check_of_a_safe_policy_holds_and_writes_nothing(stratus, tmp_path: Path) -> None:
    ran = stratus("check", "do-nothing", "--examples", 5)
    assert ran.code == 0
    assert ran.out.count("holds") == 2
    assert list(tmp_path.iterdir()) == []


def test_protected_asks_only_about_the_runtime(stratus) -> None:
    ran = stratus("check", "reckless", "--examples", 3, "--protected", "--format", "json")
    assert ran.code == 0
    (verdict,) = json.loads(ran.out)["verdicts"]
    assert verdict["mode"] == "protected"
    assert verdict["undone"] > 0


def test_a_policy_from_a_file_is_loaded(stratus, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from stratus_sim.cluster.actions import Action\n"
        "def act(observation):\n"
        "    return [Action('scale', 'deployment/frontend', {'replicas': 0}, 'hotel')] if observation.attempt == 1 and"
        " not observation.feedback else None\n"
    )
    ran = stratus("check", "mine.py:act", "--examples", 3)
    assert ran.code == 1
    assert "scale deployment/frontend replicas=0" in ran.out


def test_a_policy_that_raises_is_reported_as_its_failure(stratus, tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("def act(observation):\n    raise KeyError('no such pod')\n")
    ran = stratus("check", "bad.py:act", "--examples", 2)
    assert ran.code == 1
    assert "the policy raised KeyError" in ran.out
    assert "bad.py:2" in ran.out
    assert "Traceback" not in ran.out + ran.err


def test_a_run_with_a_journal_can_be_recovered_again_and_again(stratus) -> None:
    assert stratus("run", GEO, "--journal", "run.journal").code == 0
    for _ in range(2):
        ran = stratus("recover", "run.journal")
        assert ran.code == 0
        assert "no transaction was open" in ran.out


def test_prove_and_what_breaks_without_a_guard(stratus) -> None:
    assert stratus("prove").code == 0
    ran = stratus("prove", "--without", "ownership")
    assert ran.code == 1
    assert "abort_tnr breaks in 8 steps" in ran.out and "it hurts" in ran.out
    assert json.loads(stratus("prove", "--format", "json").out)["ok"] is True


def test_what_breaks_as_json(stratus) -> None:
    ran = stratus("prove", "--without", "localise.role", "--format", "json")
    (run,) = json.loads(ran.out)["necessity"]["runs"]
    assert ran.code == 1 and run["property"] == "phase_roles" and len(run["steps"]) == 2


def test_a_case_study(stratus) -> None:
    ran = stratus("prove", "--case", "g3")
    assert ran.code == 0
    assert "resolved_is_healthy breaks in 8 steps" in ran.out and "every obligation proved" in ran.out
    assert stratus("prove", "--case", "g99").code == 2


def test_a_log_is_checked_against_the_specification(stratus, tmp_path) -> None:
    stratus("run", "hotel/scale-to-zero", "--out", "run.jsonl")
    assert stratus("prove", "--trace", "run.jsonl").code == 0
    altered = (tmp_path / "run.jsonl").read_text().replace('"step":"approve"', '"step":"reject"')
    (tmp_path / "altered.jsonl").write_text(altered)
    ran = stratus("prove", "--trace", "altered.jsonl", "--format", "json")
    line = next(n for n, text in enumerate(altered.splitlines(), 1) if '"step":"reject"' in text)
    assert ran.code == 1 and json.loads(ran.out)["line"] == line


@pytest.mark.parametrize("what", ["problems", "policies", "faults"])
def test_lists_in_both_formats(stratus, what: str) -> None:
    rows = json.loads(stratus(what, "--format", "json").out)
    text = stratus(what).out
    assert rows
    assert all(next(iter(row.values())) in text for row in rows)


@pytest.mark.parametrize(
    "command", ["prove", "check", "run", "replay", "recover", "demo", "problems", "policies", "faults"]
)
def test_help_shows_an_example(stratus, command: str) -> None:
    ran = stratus(command, "--help")
    assert ran.code == 0
    assert f"Example: stratus {'run' if command in ('replay', 'recover') else command}" in ran.out


def test_demo_ends_in_one_screen(stratus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stratus_sim.cli.demo.EXAMPLES", 5)
    ran = stratus("demo")
    assert ran.code == 0
    assert len(ran.out.splitlines()) <= 40
    assert "5 of 5 scenarios" in ran.out


def test_the_same_seed_gives_the_same_bytes_whatever_the_hash_seed(tmp_path: Path) -> None:
    found = set()
    for hash_seed in ("0", "1", "4242"):
        out = tmp_path / f"{hash_seed}.jsonl"
        words = ["run", "hotel/kubelet-crash", "--policy", "random", "--seed", "7", "--out", str(out)]
        program = "from stratus_sim.cli import main; main()"
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        subprocess.run(
            [sys.executable, "-c", program, *words], env=environment, cwd=ROOT, capture_output=True, check=False
        )
        found.add(out.read_bytes())
    assert len(found) == 1


@pytest.mark.parametrize("at", [9, 12, 20])
def test_a_killed_run_is_undone_from_its_journal(stratus, tmp_path: Path, at: int) -> None:
    def run(journal: Path) -> None:
        words = ("run", GEO, "--policy", "reckless", "--journal", str(journal), "--format", "json")
        sys.argv = ["stratus", *words]
        with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
            main()

    journal = tmp_path / "run.journal"
    assert killed(run, journal, at, BEFORE), "the run ended before it could be killed"
    ran = stratus("recover", journal, "--format", "json")
    assert ran.code == 0
    assert json.loads(ran.out)["open"] is True
    assert "no transaction was open" in stratus("recover", journal).out
