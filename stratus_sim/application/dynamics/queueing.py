"""Queues of one epoch as a fluid: what is served, what waits, what is turned away, and who waits too long."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from stratus_sim.kernel import SECOND_US

WHOLE = 1_000_000
"""Shares are integers in parts per million."""


class Turn(NamedTuple):
    """One epoch of a queue, in thousandths of requests; `served + shed + lost + queue` is what there was."""

    served: int
    shed: int
    lost: int
    queue: int


def turn(queued: int, arriving: int, room: int, bound: int) -> Turn:
    """Serve up to `room` in order of arrival; of the rest `bound` may wait. Who comes last is turned away first.

    >>> turn(queued=50, arriving=100, room=80, bound=60)
    Turn(served=80, shed=10, lost=0, queue=60)
    >>> turn(queued=90, arriving=0, room=10, bound=60)
    Turn(served=10, shed=0, lost=20, queue=60)
    """
    served = min(queued + arriving, room)
    left = queued + arriving - served
    over = max(0, left - bound)
    shed = min(arriving, over)
    return Turn(served, shed, over - shed, left - over)


def wait_us(queue: int, room: int) -> int:
    """How long the last of a queue waits where `room` requests are served in a second."""
    return queue * SECOND_US // room if room else 0


def in_time(shortest_us: int, longest_us: int, limit_us: int) -> int:
    """The share of requests answered within the limit, when answers take evenly from the shortest to the longest.

    >>> in_time(500, 1500, 1000), in_time(1, 2, 3), in_time(7, 5, 4)
    (500000, 1000000, 0)
    """
    low, high = sorted((shortest_us, longest_us))
    if high <= limit_us:
        return WHOLE
    return WHOLE * (limit_us - low) // (high - low) if low < limit_us else 0


def split(amount: int, parts: Sequence[int]) -> list[int]:
    """An amount in proportion to `parts`, whole numbers that sum to it.

    >>> split(10, [1, 1, 1]), split(0, [2, 3])
    ([3, 3, 4], [0, 0])
    """
    found, rest = [], sum(parts)
    for part in parts:
        share = amount * part // rest if rest else 0
        found.append(share)
        amount, rest = amount - share, rest - part
    return found
