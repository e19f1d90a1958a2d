"""What the server answers with: JSON, text, a stream of watch events, or a Kubernetes Status that says no.

Source: Kubernetes API conventions, "Response Status Kind".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from stratus_sim.telemetry.render import Json

NOT_FOUND = "the server could not find the requested resource"
_REASONS = {
    400: "BadRequest", 403: "Forbidden", 404: "NotFound", 405: "MethodNotAllowed", 406: "NotAcceptable",
    409: "Conflict", 410: "Expired", 411: "BadRequest", 413: "RequestEntityTooLarge", 415: "UnsupportedMediaType",
    422: "Invalid", 429: "TooManyRequests", 500: "InternalError", 504: "Timeout",
}  # fmt: skip


class Refusal(Exception):
    """A request that is not carried out; nothing was changed. `reason` is a Kubernetes StatusReason."""

    def __init__(self, code: int, message: str, *, reason: str = "", details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason or _REASONS.get(code, "Unknown")
        self.details = dict(details or {})

    def status(self) -> Json:
        """The Status object a client gets."""
        return {
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": str(self),
            "reason": self.reason, "details": self.details, "code": self.code,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply in one piece; `body` is JSON, or text as it is."""

    body: Json | str
    code: int = 200
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Stream:
    """A reply that goes on: JSON documents, one a line, or text as it is; None where nothing happens for a while."""

    documents: Iterator[Json | str | None]
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Request:
    """One request as the routes read it. `parameters` holds the last value of each query parameter."""

    method: str
    path: tuple[str, ...]
    parameters: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def header(self, name: str) -> str:
        """A header by its lower-case name, empty when it was not sent."""
        return self.headers.get(name, "")

    def flag(self, name: str) -> bool:
        return self.parameters.get(name, "").lower() in ("true", "1")

    @property
    def writer(self) -> str:
        """Who writes, as the audit log and Kubernetes' managed fields name them."""
        return self.parameters.get("fieldManager") or self.header("user-agent").partition("/")[0] or "unknown"


def success(message_details: Mapping[str, Any]) -> Json:
    """The Status for a deletion that happened."""
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": dict(message_details)}


def not_allowed(request: Request) -> Refusal:
    return Refusal(405, f"the server does not allow {request.method} on the requested resource")
