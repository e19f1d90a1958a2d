"""What traffic in motion remembers from one epoch to the next, and what one epoch counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from stratus_sim.application.dynamics.durations import class_us
from stratus_sim.application.dynamics.policies import CLOSED, Breaker
from stratus_sim.application.dynamics.queueing import WHOLE


class Motion(msgspec.Struct, frozen=True):
    """By operation: thousandths of requests that wait in `queues`, `demand` of the last epoch (which shares a
    workload's room out), and how a request fares: the share (ppm) whose calls succeed and its time without waiting.
    By link: the share (ppm) of tries that failed, and its breaker. By workload: its pods, whose queues go with them."""

    queues: tuple[int, ...]
    demand: tuple[int, ...]
    success: tuple[int, ...]
    busy_us: tuple[int, ...]
    failing: tuple[int, ...]
    breakers: tuple[Breaker, ...]
    pods: tuple[int, ...]

    @classmethod
    def still(cls, operations: int, links: int, pods: tuple[int, ...]) -> Motion:
        """Before the first request."""
        none = (0,) * operations
        return cls(none, none, (WHOLE,) * operations, none, (0,) * links, (CLOSED,) * links, pods)


class Tally(msgspec.Struct, frozen=True):
    """What one epoch counted, in thousandths of requests: flat, so that adding costs little (see `counters`).

    `counts` are WORKLOAD_FIELDS of each workload of the plan, then LINK_FIELDS of each link. `errors` are by place (a
    workload, or a link after all workloads) and text; `durations` by place and mean time in that epoch (a class of
    `durations.class_us`).
    """

    counts: tuple[int, ...]
    errors: Mapping[tuple[int, str], int]
    durations: Mapping[tuple[int, int], int]


def durations_of(counts: Sequence[int], workloads: int) -> dict[tuple[int, int], int]:
    """What of the counts of an epoch took how long in the mean; what did not happen took no time."""
    size = workloads * len(WORKLOAD_FIELDS)
    numbers = [*counts[:size:_WIDE], *counts[size::_NARROW]]
    latencies = [*counts[_WIDE - 1 : size : _WIDE], *counts[size + _NARROW - 1 :: _NARROW]]
    found = enumerate(zip(numbers, latencies, strict=True))
    return {(place, class_us(latency // number)): number for place, (number, latency) in found if number}


WORKLOAD_FIELDS = ("arrived", "succeeded", "shed", "latency")
LINK_FIELDS = ("tried", "succeeded", "latency")
_WIDE, _NARROW = len(WORKLOAD_FIELDS), len(LINK_FIELDS)
"""How many fields a workload and a link have: the first says how many requests, the last how long they took."""
