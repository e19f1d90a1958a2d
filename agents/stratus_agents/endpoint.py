"""A model behind an OpenAI-compatible endpoint, through the `openai` client.

Servers without tool calling are asked for JSON of a schema instead. Which of the two is decided by the first answer,
or by `output`.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from stratus_agents.models import Call, Reply, Request, Told, Turn
from stratus_agents.tools import Tool
from stratus_sim.errors import unknown_name
from stratus_sim.testing.policy import Unavailable

OUTPUTS = ("auto", "tools", "json")
MISSING = "a model needs the openai package: pip install 'stratus-tnr[model]'"
_NO_ENDPOINT = (
    "no model endpoint: set OPENAI_BASE_URL to an OpenAI-compatible server, or OPENAI_API_KEY for OpenAI's own"
)


class Settings(NamedTuple):
    """How a model is asked. Seconds are wall time; `retries` are the client's, on 429, 5xx and lost connections."""

    output: str = "auto"
    timeout_s: float = 60.0
    retries: int = 2
    max_tokens: int = 1024
    temperature: float = 0.0


SETTINGS = Settings()


class _Rejected(Unavailable):
    """The server is there, and will not have this request."""


class Endpoint:
    """The model `name`; OPENAI_BASE_URL and OPENAI_API_KEY say where it is and who we are."""

    def __init__(self, name: str, settings: Settings = SETTINGS) -> None:
        """Raises Unavailable when the client is not installed or no endpoint is named."""
        url, key = os.environ.get("OPENAI_BASE_URL"), os.environ.get("OPENAI_API_KEY")
        try:
            import openai  # noqa: PLC0415  # an extra: everything else works without it
        except ImportError:
            raise Unavailable(MISSING) from None
        if not url and not key:
            raise Unavailable(_NO_ENDPOINT)
        if url and not url.startswith(("http://", "https://")):
            raise Unavailable(f"OPENAI_BASE_URL {url!r}: expected an address like http://127.0.0.1:8080/v1")
        self._openai, self._name, self._settings = openai, name, settings
        self._output = settings.output
        if self._output not in OUTPUTS:
            raise unknown_name("way of answering, --output", self._output, OUTPUTS)
        self._client = openai.OpenAI(
            base_url=url, api_key=key or "none", timeout=settings.timeout_s, max_retries=settings.retries
        )
        self._where = f"{self._client.base_url}"

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def reply(self, request: Request) -> Reply:
        if self._output != "auto":
            return self._ask(request, self._output)
        try:
            found = self._ask(request, "tools")
        except _Rejected as rejected:
            return self._without_tools(request, rejected)
        self._output = "tools" if found.calls else "json"
        return found if found.calls else self._ask(request, "json")

    def _without_tools(self, request: Request, rejected: _Rejected) -> Reply:
        """Some servers without tools fail where others just talk. If it was not the tools, the first error counts."""
        try:
            found = self._ask(request, "json")
        except _Rejected:
            raise rejected from None
        self._output = "json"
        return found

    def text(self, prompt: str, seed: int) -> str:
        """Plain text for plain text: no tools, no schema. Raises Unavailable."""
        return self._ask(Request("", prompt, (), (), seed), "text").text

    def _ask(self, request: Request, output: str) -> Reply:
        began = time.monotonic()
        make, read = _FORMS[output]
        made = make(request)
        how = {"temperature": self._settings.temperature, "max_tokens": self._settings.max_tokens}
        common = {"model": self._name, "seed": request.seed, **how}
        try:
            completion = self._client.chat.completions.create(**common, **made)  # type: ignore[call-overload]
            return read(completion, round(1000 * (time.monotonic() - began)))
        except (self._openai.BadRequestError, self._openai.InternalServerError) as error:
            raise _Rejected(self._explained(error)) from None
        except self._openai.OpenAIError as error:
            raise Unavailable(self._explained(error)) from None
        except (AttributeError, IndexError, TypeError, ValueError):
            raise Unavailable(
                f"{self._where} did not answer with a chat completion: is OPENAI_BASE_URL right?"
            ) from None

    def _explained(self, error: Exception) -> str:
        o, said = self._openai, _message(error)
        causes: tuple[tuple[tuple[type, ...], str], ...] = (
            ((o.APITimeoutError,), f"did not answer within {self._settings.timeout_s:g} s: is the server overloaded?"),
            ((o.APIConnectionError,), f"cannot be reached, or broke off ({error.__cause__ or said}): is it running?"),
            ((o.AuthenticationError, o.PermissionDeniedError), f"refuses the key in OPENAI_API_KEY: {said}"),
            ((o.NotFoundError,), f"has no model {self._name!r}, or is no OpenAI-compatible endpoint: {said}"),
            ((o.RateLimitError,), f"has had enough requests (429): {said}; try again later"),
            ((o.APIStatusError,), f"answered HTTP {getattr(error, 'status_code', '')}: {said}; see also --output"),
        )
        return f"{self._where} " + next((text for types, text in causes if isinstance(error, types)), said)


