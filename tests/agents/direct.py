"""The scripted model without a server between: what takes minutes of HTTP takes seconds."""

from __future__ import annotations

from stratus_agents.endpoint import _tool_request
from stratus_agents.models import Call, Reply, Request
from stratus_agents.scripted import MODEL
from stratus_agents.scripted.evidence import read
from stratus_agents.scripted.mind import NO_MISTAKES, answer


class Direct:
    """Answers as the scripted server does to the request the `openai` client would send."""

    def reply(self, request: Request) -> Reply:
        body = {"model": MODEL, "seed": request.seed, **_tool_request(request)}
        found = answer(read(body), NO_MISTAKES)
        key = len(body["messages"])
        return Reply(calls=tuple(Call(f"call-{key}-{n}", *call) for n, call in enumerate(found)))
