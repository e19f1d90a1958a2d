"""The write lock as a Lease: holder, expiry, and a token that only grows.

Follows coordination.k8s.io/v1 Lease: `leaseTransitions` is the fencing token. Source: kubernetes.io/docs/concepts/
architecture/leases; fencing after Kleppmann, "How to do distributed locking" (2016).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from stratus_sim.kernel import SECOND_US

if TYPE_CHECKING:
    from stratus_sim.world import World

DURATION_US = 1800 * SECOND_US


class Lease(msgspec.Struct, frozen=True):
    """`holder` is empty when nobody holds the lock; `token` is that of the latest grant."""

    holder: str = ""
    token: int = 0
    expires_us: int = 0


def acquire(world: World, agent: str) -> int | None:
    """Grant the lock to `agent` with a fresh token, unless somebody holds it; return the token."""
    lease = world.cluster.lease
    if lease.holder and lease.expires_us > world.now_us:
        return None
    world.cluster.lease = Lease(agent, lease.token + 1, world.now_us + DURATION_US)
    return lease.token + 1


def release(world: World, agent: str, token: int) -> None:
    if current(world, agent, token):
        world.cluster.lease = Lease("", token, world.now_us)


def expire(world: World) -> None:
    """End the present lease, as when its holder stopped renewing it."""
    world.cluster.lease = msgspec.structs.replace(world.cluster.lease, expires_us=world.now_us)


def current(world: World, agent: str, token: int) -> bool:
    """Whether `agent` holds the lock with this token and the lease has not run out."""
    lease = world.cluster.lease
    return lease.holder == agent and lease.token == token and lease.expires_us > world.now_us
