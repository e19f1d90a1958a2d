"""Plugging one's own policy: what works, and what one is told when it does not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from stratus_agents.policies import load_policy
from stratus_sim.errors import UserError
from stratus_sim.telemetry.observation import observe
from stratus_sim.testing.policy import Submit, Wait
from stratus_sim.world import World

SOUND = """
from __future__ import annotations

import helper_of_mine
from dataclasses import dataclass
from stratus_sim.testing.policy import Submit, Wait

@dataclass
class Seeded:
    seed: int
    def act(self, observation):
        return Wait(self.seed)

class Plain:
    def __init__(self):
        self.seen = 0
    def act(self, observation):
        self.seen += 1
        return Wait(self.seen)

def function(observation):
    return Submit(f"at {observation.now_s}, {helper_of_mine.WORD}")

class Mute:
    pass

class Greedy:
    def __init__(self, seed, model):
        pass
    def act(self, observation):
        return None

def binary(observation, more):
    return None

number = 7
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(SOUND)
    (tmp_path / "helper_of_mine.py").write_text("WORD = 'hello'\n")
    (tmp_path / "broken.py").write_text("import os\n\nos.no_such_function()\n")
    (tmp_path / "calls.py").write_text("import json\njson.loads('nope')\n")
    (tmp_path / "syntax.py").write_text("x = 1\ndef f(:\n")
    (tmp_path / "quits.py").write_text("raise SystemExit(3)\n")
    (tmp_path / "lacks.py").write_text("\nimport a_module_nobody_has\n")
    return tmp_path


@pytest.fixture
def importable(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder)
    for name in ("mine", "helper_of_mine", "broken", "calls", "lacks"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return folder


def message(spec: str) -> str:
    with pytest.raises(UserError) as caught:
        load_policy(spec)
    return str(caught.value)


def test_a_class_gets_the_seed_if_it_wants_one(folder: Path, hotel: World) -> None:
    assert load_policy(f"{folder}/mine.py:Seeded")(5).act(observe(hotel)) == Wait(5)
    plain = load_policy(f"{folder}/mine.py:Plain")
    assert [plain(5).act(observe(hotel)), plain(5).act(observe(hotel))] == [Wait(1), Wait(1)]


def test_a_function_is_a_policy_and_its_file_may_import_its_neighbours(folder: Path, hotel: World) -> None:
    before = list(sys.path)
    assert load_policy(f"{folder}/mine.py:function")(0).act(observe(hotel)) == Submit("at 180, hello")
    assert sys.path == before


def test_a_module_of_the_present_folder_or_installed(importable: Path, hotel: World) -> None:
    assert load_policy("mine:Seeded")(2).act(observe(hotel)) == Wait(2)
    installed = load_policy("stratus_agents.policies.simple:DoNothing")
    assert installed(0).act(observe(hotel)) == Submit("left alone")


def test_unknown_names_come_with_the_nearest(folder: Path) -> None:
    assert "did you mean 'runbook'?" in message("runbok")
    assert "did you mean 'Seeded'?" in message(f"{folder}/mine.py:Seede")


def test_what_is_not_there_is_named(folder: Path, importable: Path) -> None:
    assert message(f"{folder}/none.py:X").startswith(f"policy file {folder}/none.py: no such file")
    assert message("no_such_package.mod:X") == (
        "policy module 'no_such_package.mod': no module named 'no_such_package' can be imported"
    )
    assert "mine.py:MyPolicy" in message("mine.py")
    assert "expected a built-in name" in message("mine.py:")
    assert "expected a built-in name" in message(":X")


@pytest.mark.parametrize(
    ("attribute", "words"),
    [
        ("Mute", "class Mute has no method act(observation)"),
        ("Greedy", "the constructor must take a seed or nothing"),
        ("binary", "the function must take one argument"),
        ("number", "is a int: expected a class with act(observation), or a function"),
    ],
)
def test_what_is_no_policy_is_refused(folder: Path, attribute: str, words: str) -> None:
    assert words in message(f"{folder}/mine.py:{attribute}")


@pytest.mark.parametrize(
    ("file", "words", "line"),
    [
        ("broken", "AttributeError", 3),
        ("calls", "JSONDecodeError", 2),
        ("syntax", "SyntaxError", 2),
        ("quits", "SystemExit", 1),
        ("lacks", "ModuleNotFoundError", 2),
    ],
)
def test_a_file_that_raises_is_blamed_with_its_line(folder: Path, file: str, words: str, line: int) -> None:
    told = message(f"{folder}/{file}.py:X")
    assert f"importing it raised {words}" in told
    assert told.endswith(f"({folder}/{file}.py:{line})")


def test_a_module_that_raises_is_blamed_too(importable: Path) -> None:
    assert message("broken:X").endswith(f"({importable}/broken.py:3)")
    assert message("calls:X").endswith(f"({importable}/calls.py:2)")
    assert "No module named 'a_module_nobody_has'" in message("lacks:X")