def _message(error: Exception) -> str:
    body = getattr(error, "body", None)
    text = body.get("message") if isinstance(body, Mapping) else None
    return " ".join(str(text or error).split())[:300]


def _tool_request(request: Request) -> dict[str, Any]:
    named = [{"name": t.name, "description": t.description, "parameters": dict(t.parameters)} for t in request.tools]
    offered = [{"type": "function", "function": function} for function in named]
    turns = [_tool_message(turn) for turn in request.turns]
    return {"messages": [{"role": "system", "content": request.system}, *turns], "tools": offered}


def _tool_message(turn: Turn) -> dict[str, Any]:
    if isinstance(turn, Told):
        return {"role": "tool", "tool_call_id": turn.id, "content": turn.text} if turn.id else _user(turn.text)
    message: dict[str, Any] = {"role": "assistant", "content": turn.text}
    if turn.calls:
        functions = [(c.id, {"name": c.name, "arguments": _as_json(c.arguments)}) for c in turn.calls]
        message["tool_calls"] = [{"id": key, "type": "function", "function": function} for key, function in functions]
    return message


def _as_json(arguments: str) -> str:
    """What the model wrote, where servers can read it back; many refuse a history with malformed arguments."""
    try:
        return arguments if isinstance(json.loads(arguments), dict) else "{}"
    except (ValueError, RecursionError):
        return json.dumps({"malformed": arguments})


def _user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def _json_request(request: Request) -> dict[str, Any]:
    """Tools in words, and an answer that must be one call of one of them."""
    tools = "\n".join(f"- {t.name}({', '.join(t.parameters['properties'])}): {t.description}" for t in request.tools)
    system = f'{request.system}\nAnswer with {{"call": {{"tool": NAME, "arguments": {{...}}}}}}. Tools:\n{tools}'
    turns = [_user(t.text) if isinstance(t, Told) else {"role": "assistant", "content": t.text} for t in request.turns]
    schema = _object(call={"anyOf": [_call_schema(tool) for tool in request.tools]})
    made = {"type": "json_schema", "json_schema": {"name": "call", "schema": schema}}
    return {"messages": [{"role": "system", "content": system}, *turns], "response_format": made}


def _call_schema(tool: Tool) -> dict[str, Any]:
    return _object(tool={"const": tool.name}, arguments=dict(tool.parameters))


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _with_tools(completion: Any, elapsed_ms: int) -> Reply:
    choice = completion.choices[0]
    found = [c for c in choice.message.tool_calls or () if getattr(c, "function", None)]
    calls = tuple(
        Call(_text(c.id) or f"call-{n}", _text(c.function.name), _text(c.function.arguments))
        for n, c in enumerate(found)
    )
    return _reply(completion, calls, elapsed_ms)


def _from_json(completion: Any, elapsed_ms: int) -> Reply:
    calls: tuple[Call, ...] = ()
    try:
        call = json.loads(completion.choices[0].message.content or "")["call"]
        calls = (Call("", _text(str(call["tool"])), json.dumps(call["arguments"])),)
    except (ValueError, KeyError, TypeError, RecursionError):
        pass  # told to the model as no call
    return _reply(completion, calls, elapsed_ms)


def _reply(completion: Any, calls: tuple[Call, ...], elapsed_ms: int) -> Reply:
    choice = completion.choices[0]
    tokens = completion.usage.total_tokens if completion.usage else 0
    return Reply(_text(choice.message.content), calls, tokens, elapsed_ms, choice.finish_reason == "length")


def _text(found: str | None) -> str:
    """What can be sent back and recorded: half of a surrogate pair, cut off in a stream, becomes a question mark."""
    return (found or "").encode("utf-8", "replace").decode("utf-8")


def _text_request(request: Request) -> dict[str, Any]:
    return {"messages": [_user(request.system)]}


def _as_text(completion: Any, elapsed_ms: int) -> Reply:
    return _reply(completion, (), elapsed_ms)


_FORMS: Mapping[str, tuple[Callable[[Request], dict[str, Any]], Callable[[Any, int], Reply]]] = {
    "tools": (_tool_request, _with_tools),
    "json": (_json_request, _from_json),
    "text": (_text_request, _as_text),
}
