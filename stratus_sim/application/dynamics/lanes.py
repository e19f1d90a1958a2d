"""Pods of one workload that do not work alike: while an epoch is worked out, each lane of them is a workload by itself.

A Service spreads calls evenly over pods, however busy these are. So one that is slower than the others, as its node's
CPUs are taken or its limit is another, is overrun alone, and so is one that was left with a queue when others came.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from math import lcm
from typing import NamedTuple

from stratus_sim.application.dynamics.islands import Shape, shape_of
from stratus_sim.application.dynamics.plan import USER, Edge, Operation

Landed = tuple[tuple[int, str, int], ...]
"""Where tries of a link land: a workload of the island or NOWHERE, the error met on the way, and the weight of each."""
NOWHERE = -1


class Wide(NamedTuple):
    """A `shape` in which each lane is a workload: the numbers there of the `workloads` and `operations` of an island,
    by lane."""

    shape: Shape
    workloads: tuple[tuple[int, ...], ...]
    operations: tuple[tuple[int, ...], ...]


@lru_cache(maxsize=4096)
def widen(shape: Shape, lanes: tuple[int, ...]) -> Wide:
    """A shape with so many lanes of each workload; itself where each has one. Operations keep their order."""
    workloads = _numbered(lanes)
    operations = _numbered([1 if op.workload == USER else lanes[op.workload] for op in shape.operations])
    if len(operations) == sum(map(len, operations)):
        return Wide(shape, workloads, operations)
    wide = [
        Operation(workload, op.parallel, tuple([_edge(edge, workloads, operations) for edge in op.edges]))
        for op in shape.operations
        for workload in ((USER,) if op.workload == USER else workloads[op.workload])
    ]
    home = tuple([operation for of in shape.home for operation in operations[of]])
    return Wide(shape_of(tuple(wide), shape.policies, home), workloads, operations)


def spread(landed: Landed, wide: Wide, pods: Sequence[Sequence[int]]) -> Landed:
    """Where tries land when each lane has so many `pods`: on all of a workload's as often."""
    shares = [pods[number] if number != NOWHERE and len(pods[number]) > 1 else (1,) for number, _, _ in landed]
    whole = lcm(*map(sum, shares))
    return tuple(
        [
            (lane, error, weight * share * whole // sum(of))
            for (number, error, weight), of in zip(landed, shares, strict=True)
            for lane, share in zip((NOWHERE,) if number == NOWHERE else wide.workloads[number], of, strict=True)
        ]
    )


def _numbered(sizes: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """Numbers counted on, so many for each."""
    ends = [0]
    for size in sizes:
        ends.append(ends[-1] + size)
    return tuple([tuple(range(begin, end)) for begin, end in pairwise(ends)])


def _edge(edge: Edge, workloads: tuple[tuple[int, ...], ...], operations: tuple[tuple[int, ...], ...]) -> Edge:
    targets = [lane for w, o in edge.targets for lane in zip(workloads[w], operations[o], strict=True)]
    return edge._replace(targets=tuple(targets))
