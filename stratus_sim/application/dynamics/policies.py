"""What a client does about failure: how often it tries again, and when it stops to try."""

from __future__ import annotations

from enum import Enum

import msgspec

from stratus_sim.application.dynamics.queueing import WHOLE
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.traffic import BreakerRule, Policy

MILLI = 1000


class Phase(Enum):
    """Of a circuit breaker: requests pass, none does, a few find out."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Breaker(msgspec.Struct, frozen=True):
    """A breaker and what it has counted since `since_us`: `tried` and `failed`, in thousandths of requests."""

    phase: Phase = Phase.CLOSED
    since_us: int = 0
    tried: int = 0
    failed: int = 0


CLOSED = Breaker()


def waiting(breaker: Breaker) -> bool:
    """Whether time alone will change it: until it probes, or until what it has counted is out of date."""
    return breaker.phase is Phase.OPEN or breaker.tried > 0


def allowance(policy: Policy, breaker: Breaker) -> int | None:
    """How many thousandths of requests may pass this epoch; None for all."""
    if policy.breaker is None or breaker.phase is Phase.CLOSED:
        return None
    return MILLI * policy.breaker.probes if breaker.phase is Phase.HALF_OPEN else 0


def made(times: int, passing: int) -> int:
    """How many of `times` calls (ppm) one request makes, when each passes with a share (ppm) and it ends with the first
    that does not.

    >>> made(3, 1_000_000), made(3, 500_000), made(1, 0)
    (3000000, 1750000, 1000000)
    """
    return times * WHOLE if passing == WHOLE else sum(all_of(number, passing) for number in range(times))


def all_of(times: int, passing: int) -> int:
    """The share (ppm) of requests of which so many calls all pass."""
    return passing if times == 1 else int(passing**times // WHOLE ** (times - 1)) if times else WHOLE


def backed_off_us(policy: Policy, tries: int, first: int) -> int:
    """How long a request pauses between its tries in the mean, each pause twice as long as the one before."""
    extra = MILLI * (tries - first) // first if first else 0
    whole, part = divmod(extra, MILLI)
    return policy.backoff_us * ((1 << whole) - 1) + policy.backoff_us * (1 << whole) * part // MILLI


def observe(rule: BreakerRule, breaker: Breaker, tried: int, failed: int, now_us: int) -> Breaker:
    """The breaker after an epoch in which so many were tried and so many of them failed."""
    if breaker.phase is Phase.OPEN:
        waited = now_us - breaker.since_us >= rule.open_s * SECOND_US
        return Breaker(Phase.HALF_OPEN, now_us) if waited else breaker
    if breaker.phase is Phase.HALF_OPEN:
        return _probed(breaker, tried, failed, now_us)
    return _counted(rule, breaker, tried, failed, now_us)


def _probed(breaker: Breaker, tried: int, failed: int, now_us: int) -> Breaker:
    if not tried:
        return breaker
    return Breaker(Phase.OPEN, now_us) if failed else CLOSED


def _counted(rule: BreakerRule, breaker: Breaker, tried: int, failed: int, now_us: int) -> Breaker:
    """Counts begin with the first failure and are cleared at the end of the window."""
    if not breaker.tried and not failed:
        return CLOSED
    begun_us = breaker.since_us if breaker.tried else now_us
    tried, failed = breaker.tried + tried, breaker.failed + failed
    if tried >= MILLI * rule.requests and failed * 1000 >= tried * rule.error_permille:
        return Breaker(Phase.OPEN, now_us)
    over = now_us - begun_us >= rule.window_s * SECOND_US
    return CLOSED if over else Breaker(Phase.CLOSED, begun_us, tried, failed)
