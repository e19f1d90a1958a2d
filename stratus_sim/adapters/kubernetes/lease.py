"""The write lock as a Lease (coordination.k8s.io/v1): `leaseTransitions` is the fencing token.

Every change of it names the resourceVersion it was decided on, so of two takers one is refused. A lease ends when its
holder has not renewed it for as long as it lasts; holder and taker must agree on the time to within a few seconds.
Source: kubernetes.io/docs/concepts/architecture/leases.
"""

from __future__ import annotations

from collections.abc import Collection

from stratus_sim.adapters.kubernetes.clock import Clock, from_micro_time, micro_time
from stratus_sim.adapters.kubernetes.connection import TIMEOUT_S, Connection, Refused
from stratus_sim.adapters.kubernetes.live import Json
from stratus_sim.errors import UserError
from stratus_sim.kernel import SECOND_US
from stratus_sim.transaction.cluster import Grant, StaleToken

NAME = "stratus-write-lock"
DURATION_S = 120
MARGIN_US = int(2 * sum(TIMEOUT_S)) * SECOND_US
"""How much of the lease must be left when a write is sent: more than the write can take."""

_TRIES = 5
"""How often the lock is taken away from a holder that renews it in between."""

_API = "coordination.k8s.io/v1"


class LeaseLock:
    """One lock for all agents that name the same namespace."""

    def __init__(self, connection: Connection, clock: Clock, namespace: str = "default") -> None:
        self._connection, self._clock, self._namespace = connection, clock, namespace
        self._folder = f"/apis/{_API}/namespaces/{namespace}/leases"
        self._path = f"{self._folder}/{NAME}"

    def acquire(self, agent: str) -> Grant | None:
        """Take the lock with a token one higher than the last; None while somebody holds it, or took it just now.

        Raises:
            UserError: the server does not answer, or does not let us.
        """
        found = self._read()
        if found is not None and self._held(found):
            return None
        token = (_token(found) if found else 0) + 1
        return Grant(agent, token) if self._store(found, agent, token) else None

    def release(self, grant: Grant) -> None:
        """Give the lock back, if this grant still has it."""
        found = self._read()
        if found is not None and _matches(found, grant):
            self._store(found, "", grant.token)

    def revoke(self, grants: Collection[Grant]) -> None:
        """Take the lock from whichever of these grants has it. Raises UserError when it is renewed all the time."""
        for _ in range(_TRIES):
            found = self._read()
            if found is None or not any(_matches(found, grant) for grant in grants):
                return
            self._store(found, "", _token(found))
        raise UserError(f"Lease {NAME} is being renewed all the time by the process that is to be fenced: end it")

    def check(self, grant: Grant) -> None:
        """Make sure that the lock is ours for as long as a write may take; renews it when it has to.

        Raises:
            StaleToken: it is not ours any more.
        """
        found = self._read()
        if found is None or not _matches(found, grant) or not self._held(found):
            raise StaleToken(f"{grant.agent} wrote with token {grant.token}, which is not the current one")
        if self._left_us(found) < max(MARGIN_US, DURATION_S * SECOND_US // 2):
            self._renew(found, grant)

    def _renew(self, found: Json, grant: Grant) -> None:
        if not self._store(found, grant.agent, grant.token):
            raise StaleToken(f"{grant.agent} lost the write lock while renewing it")

    def _held(self, found: Json) -> bool:
        return bool(found["spec"].get("holderIdentity")) and self._left_us(found) > 0

    def _left_us(self, found: Json) -> int:
        spec = found["spec"]
        lasts_us = int(spec.get("leaseDurationSeconds") or 0) * SECOND_US
        return from_micro_time(str(spec.get("renewTime") or "")) + lasts_us - self._clock.now_us()

    def _read(self) -> Json | None:
        try:
            found = self._connection.send("GET", self._path)
        except Refused as refused:
            if refused.status == 404:
                return None
            raise self._denied(refused) from None
        return {**found, "spec": found.get("spec") or {}}

    def _store(self, found: Json | None, holder: str, token: int) -> bool:
        """Whether the lease could be written as seen last."""
        now = micro_time(self._clock.now_us())
        spec = {**(found["spec"] if found else {}), "renewTime": now, "leaseDurationSeconds": DURATION_S}
        if found is None or _token(found) != token:
            spec["acquireTime"] = now
        spec |= {"holderIdentity": holder, "leaseTransitions": token}
        metadata = found["metadata"] if found else {"name": NAME, "namespace": self._namespace}
        body = {"apiVersion": _API, "kind": "Lease", "metadata": metadata, "spec": spec}
        try:
            self._connection.send("PUT" if found else "POST", self._path if found else self._folder, body)
        except Refused as refused:
            if refused.status == 409:
                return False
            raise self._denied(refused) from None
        return True

    def _denied(self, refused: Refused) -> UserError:
        lock = f"the write lock, Lease {NAME} in namespace {self._namespace}"
        return UserError(f"{lock}: {refused.message}; allow get, create and update")


def _token(found: Json) -> int:
    return int(found["spec"].get("leaseTransitions") or 0)


def _matches(found: Json, grant: Grant) -> bool:
    return found["spec"].get("holderIdentity") == grant.agent and _token(found) == grant.token
