"""What a client prints when a request fails, and how long it takes to find out."""

from __future__ import annotations

from stratus_sim.cluster.dns import MISBEHAVING, NO_SUCH_HOST, UNANSWERED
from stratus_sim.cluster.ingress import BAD_GATEWAY, GATEWAY_TIMEOUT, NOT_FOUND, UNAVAILABLE

UPSTREAM = "503 from upstream"
"""The server answers that it cannot: its queue is full, or a call of its own has failed."""
REFUSED = "connection refused"
RESET = "connection reset by peer"
"""The server went away with the request."""
TIMED_OUT = "deadline exceeded"
BREAKER_OPEN = "circuit breaker is open"
TIMEOUT_US = 1_000_000
REFUSAL_US = 1_000
_AT_THE_DOOR = (NOT_FOUND, BAD_GATEWAY, UNAVAILABLE, GATEWAY_TIMEOUT)
_STOPPED = (REFUSED, TIMED_OUT, BREAKER_OPEN, NO_SUCH_HOST, MISBEHAVING, UNANSWERED, *_AT_THE_DOOR)


def stopped(error: str) -> bool:
    """Whether who meets this error has not reached a server: no name, no connection, or no way through an Ingress."""
    return error.startswith(_STOPPED)


def found_out_us(error: str, timeout_us: int = TIMEOUT_US) -> int:
    """How long a client takes to learn of an error met on the way."""
    unanswered = error in (TIMED_OUT, GATEWAY_TIMEOUT) or error.startswith(UNANSWERED)
    return timeout_us if unanswered else REFUSAL_US
