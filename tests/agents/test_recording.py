"""An episode a model drove: one file, played again without the model, and a behaviour of the specification."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stratus_agents.agent import BUDGET
from stratus_agents.prompts import load_prompts
from stratus_agents.scripted import MODEL, Mistakes, scripted_model
from stratus_sim.testing.record import validate
from stratus_spec import SpecViolation
from tests.cli.conftest import stratus as stratus  # noqa: PLC0414

PROBLEMS = ("hotel/scale-to-zero", "hotel/service-target-port", "hotel/configmap-missing")


def record(stratus, monkeypatch: pytest.MonkeyPatch, problem: str, mistakes: Mistakes, *more: object) -> None:
    with scripted_model(mistakes=mistakes) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        ran = stratus("run", problem, "--policy", "stratus", "--model", MODEL, "--out", "run.jsonl", *more)
        assert ran.err == ""
    monkeypatch.delenv("OPENAI_BASE_URL")


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("mistakes", [Mistakes(), Mistakes(800, 200, 200, 200)], ids=["good", "bad"])
def test_replay_without_a_model_gives_the_same_bytes(stratus, monkeypatch, tmp_path: Path, problem, mistakes) -> None:
    record(stratus, monkeypatch, problem, mistakes, "--seed", 2)
    ran = stratus("replay", "run.jsonl")
    assert ran.err == ""
    assert "the same bytes again" in ran.out
    records = validate(lines(tmp_path / "run.jsonl"))
    assert records > 5
    assert f"its {records} journal records are a behaviour of the specification" in ran.out


def test_the_rivals_replay_as_well(stratus, monkeypatch, tmp_path: Path) -> None:
    for policy in ("react", "retry"):
        with scripted_model(Mistakes(wrong_target=1000)) as server:
            monkeypatch.setenv("OPENAI_BASE_URL", server.url)
            stratus("run", "hotel/scale-to-zero", "--policy", policy, "--model", MODEL, "--out", "run.jsonl")
        monkeypatch.delenv("OPENAI_BASE_URL")
        assert lines(tmp_path / "run.jsonl")[0]["mode"] == "own"
        assert "the same bytes again" in stratus("replay", "run.jsonl").out


def test_the_header_says_what_it_came_from(stratus, monkeypatch, tmp_path: Path) -> None:
    record(stratus, monkeypatch, "hotel/scale-to-zero", Mistakes())
    header, *events = lines(tmp_path / "run.jsonl")
    assert header["origin"]["model"] == MODEL
    assert header["origin"]["prompts"]["mitigation"] == load_prompts()["mitigation"].sha256
    assert header["origin"]["texts"]["mitigation"] == load_prompts()["mitigation"].text
    assert header["origin"]["budget"] == BUDGET._asdict()
    assert header["origin"]["versions"]["openai"]
    assert {"version", "python", "commit", "dirty"} == header["build"].keys()
    assert len(header["build"]["commit"]) in (0, 40)
    assert header["scenario"]["seed"] == 0
    replies = [event for event in events if event["kind"] == "model.reply"]
    assert {event["agent"] for event in replies} == {"detection", "diagnosis", "mitigation"}


def test_prompts_and_budget_of_ones_own_come_from_the_recording(stratus, monkeypatch, tmp_path: Path) -> None:
    """Limits and tools are in a prompt's head: with those that ship, the agents would go on, or read less."""
    shipped = load_prompts()["diagnosis"]
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "diagnosis.md").write_text(shipped.text.replace("result_chars: 6000", "result_chars: 300"))
    words = ("--prompts", folder, "--max-replies", 9)
    record(stratus, monkeypatch, "hotel/scale-to-zero", Mistakes(), *words)
    (folder / "diagnosis.md").unlink()
    found = lines(tmp_path / "run.jsonl")
    assert next(e["reason"] for e in found if e["kind"] == "agent.end") == "the budget of 9 replies is used up"
    assert max(len(e["told"]) for e in found if e["kind"] == "agent.call" and e["agent"] == "diagnosis") == 300
    ran = stratus("replay", "run.jsonl")
    assert (ran.err, "the same bytes again" in ran.out) == ("", True)


def test_a_changed_prompt_is_found_out(stratus, monkeypatch, tmp_path: Path) -> None:
    record(stratus, monkeypatch, "hotel/scale-to-zero", Mistakes())
    texts = {**lines(tmp_path / "run.jsonl")[0]["origin"]["texts"]}
    texts["undo"] = texts["undo"].replace("two sentences", "ten sentences")
    _change(tmp_path / "run.jsonl", "header", lambda header: header["origin"].update(texts=texts))
    ran = stratus("replay", "run.jsonl")
    assert (ran.code, "the recorded prompt of undo" in ran.err) == (2, True)


@pytest.mark.parametrize("part", ["replies", "tokens", "seconds"])
def test_a_budget_is_at_least_one(stratus, part: str) -> None:
    assert stratus("run", "hotel/scale-to-zero", f"--max-{part}", "0").code == 2


def _change(path: Path, kind: str, change) -> None:
    changed = lines(path)
    event = [event for event in changed if event["kind"] == kind][-1]
    change(event)
    path.write_text("".join(json.dumps(e, separators=(",", ":"), sort_keys=True) + "\n" for e in changed))


def test_a_changed_reply_is_found_out(stratus, monkeypatch, tmp_path: Path) -> None:
    record(stratus, monkeypatch, "hotel/scale-to-zero", Mistakes())
    _change(tmp_path / "run.jsonl", "model.reply", lambda event: event["reply"].update(tokens=99_999_999))
    _change(tmp_path / "run.jsonl", "policy.submit", lambda event: event.update(reason="other"))
    ran = stratus("replay", "run.jsonl")
    assert ran.code == 2
    assert "other events" in ran.err


def test_a_recording_without_its_replies_says_so(stratus, monkeypatch, tmp_path: Path) -> None:
    record(stratus, monkeypatch, "hotel/scale-to-zero", Mistakes())
    path = tmp_path / "run.jsonl"
    kept = [line for line in path.read_text().splitlines() if '"model.reply"' not in line]
    path.write_text("\n".join(kept) + "\n")
    ran = stratus("replay", "run.jsonl")
    assert ran.code == 2
    assert "no further reply" in ran.err


def test_a_trace_that_is_no_behaviour_does_not_validate(stratus, monkeypatch, tmp_path: Path) -> None:
    record(stratus, monkeypatch, "hotel/scale-to-zero", Mistakes())
    _change(tmp_path / "run.jsonl", "machine", lambda event: event["record"].update(step="commit", agent="mitigator"))
    with pytest.raises(SpecViolation):
        validate(lines(tmp_path / "run.jsonl"))
