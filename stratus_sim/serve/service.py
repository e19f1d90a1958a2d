"""One world behind the Kubernetes API: which request does what, under one lock."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from stratus_sim.cluster.admission.registry import Denied
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.errors import UserError
from stratus_sim.kernel import SECOND_US
from stratus_sim.serve import access, asked, discovery, kinds, monitoring, writing
from stratus_sim.serve.answers import NOT_FOUND, Answer, Refusal, Request, Stream, not_allowed, success
from stratus_sim.serve.asked import ASKED
from stratus_sim.serve.bodies import checked_options, is_dry_run, media_type, read_json, read_options
from stratus_sim.serve.calendar import Calendar
from stratus_sim.serve.history import History
from stratus_sim.serve.kinds import Kind
from stratus_sim.serve.patching import patcher
from stratus_sim.serve.podlog import PodLog
from stratus_sim.serve.selecting import test_of
from stratus_sim.serve.showing import View
from stratus_sim.serve.tables import table
from stratus_sim.serve.watching import Watch
from stratus_sim.telemetry.render import Json

if TYPE_CHECKING:
    from stratus_sim.world import World

_MAX_ADVANCE_S = 7 * 24 * 3600
_SLICE_US = SECOND_US
_CONNECTING = frozenset({"attach", "exec", "portforward", "proxy"})


class Service:
    """Answers requests about a world. Whoever else touches the world does so inside `touching`."""

    def __init__(self, world: World, calendar: Calendar | None = None, *, show_secrets: bool = False) -> None:
        self.world = world
        self._view = View(world, calendar, show_secrets=show_secrets)
        self.calendar = self._view.calendar
        self.history = History(self._view)
        self.closed = False

    @contextmanager
    def touching(self) -> Iterator[World]:
        """The world, under the lock; what was changed reaches the watchers."""
        with self.history.changed:
            self.history.capture()
            try:
                yield self.world
            finally:
                self.history.capture()

    def advance(self, duration_us: int) -> None:
        """Let simulated time pass; watchers see every second of it. A second in which the model fails does not pass."""
        with self.history.changed:
            end_us = self.world.now_us + duration_us
            while self.world.now_us < end_us:
                with self._all_or_nothing():
                    self.world.run_until(min(end_us, self.world.now_us + _SLICE_US))
                self.history.capture()

    def close(self) -> None:
        """End all watches."""
        with self.history.changed:
            self.closed = True
            self.history.changed.notify_all()

    def handle(self, request: Request) -> Answer | Stream:
        """The reply to a request, a Status for one that cannot be served; never raises."""
        try:
            with self.touching():
                return self._route(request)
        except Refusal as refusal:
            return Answer(refusal.status(), refusal.code)
        except Denied as denied:
            return Answer(Refusal(denied.code, str(denied)).status(), denied.code)
        except UserError as error:
            return Answer(Refusal(422, str(error)).status(), 422)
        except Exception as error:  # noqa: BLE001  # a client gets a Status, whatever went wrong here
            problem = f"{type(error).__name__}: {error}"
            print(f"stratus: {request.method} /{'/'.join(request.path)}: {problem}", file=sys.stderr)
            return Answer(Refusal(500, f"an error of this server, nothing was changed: {problem}").status(), 500)

    def _route(self, request: Request) -> Answer | Stream:
        match request.path:
            case ("stratus", "clock"):
                return self._clock(request)
            case ("stratus", what):
                return monitoring.answer(self.world, self.calendar, request, what)
            case ("api", version, _, *_):
                return self._resource(request, "", version, request.path[2:])
            case ("apis", group, version, _, *_):
                return self._resource(request, group, version, request.path[3:])
        if request.method != "GET":
            raise Refusal(404, NOT_FOUND)
        return discovery.answer(request, (*kinds.served(self.world), *ASKED))

    def _clock(self, request: Request) -> Answer:
        """GET tells the simulated time, POST {"advance_s": seconds} lets it pass."""
        if request.method == "POST":
            body = read_json(request)
            seconds = body.get("advance_s") if isinstance(body, dict) else None
            if type(seconds) not in (int, float) or not 0 <= seconds <= _MAX_ADVANCE_S:  # type: ignore[operator]
                raise Refusal(400, f'expected {{"advance_s": seconds}}, seconds from 0 to {_MAX_ADVANCE_S}')
            self.advance(round(seconds * SECOND_US))  # type: ignore[operator]  # it is a number
        elif request.method != "GET":
            raise not_allowed(request)
        return Answer({"now_s": self.world.now_us / SECOND_US, "now": self.calendar.now()})

    def _resource(self, request: Request, group: str, version: str, rest: tuple[str, ...]) -> Answer | Stream:
        namespace, words = _split(rest)
        kind = kinds.find(self.world, group, version, words[0], ASKED)
        if namespace is not None and not kind.namespaced:
            raise Refusal(404, NOT_FOUND)
        access.authorize(self.world, request, kind, namespace or "", words[1:])
        if kind in ASKED:
            return asked.answer(self._view, request, kind, namespace, words[1:])
        match words[1:]:
            case ():
                return self._collection(request, kind, namespace)
            case (name,) if (namespace is not None) == kind.namespaced:
                return self._item(request, kind, namespace or "", name)
            case (name, part) if (namespace is not None) == kind.namespaced:
                return self._part(request, kind, namespace or "", name, part)
        raise Refusal(404, NOT_FOUND)

    def _collection(self, request: Request, kind: Kind, namespace: str | None) -> Answer | Stream:
        if request.method == "GET":
            return (
                self._watch(request, kind, namespace) if request.flag("watch") else self._list(request, kind, namespace)
            )
        if _read_only(kind) or (kind.namespaced and namespace is None):
            raise not_allowed(request)
        if request.method == "POST":
            body = read_json(request)
            return Answer(
                self._written(request, lambda v: writing.create(v, kind, namespace or "", body, request.writer)), 201
            )
        if request.method == "DELETE":
            return self._delete_all(request, kind, namespace or "")
        raise not_allowed(request)

    def _list(self, request: Request, kind: Kind, namespace: str | None) -> Answer:
        version, test = str(self.history.version), test_of(request.parameters)
        exact = request.parameters.get("resourceVersionMatch") == "Exact"
        if exact and request.parameters.get("resourceVersion") != version:
            raise Refusal(410, "only the present state can be listed")
        items = [item for item in self._view.list(kind, namespace) if test(item)]
        if _wants_table(request):
            return Answer(self._table(request, kind, items))
        body = {"kind": f"{kind.name}List", "apiVersion": kind.api_version, "metadata": {"resourceVersion": version}}
        return Answer({**body, "items": items})

    def _watch(self, request: Request, kind: Kind, namespace: str | None) -> Stream:
        def shown(event: Json) -> Json:
            if not _wants_table(request) or event["type"] in ("BOOKMARK", "ERROR"):
                return event
            return {**event, "object": self._table(request, kind, [event["object"]])}

        test = test_of(request.parameters)
        watch = Watch(self.history, kind, namespace, test, lambda: self.closed, request)
        initial = [item for item in self._view.list(kind, namespace) if test(item)] if watch.from_now else []
        return Stream(event if event is None else shown(event) for event in watch.events(initial))

    def _item(self, request: Request, kind: Kind, namespace: str, name: str) -> Answer:
        if request.method == "GET":
            return self._shown(request, kind, self._read(kind, namespace, name))
        if _read_only(kind):
            raise not_allowed(request)
        if request.method == "DELETE":
            options, writer = read_options(request), request.writer
            dry = is_dry_run(request, options)
            return Answer(self._write(lambda v: writing.delete(v, kind, namespace, name, options, writer), dry=dry))
        submit = self._submit(request, kind)
        return self._shown(
            request,
            kind,
            self._written(request, lambda v: writing.change(v, kind, namespace, name, submit, request.writer)),
        )

    def _part(self, request: Request, kind: Kind, namespace: str, name: str, part: str) -> Answer | Stream:
        if part == "status" and request.method == "GET":
            return self._shown(request, kind, self._read(kind, namespace, name))
        if part == "log" and kind.name == "Pod" and request.method == "GET":
            return self._log(request, kind, namespace, name)
        if part == "eviction" and kind.name == "Pod" and request.method == "POST":
            return self._evict(request, kind, namespace, name)
        if part in _CONNECTING and kind.name == "Pod":
            raise Refusal(403, f"pods/{part} is not supported: containers here have no inside to reach")
        if part not in kind.subresources:
            raise not_allowed(request) if part == "status" else Refusal(404, NOT_FOUND)
        if request.method == "GET":
            return Answer(writing.scale_of(self._view, kind, namespace, name))
        submit = writing.rescale(self._submit(request, kind))
        body = self._written(request, lambda v: writing.change(v, kind, namespace, name, submit, request.writer))
        return Answer(writing.scale(body))

    def _submit(self, request: Request, kind: Kind) -> Callable[[Json], object]:
        """What a PUT or PATCH makes of the object as it is shown."""
        if request.method == "PUT":
            body = read_json(request)
            return lambda _: writing.versioned(kind, body)
        if request.method == "PATCH":
            apply = patcher(media_type(request), built_in=kind.built_in)
            body = read_json(request, media_type(request))
            return lambda shown: apply(shown, body)
        raise not_allowed(request)

    def _delete_all(self, request: Request, kind: Kind, namespace: str) -> Answer:
        options, test = read_options(request), test_of(request.parameters)

        def delete_all(view: View) -> Json:
            for item in view.list(kind, namespace if kind.namespaced else None):
                if test(item) and view.world.store.get(ObjectKey(kind.name, namespace, item["metadata"]["name"])):
                    writing.delete(view, kind, namespace, item["metadata"]["name"], options, request.writer)
            return success({"group": kind.group, "kind": kind.plural})

        return Answer(self._write(delete_all, dry=is_dry_run(request, options)))

    def _evict(self, request: Request, kind: Kind, namespace: str, name: str) -> Answer:
        """Eviction (policy/v1): a deletion that disruption budgets may forbid."""
        body = read_json(request)
        options = checked_options(body.get("deleteOptions") or {} if isinstance(body, dict) else body)
        dry = is_dry_run(request, options)
        self._write(lambda v: writing.evict(v, kind, namespace, name, options, request.writer), dry=dry)
        return Answer(success({"name": name, "kind": kind.plural}), 201)

    def _log(self, request: Request, kind: Kind, namespace: str, name: str) -> Answer | Stream:
        self._read(kind, namespace, name)
        pod = self.world.store.state.objects[ObjectKey("Pod", namespace, name)]
        return PodLog(self.world, self.calendar, pod, request).answer(self.history, lambda: self.closed)

    def _read(self, kind: Kind, namespace: str, name: str) -> Json:
        found = self._view.get(kind, namespace, name)
        if found is None:
            raise writing.not_found(kind, name)
        return found

    def _shown(self, request: Request, kind: Kind, body: Json) -> Answer:
        return Answer(self._table(request, kind, [body]) if _wants_table(request) else body)

    def _table(self, request: Request, kind: Kind, items: list[Json]) -> Json:
        include = request.parameters.get("includeObject", "Metadata")
        return table(kind.name, items, self.calendar.now(), str(self.history.version), include)

    def _written(self, request: Request, write: Callable[[View], Json]) -> Json:
        granted = access.guarded(self.world, request, write)
        return self._write(granted, dry=is_dry_run(request))

    def _write(self, write: Callable[[View], Json], *, dry: bool) -> Json:
        """Carry a write out, all of it or nothing; a dry run is the same write in a fork of the world."""
        if dry:
            return write(self._view.fork())
        with self._all_or_nothing():
            written = write(self._view)
            self.world.run_until(self.world.now_us)  # controllers react within the instant, however slow the clock
        return written

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        before = self.world.snapshot()
        try:
            yield
        except BaseException:
            self.world.restore(before)
            raise


def _split(rest: tuple[str, ...]) -> tuple[str | None, tuple[str, ...]]:
    """(namespace, [plural, name, subresource]) of the path behind group and version."""
    if len(rest) > 2 and rest[0] == "namespaces" and rest[2] not in ("status", "finalize"):
        return rest[1], rest[2:]
    return None, rest


def _read_only(kind: Kind) -> bool:
    return kind.verbs == kinds.READ_ONLY


def _wants_table(request: Request) -> bool:
    return "as=Table" in request.header("accept")
