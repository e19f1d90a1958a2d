"""Events as the API server has them when somebody asks: for an hour, similar ones put together.

Follows `--event-ttl` (kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver: 1h) and client-go's
event correlator (pkg.go.dev/k8s.io/client-go/tools/record#EventCorrelator): the same words about the same object are
counted, which `events.emit` does; of different words for the same reason the tenth and those after it within ten
minutes of each other become one, in the words of the latest. What nobody reads is neither expired nor put together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from msgspec.structs import replace

from stratus_sim.cluster.kubelet.repeats import counted
from stratus_sim.cluster.objects import EventRecord, ObjectKey
from stratus_sim.kernel import SECOND_US

if TYPE_CHECKING:
    from stratus_sim.world import World

TTL_US = 3600 * SECOND_US
COMBINED = "(combined from similar events): "
_SIMILAR = 10
"""So many different messages are one event."""
_SPAN_US = 600 * SECOND_US
"""Who has been quiet for so long begins anew."""

Mark = tuple[ObjectKey, str, str]
"""What one Event is about: the object, the reason, and the message, or the note that there were several."""


def recent(world: World) -> dict[Mark, EventRecord]:
    """The Events there are to be read now, in no order that means anything."""
    alike: dict[tuple[ObjectKey, str, str], list[EventRecord]] = {}
    for event in (counted(world, event) for event in world.cluster.events.values()):
        alike.setdefault((event.involved, event.reason, event.type), []).append(event)
    told = (one for similar in alike.values() for one in (_combined(similar) if len(similar) >= _SIMILAR else similar))
    return {mark_of(event): event for event in told if world.now_us - event.last_us <= TTL_US}


def mark_of(event: EventRecord) -> Mark:
    """What an Event that was read is about."""
    message = COMBINED if event.message.startswith(COMBINED) else event.message
    return event.involved, event.reason, message


def _combined(similar: Iterable[EventRecord]) -> Iterator[EventRecord]:
    """The events of one reason about one object: the first nine of each busy time, and one for the rest of them all."""
    known, until_us = 0, 0
    rest: list[EventRecord] = []
    for event in sorted(similar, key=lambda event: (event.first_us, event.message)):
        known = 1 if event.first_us - until_us > _SPAN_US else known + 1
        until_us = max(until_us, event.last_us)
        if known < _SIMILAR:
            yield event
        else:
            rest.append(event)
    if rest:
        yield _sum(rest)


def _sum(rest: list[EventRecord]) -> EventRecord:
    latest = max(rest, key=lambda event: (event.last_us, event.first_us))
    count = sum(event.count for event in rest)
    return replace(latest, message=COMBINED + latest.message, count=count, first_us=rest[0].first_us)
