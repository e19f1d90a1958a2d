"""Watches: what is there, then what changes, until the client or the server has had enough.

Source: kubernetes.io/docs/reference/using-api/api-concepts ("Efficient detection of changes", "Watch bookmarks").
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from stratus_sim.serve.answers import Refusal, Request
from stratus_sim.serve.history import History, told
from stratus_sim.serve.kinds import Kind
from stratus_sim.serve.selecting import Test
from stratus_sim.telemetry.render import Json

IDLE_S = 5.0
"""Wall-clock seconds without a change after which a watcher hears a bookmark, and the server looks for it."""
LONGEST_S = 3600.0
_INITIAL_END = {"k8s.io/initial-events-end": "true"}


class Watch:
    """One watch; create it with the lock held, at the instant it begins."""

    def __init__(
        self,
        history: History,
        kind: Kind,
        namespace: str | None,
        test: Test,
        ended: Callable[[], bool],
        request: Request,
    ) -> None:
        """Raises Refusal: 410 for a version that is forgotten, 400 for one that is no number."""
        version = request.parameters.get("resourceVersion", "")
        if version and not version.isdecimal():
            raise Refusal(400, f"resourceVersion {version!r}: expected a number a list or an object showed")
        self.from_now = request.flag("sendInitialEvents") or version in ("", "0")
        self._history, self._kind, self._namespace, self._test = history, kind, namespace, test
        self._position = history.count if self.from_now else history.position(int(version))
        self._version = history.version
        self._ended = ended
        self._bookmarks = request.flag("allowWatchBookmarks")
        self._marks_start = request.flag("sendInitialEvents")
        seconds = request.parameters.get("timeoutSeconds", "")
        self._deadline = time.monotonic() + min(LONGEST_S, float(seconds) if seconds.isdecimal() else LONGEST_S)

    def events(self, initial: list[Json]) -> Iterator[Json | None]:
        """Watch events as they happen; None now and then when nothing does."""
        yield from ({"type": "ADDED", "object": item} for item in initial)
        if self._marks_start:
            yield self._bookmark(_INITIAL_END)
        while not self._ended() and time.monotonic() < self._deadline:
            try:
                found = self._next()
            except Refusal as refusal:
                yield {"type": "ERROR", "object": refusal.status()}
                return
            yield from found
            if not found:
                yield self._bookmark() if self._bookmarks else None
        if self._bookmarks and not self._ended():
            yield self._bookmark()

    def _next(self) -> list[Json]:
        """The events since the last call, after a while at the latest."""
        with self._history.changed:
            if self._history.count == self._position and not self._ended():
                self._history.changed.wait(max(0.0, min(IDLE_S, self._deadline - time.monotonic())))
            changes = self._history.since(self._position)
            self._position, self._version = self._history.count, self._history.version
        found = (told(change, self._kind, self._namespace, self._test) for change in changes)
        return [event for event in found if event is not None]

    def _bookmark(self, annotations: dict[str, str] | None = None) -> Json:
        metadata = {"resourceVersion": str(self._version), **({"annotations": annotations} if annotations else {})}
        return {
            "type": "BOOKMARK",
            "object": {"kind": self._kind.name, "apiVersion": self._kind.api_version, "metadata": metadata},
        }
