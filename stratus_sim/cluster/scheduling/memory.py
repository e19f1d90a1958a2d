"""What the scheduler remembers between two attempts, beside the objects."""

from __future__ import annotations

from bisect import bisect_left

import msgspec
from immutables import Map

from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.cluster.ordered import Ordered


class Memory(msgspec.Struct, frozen=True, gc=False):
    """`nominated` maps a pod to the node on which others made room for it (`status.nominatedNodeName`).

    `related` are the pods on nodes whose inter-pod terms bind newcomers too, `waiting` those that no node was found
    for because of other pods: one more pod on a node may let them fit.
    """

    nominated: Map[ObjectKey, str] = Map()
    related: Ordered[ObjectKey] = ()
    waiting: Ordered[ObjectKey] = ()


def holds(keys: Ordered[ObjectKey], key: ObjectKey) -> bool:
    """Whether a key is in a collection, however large that is."""
    at = bisect_left(keys, key, key=lambda run: run[-1])
    run = keys[at] if at < len(keys) else ()
    place = bisect_left(run, key)
    return place < len(run) and run[place] == key
