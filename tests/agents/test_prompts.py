"""Prompts are files: whole or refused with the place and the mend."""

from __future__ import annotations

from pathlib import Path

import pytest

from stratus_agents.prompts import ROLES, WRITERS, load_prompts, read_prompt
from stratus_agents.tools import TOOLS
from stratus_sim.errors import UserError

GOOD = "---\nrole: diagnosis\ntools: [kubectl, submit]\nlimits: {replies: 3}\n---\nLook.\n"


def test_every_role_has_a_prompt_that_survives_a_round_trip(tmp_path: Path) -> None:
    for role, prompt in load_prompts().items():
        path = tmp_path / f"{role}.md"
        path.write_text(prompt.text)
        assert read_prompt(path) == prompt
    assert load_prompts(tmp_path) == load_prompts()


def test_only_writers_have_tools_that_write() -> None:
    writing = {role for role, p in load_prompts().items() if any(TOOLS[t].writes for t in p.head.tools)}
    assert writing == {*WRITERS}


def test_another_body_is_another_prompt() -> None:
    prompt = load_prompts()["mitigation"]
    other = prompt.with_body("Do less.\n")
    assert (other.head, other.sha256 != prompt.sha256) == (prompt.head, True)


def test_a_folder_may_hold_some_of_them(tmp_path: Path) -> None:
    (tmp_path / "diagnosis.md").write_text(GOOD)
    loaded = load_prompts(tmp_path)
    assert loaded["diagnosis"].body == "Look.\n"
    assert [loaded[r] == load_prompts()[r] for r in ROLES].count(False) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Look.", "expected a head"),
        ("---\nrole: diagnosis\n---\n", "expected a head"),
        (GOOD.replace("role: diagnosis", "role: boss"), "boss"),
        (GOOD.replace("role: diagnosis", "role: mitigation"), "expected 'diagnosis'"),
        (GOOD.replace("kubectl,", "kubectle,"), "did you mean 'kubectl'"),
        (GOOD.replace("kubectl,", "kubectl_write,"), "only reads"),
        (GOOD.replace(", submit", ""), "never be done"),
        (GOOD.replace("replies: 3", "replies: 0"), "replies >= 1"),
        (GOOD.replace("replies: 3", "replies: many"), "replies"),
        (GOOD.replace("replies: 3", "turns: 3"), "turns"),
        (GOOD.replace("tools: [", "tools: ["[:-1] + "{["), "the head is not YAML"),
        (GOOD.replace("tools: [kubectl, submit]\n", ""), "tools"),
    ],
)
def test_a_mistake_names_file_and_field(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "diagnosis.md").write_text(text)
    with pytest.raises(UserError) as error:
        load_prompts(tmp_path)
    assert said in str(error.value)
    assert "diagnosis.md" in str(error.value)


def test_an_empty_folder_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no prompts here"):
        load_prompts(tmp_path)
