"""What a language model is to an agent: a conversation and tools go in, a reply comes out.

Replies are plain data. They are recorded, and an episode is played again from them without a model.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import msgspec

from stratus_agents.tools import Tool
from stratus_sim.testing.policy import Unavailable


class Call(msgspec.Struct, frozen=True):
    """A tool the model wants to use. `arguments` is the text the model wrote: JSON, if all is well."""

    id: str
    name: str
    arguments: str


class Reply(msgspec.Struct, frozen=True):
    """One answer of a model: text, tool calls, and what it cost. `truncated`: it ran into its limit of tokens."""

    text: str = ""
    calls: tuple[Call, ...] = ()
    tokens: int = 0
    elapsed_ms: int = 0
    truncated: bool = False


class Told(msgspec.Struct, frozen=True):
    """What the model is told: the result of call `id`, or, without one, something from the runtime."""

    text: str
    id: str = ""


Turn = Reply | Told


class Request(msgspec.Struct, frozen=True):
    """Everything a model is given: who it is, what was said so far, and which tools it may name."""

    agent: str
    system: str
    turns: Sequence[Turn]
    tools: Sequence[Tool]
    seed: int


class Model(Protocol):
    """A language model behind some endpoint."""

    def reply(self, request: Request) -> Reply:
        """The next turn.

        Raises:
            Unavailable: the model cannot be reached, refuses, or does not speak the protocol.
        """


class Recorded:
    """The replies of a recorded episode, in order: what replaces the model when it is played again."""

    def __init__(self, events: Iterable[dict[str, Any]]) -> None:
        found = [event for event in events if event["kind"] == "model.reply"]
        self._replies = iter([(e["agent"], msgspec.convert(e["reply"], Reply)) for e in found])

    def reply(self, request: Request) -> Reply:
        agent, reply = next(self._replies, ("nobody", Reply()))
        if agent != request.agent:
            raise Unavailable(f"the recording has no further reply for {request.agent!r}: the crew has changed since")
        return reply
