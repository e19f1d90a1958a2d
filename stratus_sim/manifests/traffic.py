"""What users ask for and how callers bear failure: request types, load, and policies of calls.

Policies follow what clients and meshes offer: per-try timeouts and retries (envoyproxy.io/docs, "retry_policy"), retry
budgets as a share of requests (linkerd.io/2/reference/retries), breakers as in github.com/sony/gobreaker.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from stratus_sim.manifests.calls import Call

USERS = "users"
"""The caller of requests that enter from outside; no workload is called so, their keys contain a slash."""
CALL_TIMEOUT_US, USERS_TIMEOUT_US = 1_000_000, 15_000_000
"""How long a workload waits for a call, and a user for an answer (the default timeout of Envoy's routes)."""
FOREVER_US = 1 << 62
DEFAULT_QUEUE = 100
"""Requests that may wait in one replica of an application whose traffic is declared."""
STANDING_S = 180
"""An application stands so long after its manifests were applied; then a trace begins whose first figure held."""


class BreakerRule(msgspec.Struct, frozen=True):
    """Opens when, of at least `requests` in a window, `error_permille` have failed; probes after `open_s`."""

    error_permille: int = 500
    window_s: int = 10
    requests: int = 20
    open_s: int = 10
    probes: int = 1


@dataclass(frozen=True, slots=True)
class Step:
    """A call and how often it is made; `calls` are the callee's, None for each hard one once."""

    call: Call
    times: int
    parallel: bool
    calls: tuple[Step, ...] | None


@dataclass(frozen=True, slots=True)
class RequestType:
    """What one kind of request does. `service` is the key of the Service it enters by."""

    name: str
    service: str
    weight: int = 1
    parallel: bool = False
    calls: tuple[Step, ...] | None = None


@dataclass(frozen=True, slots=True)
class Load:
    """Requests per second of all users; None stands for the default at each entry point. `trace` goes before `rps`."""

    rps: int | None = None
    poisson: bool = False
    trace: tuple[int, ...] = ()
    repeat: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """How a caller bears failure; times in microseconds. At most `budget_permille` retries per 1,000 requests.

    Who is `patient` waits `timeout_us` for a connection, and for an answer as long as it takes.
    """

    timeout_us: int = CALL_TIMEOUT_US
    retries: int = 0
    backoff_us: int = 0
    budget_permille: int | None = None
    breaker: BreakerRule | None = None
    patient: bool = False

    @property
    def limit_us(self) -> int:
        """How long it waits for an answer."""
        return FOREVER_US if self.patient else self.timeout_us


@dataclass(frozen=True, slots=True)
class Traffic:
    """The traffic of an application; `policies` by caller (or `users`) and Service.

    Of what no policy and no profile says: `users` and other `clients` bear failure so, and so many requests may wait in
    one replica's `queue`.
    """

    types: tuple[RequestType, ...] = ()
    load: Load = Load()
    policies: Mapping[tuple[str, str], Policy] = field(default_factory=dict)
    users: Policy = Policy(USERS_TIMEOUT_US)
    clients: Policy = Policy()
    queue: int = DEFAULT_QUEUE

    def policy(self, source: str, service: str) -> Policy:
        """The policy of a caller's calls of a Service."""
        return self.policies.get((source, service), self.users if source == USERS else self.clients)


UNDECLARED = Traffic(users=Policy(patient=True), clients=Policy(patient=True), queue=0)
"""Of an application whose topology declares none: nobody gives up or tries again, and what a replica has no room for is
turned away at once. Nothing says what its buffers hold, and an overload without them ends with its cause."""
