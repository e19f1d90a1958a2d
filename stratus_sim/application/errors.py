"""What a client prints when a request fails, and how long it takes to find out."""

from __future__ import annotations

from stratus_sim.cluster.dns import UNANSWERED
from stratus_sim.cluster.ingress import GATEWAY_TIMEOUT

UPSTREAM = "503 from upstream"
"""The server answers that it cannot: its queue is full, or a call of its own has failed."""
REFUSED = "connection refused"
RESET = "connection reset by peer"
"""The server went away with the request."""
TIMED_OUT = "deadline exceeded"
BREAKER_OPEN = "circuit breaker is open"
TIMEOUT_US = 1_000_000
REFUSAL_US = 1_000


def found_out_us(error: str, timeout_us: int = TIMEOUT_US) -> int:
    """How long a client takes to learn of an error met on the way."""
    unanswered = error in (TIMED_OUT, GATEWAY_TIMEOUT) or error.startswith(UNANSWERED)
    return timeout_us if unanswered else REFUSAL_US
