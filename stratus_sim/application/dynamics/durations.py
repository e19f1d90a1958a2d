"""How long requests take, as histograms: counted by the mean of their epoch, spread around it when somebody looks.

In a queue with random arrivals and services the time a request spends is exponentially distributed around its mean
(M/M/1; Kleinrock, Queueing Systems I, 3.2), so of n requests n * (1 - exp(-t / mean)) take at most t.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Context, Decimal
from functools import lru_cache

from stratus_sim.application.dynamics.queueing import WHOLE

_DIGITS = 3
"""Binary digits of a mean that are kept: classes are at most an eighth apart from their middle."""
_EXACT = Context(prec=20)


@lru_cache(maxsize=65536)
def class_us(mean_us: int) -> int:
    """The middle of the class a mean falls into.

    >>> class_us(0), class_us(7), class_us(1000), class_us(1023), class_us(1024)
    (0, 7, 960, 960, 1152)
    """
    drop = max(0, mean_us.bit_length() - _DIGITS)
    return (mean_us >> drop << drop) + (1 << drop >> 1)


def within(durations: Mapping[int, int], limit_us: int) -> int:
    """How many of requests, counted by class, take at most `limit_us`. It never falls as counts grow.

    >>> within({1000: 500, 0: 3}, 1000)
    319
    """
    return sum(count * _share(mean_us, limit_us) // WHOLE for mean_us, count in durations.items())


@lru_cache(maxsize=65536)
def _share(mean_us: int, limit_us: int) -> int:
    """Parts per million; decimal arithmetic gives the same on every machine."""
    if not mean_us:
        return WHOLE
    return int(WHOLE * (1 - _EXACT.exp(-Decimal(limit_us) / Decimal(mean_us))))
