"""The flows of the last minute, second by second: what happened then is told by the flows of then."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from stratus_sim.application import epochs
from stratus_sim.application.flow import Flows
from stratus_sim.kernel import SECOND_US

if TYPE_CHECKING:
    from stratus_sim.world import World


class Stretch(NamedTuple):
    """From `since_us` to before `until_us` requests fared as `flows` say."""

    since_us: int
    until_us: int
    flows: Flows


def stretches(world: World, back_us: int = epochs.KEPT_US) -> Iterator[Stretch]:
    """The stretches of time so far back, newest first. Of the second under way the flows are those of this instant."""
    oldest_us, until_us = max(0, world.now_us - back_us), world.now_us - world.now_us % SECOND_US
    yield Stretch(until_us, world.now_us, epochs.current(world))
    for since_us, flows in reversed(world.traffic.past):
        if until_us <= oldest_us:
            return
        if since_us < until_us:
            yield Stretch(max(since_us, oldest_us), until_us, flows)
            until_us = since_us
