"""The traffic of an application as a topology file declares it."""

from __future__ import annotations

from typing import Literal

import msgspec

from stratus_sim.manifests.traffic import BreakerRule


class DeclaredStep(msgspec.Struct, frozen=True):
    """One call of a request, and the calls that makes in turn: those of `calls`, or each hard one once."""

    to: str
    times: int = 1
    parallel: bool = False
    calls: list[DeclaredStep] | None = None


class DeclaredRequest(msgspec.Struct, frozen=True):
    """A type of request: which Service it enters by, how often compared with the others, which calls it makes."""

    entry: str
    weight: int = 1
    parallel: bool = False
    calls: list[DeclaredStep] | None = None


class DeclaredLoad(msgspec.Struct, frozen=True):
    """Requests per second of all users together; `trace` gives them second by second, or the file that does."""

    rps: int | None = None
    arrivals: Literal["constant", "poisson"] = "constant"
    trace: list[int] | str | None = None
    repeat: bool = False


class DeclaredPolicy(msgspec.Struct, frozen=True, rename={"source": "from", "target": "to"}):
    """How a caller (a workload, or `users`) treats its calls of a Service."""

    source: str
    target: str
    timeout_ms: int | None = None
    retries: int = 0
    backoff_ms: int = 25
    budget_permille: int | None = None
    breaker: BreakerRule | None = None
