"""What goes wrong with an endpoint is one message and exit code 2, and nothing is left open."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import msgspec
import pytest

from stratus_agents import rivals
from stratus_agents.endpoint import Endpoint, Settings
from stratus_agents.models import Reply, Request, Told
from stratus_agents.scripted import MODEL, scripted_model
from stratus_agents.tools import TOOLS
from stratus_sim.errors import UserError
from stratus_sim.testing import episode, protected
from stratus_sim.testing.policy import Unavailable
from tests.agents.models import GEO, HARM, Puppet, driven, write
from tests.cli.conftest import stratus as stratus  # noqa: PLC0414
from tests.conftest import stage

RUN = ("run", "hotel/scale-to-zero", "--policy", "stratus")


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        ("key", "refuses the key in OPENAI_API_KEY: invalid api key"),
        ("busy", "has had enough requests (429)"),
        ("cut", "cannot be reached, or broke off"),
        ("nonsense", "did not answer with a chat completion"),
        ("error", "answered HTTP 500: out of memory"),
    ],
)
def test_trouble_at_the_endpoint(stratus, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, trouble, said: str) -> None:
    with scripted_model(trouble=trouble) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        ran = stratus(*RUN, "--model", MODEL, "--out", "run.jsonl")
    assert ran.code == 2
    assert said in ran.err
    assert ran.err.count("\n") == 1
    assert server.url in ran.err
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_model(stratus, monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted_model() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        ran = stratus(*RUN, "--model", "gpt-17")
    assert ran.code == 2
    assert "has no model 'gpt-17'" in ran.err


def test_an_endpoint_that_does_not_answer(stratus, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hasty = Settings(timeout_s=0.05, retries=0)
    monkeypatch.setattr(rivals, "drive", partial(rivals.drive, settings=hasty))
    with scripted_model(trouble="slow") as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        ran = stratus(*RUN, "--model", MODEL, "--out", "run.jsonl")
    assert ran.code == 2
    assert "did not answer within 0.05 s" in ran.err and server.url in ran.err
    assert ran.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_an_endpoint_that_is_not_there(stratus, monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted_model() as server:
        url = server.url
    monkeypatch.setenv("OPENAI_BASE_URL", url)
    ran = stratus(*RUN, "--model", MODEL)
    assert ran.code == 2
    assert "cannot be reached" in ran.err


@pytest.mark.parametrize(
    ("url", "words", "said"),
    [
        (None, ("--model", MODEL), "set OPENAI_BASE_URL"),
        ("not a url", ("--model", MODEL), "OPENAI_BASE_URL"),
        (None, (), "add --model NAME"),
        ("http://127.0.0.1:9/v1", ("--model", MODEL, "--output", "xml"), "--output"),
        ("http://127.0.0.1:9/v1", ("--model", MODEL, "--prompts", "nowhere"), "no prompts here"),
    ],
)
def test_what_is_missing_is_said(stratus, monkeypatch: pytest.MonkeyPatch, url, words, said: str) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    if url:
        monkeypatch.setenv("OPENAI_BASE_URL", url)
    ran = stratus(*RUN, *words)
    assert ran.code == 2
    assert said in ran.err
    assert "Traceback" not in ran.err


def test_a_policy_that_asks_no_model_takes_none(stratus) -> None:
    ran = stratus("run", "hotel/scale-to-zero", "--policy", "runbook", "--model", MODEL)
    assert ran.code == 2
    assert "'runbook' asks no model" in ran.err


def test_without_the_client_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(UserError, match=r"stratus-tnr\[model\]"):
        Endpoint(MODEL)


def test_an_endpoint_that_dies_in_a_transaction_leaves_nothing_open() -> None:
    """The open transaction is ended before the error is shown."""

    class Dying(Puppet):
        def reply(self, request: Request) -> Reply:
            if request.agent == "mitigation" and len(request.turns) > 1:
                raise Unavailable("gone")
            return super().reply(request)

    world, made = stage().world(GEO), []

    def execute(w):
        made.append(protected.Protected(w, GEO))
        return made[0]

    with pytest.raises(Unavailable, match="gone"):
        episode.play(world, driven(Dying(mitigation=[write(HARM)])), 0, execute)
    assert not world.cluster.lease.holder
    assert stage().standing(0).store.list("Deployment")[0].spec == world.store.list("Deployment")[0].spec


@pytest.mark.parametrize(
    ("speaks", "trouble", "requests"), [("tools", "", 1), ("json", "", 2), ("json", "tools", 2)], ids=str
)
def test_how_the_model_answers_is_found_out_once(monkeypatch, speaks, trouble, requests: int) -> None:
    with scripted_model(speaks=speaks, trouble=trouble) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        endpoint = Endpoint(MODEL)
        tools = [TOOLS[name] for name in ("alerts", "traces", "kubectl", "verdict")]
        request = Request("detection", "You detect.", [Told("Go.")], tools, 0)
        first = endpoint.reply(request)
        assert first.calls[0].name == "alerts"
        assert len(server.requests) == requests
        assert endpoint.reply(request).calls == first.calls
        assert len(server.requests) == requests + 1
        assert all(r["temperature"] == 0 for r in server.requests)
        endpoint.close()


def test_half_a_character_is_no_reason_to_break_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams that are cut inside an emoji: what comes can be sent back and recorded."""
    with scripted_model() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        endpoint = Endpoint(MODEL)
        said = {"content": "\ud83d", "tool_calls": [_half_a_call()]}
        monkeypatch.setattr(server.RequestHandlerClass, "_message", lambda _handler, _body: (said, "tool_calls"))
        request = Request("detection", "You detect.", [Told("Go.")], [TOOLS["alerts"]], 0)
        reply = endpoint.reply(request)
        assert reply.calls[0].name == "al?rts"
        assert msgspec.json.encode(reply)
        endpoint.reply(Request("detection", "You detect.", [Told("Go."), reply], [TOOLS["alerts"]], 0))
        endpoint.close()


def _half_a_call() -> dict[str, object]:
    return {"id": "x", "type": "function", "function": {"name": "al\ud83drts", "arguments": "{}"}}
