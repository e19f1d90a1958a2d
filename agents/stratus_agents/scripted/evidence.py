"""What the scripted model gets out of a conversation: which tools were used, and the rows of the tables they gave."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

Row = dict[str, str]
_AGAIN = "you asked exactly this"


class Used(NamedTuple):
    """One tool call of the conversation and what came of it."""

    tool: str
    arguments: str
    result: str

    @property
    def line(self) -> str:
        """The kubectl line of the call, empty when it has none."""
        try:
            found = json.loads(self.arguments)
        except ValueError:
            return ""
        return str(found.get("line", "")) if isinstance(found, dict) else ""


class Talk(NamedTuple):
    """A conversation as the scripted model sees it."""

    system: str
    task: str
    used: tuple[Used, ...]
    offered: tuple[str, ...]
    seed: int
    turns: int

    @property
    def attempt(self) -> str:
        found = re.search(r"This is attempt (\d+)", self.task)
        return found[1] if found else "1"

    def seen(self, key: str) -> str | None:
        """The latest answer to a tool, or to a kubectl line, since time last passed; None when it was not asked."""
        answers = (u.result for u in reversed(self.recent) if key in (u.tool, u.line) and _AGAIN not in u.result)
        return next(answers, None)

    @property
    def recent(self) -> tuple[Used, ...]:
        """The calls since time last passed."""
        waits = [n for n, used in enumerate(self.used) if used.tool == "wait"]
        return self.used[waits[-1] + 1 :] if waits else self.used


def read(body: Mapping[str, Any]) -> Talk:
    """The conversation in a request for a chat completion, with tool calls or with JSON answers."""
    messages = body["messages"]
    answers = {m["tool_call_id"]: m["content"] for m in messages if m["role"] == "tool"}
    used: list[Used] = []
    for here, after in zip(messages, [*messages[1:], {}], strict=True):
        if here["role"] == "assistant" and here.get("tool_calls"):
            calls = [(c["id"], c["function"]) for c in here["tool_calls"]]
            used += [Used(f["name"], f["arguments"], answers.get(key, "")) for key, f in calls]
        elif here["role"] == "assistant":
            used += _spoken(str(here["content"]), str(after.get("content", "")))
    task = next((str(m["content"]) for m in messages if m["role"] == "user"), "")
    return Talk(
        str(messages[0]["content"]), task, tuple(used), tuple(_offered(body)), int(body.get("seed") or 0), len(messages)
    )


def _spoken(text: str, result: str) -> Iterable[Used]:
    try:
        call = json.loads(text)["call"]
        yield Used(call["tool"], json.dumps(call["arguments"]), result)
    except (ValueError, KeyError, TypeError):
        return


def _offered(body: Mapping[str, Any]) -> Iterable[str]:
    for tool in body.get("tools") or ():
        yield tool["function"]["name"]
    schema = (body.get("response_format") or {}).get("json_schema", {}).get("schema", {})
    for call in schema.get("properties", {}).get("call", {}).get("anyOf", ()):
        yield call["properties"]["tool"]["const"]


def rows(text: str | None) -> list[Row]:
    """The rows of the tables in a tool's answer, by column."""
    found: list[Row] = []
    header: list[str] = []
    for line in (text or "").splitlines():
        cells = re.split(r" {2,}", line.strip())
        if len(cells) > 1 and all(cell == cell.upper() and cell[0].isalpha() for cell in cells):
            header = cells
        elif header and len(cells) == len(header):
            found.append(dict(zip(header, cells, strict=True)))
        else:
            header = header if cells != [""] else []
    return found
