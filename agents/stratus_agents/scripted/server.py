"""The scripted model as a server on the loopback interface: POST /v1/chat/completions, GET /v1/models."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, NamedTuple

from stratus_agents.scripted.evidence import read
from stratus_agents.scripted.mind import NO_MISTAKES, Call, Mistakes, answer
from stratus_agents.scripted.reflection import reflect

MODEL = "scripted"
Trouble = Literal["", "key", "busy", "slow", "cut", "nonsense", "error", "tools"]
"""What is wrong with the server: it refuses every key, is overloaded, never answers, hangs up in the middle of an
answer, serves something that is no completion, fails, or refuses tools."""
_ERRORS = {"key": (401, "invalid api key"), "busy": (429, "rate limit reached"), "error": (500, "out of memory")}


class Server(ThreadingHTTPServer):
    """`speaks`: whether the model calls tools, or only answers with JSON of a schema. `requests` are those received."""

    daemon_threads = True

    def __init__(self, mistakes: Mistakes, speaks: Literal["tools", "json"], trouble: Trouble) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.mistakes, self.speaks, self.trouble = mistakes, speaks, trouble
        self.requests: list[dict[str, Any]] = []
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        """What OPENAI_BASE_URL is to be."""
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is no news."""


@contextmanager
def scripted_model(
    mistakes: Mistakes = NO_MISTAKES, speaks: Literal["tools", "json"] = "tools", trouble: Trouble = ""
) -> Iterator[Server]:
    """A running server; the model is called `scripted`."""
    server = Server(mistakes, speaks, trouble)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Answer(NamedTuple):
    status: int
    body: dict[str, Any]


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:  # the name http.server calls
        self._send(_Answer(200, {"object": "list", "data": [{"id": MODEL, "object": "model"}]}))

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        trouble = self.server.trouble
        if trouble == "slow":
            self.server.closing.wait()
            return
        self._send(_failure(*_ERRORS[trouble]) if trouble in _ERRORS else self._complete(text))

    def _complete(self, text: bytes) -> _Answer:
        try:
            body = json.loads(text)
            if body["model"] != MODEL:
                return _failure(404, f"the model {body['model']!r} does not exist")
            self.server.requests.append(body)
            if self.server.trouble == "tools" and "tools" in body:
                return _failure(400, "tools are not supported")
            return _Answer(200, self._completion(body))
        except (ValueError, KeyError, TypeError) as error:
            return _failure(400, f"not a chat completion request: {error!r}")

    def _completion(self, body: dict[str, Any]) -> dict[str, Any]:
        if self.server.trouble == "nonsense":
            return {"hello": "world"}
        tokens = len(json.dumps(body["messages"])) // 4
        message, reason = self._message(body)
        return {
            "id": "scripted", "object": "chat.completion", "created": 0, "model": MODEL,
            "choices": [{"index": 0, "message": {"role": "assistant", **message}, "finish_reason": reason}],
            "usage": {"prompt_tokens": tokens, "completion_tokens": 20, "total_tokens": tokens + 20},
        }  # fmt: skip

    def _message(self, body: dict[str, Any]) -> tuple[dict[str, Any], str]:
        wanted = "tools" if body.get("tools") else "json" if body.get("response_format") else ""
        if not wanted:
            return {"content": reflect(str(body["messages"][-1]["content"]), int(body.get("seed") or 0))}, "stop"
        if wanted != self.server.speaks:
            return {"content": "I am a simple model and just talk."}, "stop"
        calls = answer(read(body), self.server.mistakes)
        if wanted == "json":
            name, arguments = calls[0]
            return {"content": f'{{"call": {{"tool": "{name}", "arguments": {arguments}}}}}'}, "stop"
        found = [_tool_call(call, f"call-{len(body['messages'])}-{n}") for n, call in enumerate(calls)]
        return {"content": None, "tool_calls": found}, "tool_calls"

    def _send(self, found: _Answer) -> None:
        content = json.dumps(found.body).encode()
        cut = self.server.trouble == "cut" and self.command == "POST"
        self.send_response(found.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("retry-after-ms", "1")
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if cut else content)
        self.close_connection = cut

    def log_message(self, format: str, *args: Any) -> None:
        """A test server has nothing to say on standard error."""


def _failure(status: int, message: str) -> _Answer:
    return _Answer(status, {"error": {"message": message, "type": "scripted", "code": status}})


def _tool_call(call: Call, key: str) -> dict[str, Any]:
    name, arguments = call
    return {"id": key, "type": "function", "function": {"name": name, "arguments": arguments}}
