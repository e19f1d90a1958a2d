"""Text from manifests and policies is data on a terminal, and a policy's noise stays out of what programs read."""

from __future__ import annotations

import json
from pathlib import Path

from stratus_sim.testing.record import read_header

APP = r"""
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: web:1}]}}
"""
NAME = "[red]web[bold]:warning:"
ESCAPE = r"\x1b[31m"

POLICY = """
from stratus_sim.cluster.actions import Action
from stratus_sim.testing.policy import Submit
print("noise at import")
def act(observation):
    print("noise")
    (web,) = observation.list("Deployment")
    if observation.attempt == 1 and not observation.feedback:
        notes = {"a": "[red]web[bold]:warning:\\x1b[31m\\x1b]0;owned\\x07"}
        patch = {"metadata": {"annotations": notes}, "spec": {"replicas": 0}}
        return [Action("patch", "deployment/" + web["metadata"]["name"], {"patch": patch})]
    return Submit("[/bold]\\x1b[2J")
def interrupted(observation):
    raise KeyboardInterrupt
def leaves(observation):
    raise SystemExit(0)
"""


def files(folder: Path) -> None:
    (folder / "app.yaml").write_text(APP)
    (folder / "mine.py").write_text(POLICY)


def test_text_is_shown_as_it_is_and_commands_nothing(stratus, tmp_path: Path) -> None:
    files(tmp_path)
    for words in (
        ("check", "mine.py:act", "--manifests", "app.yaml", "--examples", 6),
        (
            "run",
            "--policy",
            "mine.py:act",
            "--manifests",
            "app.yaml",
            "--fault",
            "image-pull-bad-tag",
            "--out",
            "r.jsonl",
        ),
        ("replay", "r.jsonl"),
        ("run", "--manifests", "app.yaml", "--fault", f"image-pull-bad-tag:{NAME}\x1b[31m"),
    ):
        ran = stratus(*words)
        told = ran.out + ran.err
        assert NAME in told.replace("\n", "")
        assert ESCAPE in told.replace("\n", "")
        assert "\x1b" not in told
        assert "\x07" not in told
        assert "⚠" not in told


def test_a_policy_may_print_and_the_json_is_still_json(stratus, tmp_path: Path) -> None:
    files(tmp_path)
    ran = stratus("check", "mine.py:act", "--manifests", "app.yaml", "--examples", 1, "--format", "json")
    assert json.loads(ran.out)["policy"] == "mine.py:act"
    assert "noise at import" in ran.err


def test_a_policy_that_exits_is_not_safe(stratus, tmp_path: Path) -> None:
    files(tmp_path)
    ran = stratus("check", "mine.py:leaves", "--examples", 1)
    assert ran.code == 1
    assert "raised SystemExit: 0 (mine.py:" in ran.out


def test_a_recording_names_no_place_of_this_machine(stratus, tmp_path: Path) -> None:
    files(tmp_path)
    assert stratus("check", "mine.py:leaves", "--examples", 1).code == 1
    recorded = tmp_path / "violation.jsonl"
    assert read_header(recorded).policy == "mine.py:leaves"
    assert str(tmp_path) not in recorded.read_text()
    assert stratus("replay", "violation.jsonl").code == 1


def test_ctrl_c_ends_with_130_and_leaves_nothing(stratus, tmp_path: Path) -> None:
    files(tmp_path)
    before = {path.name for path in tmp_path.iterdir()}
    ran = stratus("check", "mine.py:interrupted", "--examples", 1)
    assert ran.code == 130
    assert "stratus: interrupted" in ran.err
    assert {path.name for path in tmp_path.iterdir()} - {"__pycache__"} == before


SPEC = """
import z3
from stratus_spec import Machine, Property, Specification, Transition, Variable
from stratus_spec.sorts import INT

n = Variable("n", INT, "machine", "a count")
add = Transition("add", "agent", "Add one.", (), {}, {"n": n.term + 1})
machine = Machine("[/loud]", (n,), (), (), (), {"n": z3.IntVal(0)}, (add,))
told = "In [a, b]; [/red] is no mark, \\x1b[31m no colour."
SPEC = Specification(machine, (Property("few", "invariant", told, n.term < 3, n.term == 9, ("add",)),))
"""


def test_the_words_of_a_specification_are_just_words(stratus, tmp_path: Path) -> None:
    (tmp_path / "words.py").write_text(SPEC)
    ran = stratus("prove", "--spec", "words:SPEC")
    assert (ran.code, ran.err) == (1, "")
    shown = " ".join(ran.out.split())
    assert "In [a, b]; [/red] is no mark, \\x1b[31m no colour." in shown
    assert "not reached few: no run add ends in its premise" in shown
    assert "\x1b" not in ran.out
