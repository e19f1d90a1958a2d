"""Spans as tracing libraries write them."""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal["server", "client"]


class Span(NamedTuple):
    """One side of one call. Times are in microseconds since the world began; `parent_id` is empty for a root.

    `service` is the workload that wrote it (`namespace/name`), `pod` the one of its pods. `error` is what it says went
    wrong, empty when nothing did; `status` the HTTP status code a server answered with, 0 for a client.
    """

    trace_id: str
    span_id: str
    parent_id: str
    kind: Kind
    service: str
    pod: str
    operation: str
    start_us: int
    duration_us: int
    error: str = ""
    status: int = 0

    @property
    def end_us(self) -> int:
        return self.start_us + self.duration_us


Trace = tuple[Span, ...]
"""The spans of one request, parents before their children."""
