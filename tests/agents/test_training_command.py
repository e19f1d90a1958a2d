"""`stratus train`, through the `openai` client to a scripted model, as a user would type it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from stratus_agents.endpoint import Endpoint
from stratus_agents.prompts import FOLDER, read_prompt
from stratus_agents.scripted import MODEL, scripted_model
from stratus_agents.training.search import least_budget
from tests.agents.direct import Direct
from tests.agents.test_training import bare
from tests.cli.conftest import stratus  # noqa: F401  # a fixture

WORDS = ("train", "mitigation", "--model", MODEL, "--reflection-model", MODEL)
SHIPPED = (FOLDER / "mitigation.md").read_bytes()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch):
    with scripted_model() as found:
        monkeypatch.setenv("OPENAI_BASE_URL", found.url)
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)
        yield found


@pytest.fixture
def start(tmp_path: Path) -> Path:
    """A folder with a prompt that has everything to learn."""
    folder = tmp_path / "start"
    folder.mkdir()
    (folder / "mitigation.md").write_text(bare().text)
    return folder


def test_a_better_prompt_comes_back_as_a_diff_and_a_file(stratus, server, start, monkeypatch) -> None:  # noqa: F811
    """Episodes without a server between, reflection through the client; the file does better when it is used."""
    monkeypatch.setattr(Endpoint, "reply", Direct().reply)
    words = (*WORDS, "--prompts", start, "--budget", 60, "--seed", 5, "--attempts", 1)
    ran = stratus(*words, "--format", "json")
    found = json.loads(ran.out)
    assert (ran.code, found["file"]) == (0, "mitigation.trained.md")
    assert found["held_out"]["after"]["repaired"] > found["held_out"]["before"]["repaired"]
    trained = read_prompt(Path(found["file"]))
    added = {line[1:] for line in found["diff"].splitlines() if line.startswith("+- ")}
    assert added and added <= {*trained.body.splitlines()}
    assert trained.sha256 == found["prompts"]["after"]
    assert (FOLDER / "mitigation.md").read_bytes() == SHIPPED
    assert server.requests  # the reflections
    again = stratus(*words, "--format", "json", "--out", "again.md")
    renamed = {"file": "again.md", "diff": found["diff"].replace(found["file"], "again.md")}
    assert json.loads(again.out) == found | renamed
    refused = stratus(*words)
    assert (refused.code, "is there already" in refused.err) == (2, True)


def test_when_nothing_better_is_found_it_says_so_and_writes_nothing(stratus, server) -> None:  # noqa: F811
    """The prompt that ships knows what there is to know; here every episode goes through the server."""
    ran = stratus(*WORDS, "--budget", least_budget())
    assert (ran.code, ran.err.strip()) == (0, "")
    assert "No better prompt was found" in ran.out
    assert not list(Path.cwd().iterdir())


def mistakes() -> list[tuple[list[object], str]]:
    return [
        (["train", "mitigaton", *WORDS[2:]], "did you mean 'mitigation'"),
        ([*WORDS, "--budget", "3"], f"at least {least_budget()} episodes"),
        ([*WORDS, "--prompts", "nowhere"], "nowhere: no prompts here"),
        ([*WORDS, "--out", "no/such/folder/x.md"], "cannot be written"),
        ([*WORDS[:2], "--model", "nobody", *WORDS[4:]], "has no model 'nobody'"),
        ([*WORDS, "--output", "song"], "--output"),
    ]


@pytest.mark.parametrize(("words", "said"), mistakes())
def test_a_mistake_is_one_message_and_exit_code_2(stratus, server, words, said: str) -> None:  # noqa: F811
    ran = stratus(*words)
    assert (ran.code, said in ran.err, "Traceback" in ran.err) == (2, True, False)
    assert not list(Path.cwd().iterdir())


def test_an_unknown_reflection_model_is_named(stratus, server, start, monkeypatch) -> None:  # noqa: F811
    monkeypatch.setattr(Endpoint, "reply", Direct().reply)
    ran = stratus(*WORDS[:4], "--reflection-model", "nobody", "--prompts", start, "--attempts", 1)
    assert (ran.code, "has no model 'nobody'" in ran.err) == (2, True)
    assert not Path("mitigation.trained.md").exists()


def test_an_endpoint_that_is_down(stratus, server, monkeypatch) -> None:  # noqa: F811
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    ran = stratus(*WORDS)
    assert (ran.code, "cannot be reached" in ran.err, "Traceback" in ran.err) == (2, True, False)


def test_without_the_extra(stratus, server, monkeypatch) -> None:  # noqa: F811
    monkeypatch.setitem(sys.modules, "gepa", None)
    ran = stratus(*WORDS)
    assert (ran.code, "pip install 'stratus-tnr[training]'" in ran.err) == (2, True)
