"""`GET .../pods/NAME/log`: what a container wrote, and with `follow` what it goes on to write.

Source: the PodLogOptions of the API reference; kubernetes.io/docs/reference/kubectl/generated/kubectl_logs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from stratus_sim.cluster.objects import Resource
from stratus_sim.kernel import SECOND_US
from stratus_sim.serve.answers import Answer, Refusal, Request, Stream
from stratus_sim.serve.calendar import Calendar
from stratus_sim.serve.history import History
from stratus_sim.telemetry import logs
from stratus_sim.telemetry.logs.entries import Entry
from stratus_sim.telemetry.render import timestamp

if TYPE_CHECKING:
    from stratus_sim.world import World

POLL_S = 0.2
"""Wall-clock seconds after which a follower looks for new lines: time passes here without anybody being told."""
_TEXT = "text/plain"


class PodLog:
    """The log one request asks for; create and read it with the lock held."""

    def __init__(self, world: World, calendar: Calendar, pod: Resource, request: Request) -> None:
        """Raises Refusal: 400, the pod is on no node, the container has no log, an option that nobody can read."""
        self._world, self._calendar, self._pod = world, calendar, pod
        self._container, self._previous = request.parameters.get("container"), request.flag("previous")
        if not pod.status.node:
            raise Refusal(400, f'pod "{pod.key.name}" is not on a node yet')
        if problem := logs.refusal(world, pod, self._container, previous=self._previous):
            raise Refusal(400, problem)
        self._tail, self._most = _number(request, "tailLines"), _number(request, "limitBytes")
        self._since_us = self._begin_us(request)
        self._stamped, self._follows = request.flag("timestamps"), request.flag("follow") and not self._previous

    def answer(self, history: History, ended: Callable[[], bool]) -> Answer | Stream:
        """What there is to read now, or that and what follows until the container or the server ends."""
        found = [entry for entry in self._entries() if entry.at_us >= self._since_us]
        kept = found if self._tail is None else found[max(0, len(found) - self._tail) :]
        text = self._text(kept)
        if self._follows:
            return Stream(self._following(text, found[-1].at_us if found else -1, history, ended), _TEXT)
        return Answer(text if self._most is None else text[: self._most], content_type=_TEXT)

    def _following(self, text: str, last_us: int, history: History, ended: Callable[[], bool]) -> Iterator[str | None]:
        yield text or None
        started_us, goes_on = self._started_us(), True
        while goes_on and not ended():
            with history.changed:
                history.changed.wait(POLL_S)
                goes_on = self._started_us() == started_us
                fresh = [entry for entry in self._entries() if entry.at_us > last_us]
                last_us = fresh[-1].at_us if fresh else last_us
                text = self._text(fresh)
            yield text or None

    def _started_us(self) -> int | None:
        """When the container began that runs now, None once it has ended or its pod is gone."""
        pod = self._world.store.get(self._pod.key)
        if pod is None or pod.uid != self._pod.uid:
            return None
        one = logs.status_of(pod, self._container or logs.serving_container(self._world, pod))
        return one.started_us if one is not None and one.state == "running" else None

    def _entries(self) -> list[Entry]:
        return logs.entries(self._world, self._pod.key, self._container, previous=self._previous)

    def _begin_us(self, request: Request) -> int:
        seconds, moment = _number(request, "sinceSeconds"), request.parameters.get("sinceTime", "")
        if moment:
            try:
                wanted, now = datetime.fromisoformat(moment), datetime.fromisoformat(self._calendar.now())
                return self._world.now_us - round((now - wanted).total_seconds() * SECOND_US)
            except (ValueError, TypeError):
                raise Refusal(400, f"sinceTime {moment!r}: expected an RFC 3339 time") from None
        return 0 if seconds is None else self._world.now_us - seconds * SECOND_US

    def _text(self, found: list[Entry]) -> str:
        return "".join(f"{self._stamp(entry)}{self._calendar.line(entry.line())}\n" for entry in found)

    def _stamp(self, entry: Entry) -> str:
        """When the runtime took the line, to the nanosecond as it writes it."""
        if not self._stamped:
            return ""
        return f"{self._calendar.dated(timestamp(entry.at_us)).removesuffix('Z')}.{entry.at_us % SECOND_US:06}000Z "


def _number(request: Request, name: str) -> int | None:
    """Raises Refusal, 400, for what is no whole number from 0."""
    text = request.parameters.get(name, "")
    if text and not text.isdecimal():
        raise Refusal(400, f"{name} {text!r}: expected a whole number")
    return int(text) if text else None
