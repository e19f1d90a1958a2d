"""What traffic remembers from one epoch to the next, and what one epoch counted."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from stratus_sim.application.dynamics.policies import Breaker
from stratus_sim.application.dynamics.retries import Due, Failing
from stratus_sim.application.flow import Crew, WorkloadFlow

Sparse = tuple[tuple[int, int], ...]
"""Figures by number, in order, of those that are not as they are before the first request."""
Crews = tuple[tuple[int, tuple[Crew, ...]], ...]
"""By workload of an island, of those with several lanes and those where requests wait, who is in each lane."""


class Motion(NamedTuple):
    """What an epoch of an island leaves to the next one; at rest with nothing broken that is nothing.

    By operation: thousandths of requests that wait in `queues`; where several share a workload's room, their `demand`;
    where as many are worked on at once as there are slots, the time one takes, `busy_us`. By operation and place of an
    edge, the share (ppm) of its hard calls that pass, `passing`, and tries that are `due` again. By link: what share is
    `failing` of tries that may be made again, and the breakers. `lost` are those that waited, by
    operation, for pods that are gone since.

    Workloads and operations are those of a wide shape, in which each lane is one (see `lanes`).
    """

    queues: Sparse = ()
    demand: Sparse = ()
    busy_us: Sparse = ()
    passing: tuple[tuple[tuple[int, int], int], ...] = ()
    due: Due = ()
    failing: tuple[tuple[int, Failing], ...] = ()
    breakers: tuple[tuple[int, Breaker], ...] = ()
    lost: Sparse = ()


STILL = Motion()


class Tally(msgspec.Struct, frozen=True):
    """What a second counted, in thousandths of requests, by place: a workload, or a link after all workloads.

    `counts` are WORKLOAD_FIELDS or LINK_FIELDS of each place, `errors` by place and text, `durations` by place and mean
    time (a class of `durations.class_us`).
    """

    counts: tuple[tuple[int, ...], ...]
    errors: tuple[tuple[tuple[int, str], int], ...]
    durations: tuple[tuple[tuple[int, int], int], ...]


class LinkFlow(NamedTuple):
    """A link as its client sees it; of users, what became of their requests. Fields as in `CallFlow`."""

    rate: int
    success_permille: int
    latency_us: int
    error: str


class Outcome(msgspec.Struct, frozen=True):
    """An epoch of an island, by its own numbers: what it leaves behind (breakers aside), counted, and shows.

    `met` are the tries and failures of links with a breaker; `workloads` and `links` the flows, `lanes` those of
    workloads that have several. `erring` and `slow` are places of what fails or lags too much, `late` the workloads
    that take more than a second to answer even a probe.
    """

    motion: Motion
    tally: Tally
    met: tuple[tuple[int, int, int], ...]
    workloads: tuple[WorkloadFlow, ...]
    lanes: tuple[tuple[int, tuple[WorkloadFlow, ...]], ...]
    links: tuple[LinkFlow, ...]
    erring: tuple[int, ...]
    slow: tuple[int, ...]
    late: tuple[int, ...]


WORKLOAD_FIELDS = ("arrived", "succeeded", "shed", "latency")
LINK_FIELDS = ("tried", "succeeded", "latency")
