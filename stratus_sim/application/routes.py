"""The routes of one epoch, with stamps of what they were read from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from immutables import Map

from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.manifests.calls import Call


class Hop(NamedTuple):
    """One place where a call may land: the workload reached, or the error met on the way."""

    workload: str
    error: str = ""


REFUSED = Hop("", "connection refused")

Hops = Mapping[Hop, int]
"""Where requests land, and which share of them: so many parts of the sum. In order of pods."""
Address = tuple[str, int | None]
Stamp = tuple[Any, ...]


class Serving(NamedTuple):
    """The pods of a workload that serve, the CPU they may use together, and how long they make a request wait for it.

    `throttled_us` is the mean over the pods.
    """

    stamp: Stamp
    pods: tuple[Resource, ...]
    millicores: int
    throttled_us: int


class Landing(NamedTuple):
    """Where requests to one port of a Service land."""

    slice: Resource
    owners: tuple[ObjectKey, ...]
    stamp: Stamp
    hops: Hops


class Dialled(NamedTuple):
    """The addresses the pods of `caller` dial for one call: how many of them, and the labels of the first."""

    caller: Serving
    addresses: Mapping[Address, tuple[int, Mapping[str, str]]]


class Routes(NamedTuple):
    """What was found in an epoch.

    All of it is void once a node falls silent or comes back, a Service comes, goes or changes, or chaos strikes.
    """

    services: frozenset[str]
    serving: Map[str, Serving] = Map()
    landings: Map[tuple[str, int | None], Landing] = Map()
    dialled: Map[Call, Dialled] = Map()
