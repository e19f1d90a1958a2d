"""A server that runs: its threads, its clock and the kubeconfig that leads to it."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import yaml

from stratus_sim.errors import UserError
from stratus_sim.files import write_atomically
from stratus_sim.kernel import SECOND_US
from stratus_sim.serve.calendar import today
from stratus_sim.serve.server import LOOPBACK, Server
from stratus_sim.serve.service import Service

if TYPE_CHECKING:
    from stratus_sim.world import World

_TICK_S = 0.05
_LONGEST_TICK_S = 1.0
"""A machine too slow for the speed asked for falls behind rather than running ever longer ticks."""


_MARK = "# written by `stratus serve`, which replaces it when it starts again\n"


def _expect_ours(path: Path) -> None:
    if path.is_file() and not path.read_bytes().startswith(_MARK.encode()):
        raise UserError(f"{path}: is there already, and `stratus serve` did not write it: move it, or choose another")


class RunningServer:
    """A world served on `url` until `close`; a context manager."""

    def __init__(self, service: Service, server: Server, speed: float) -> None:
        self._service, self._server, self._speed = service, server, speed
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=server.serve_forever, args=(0.02,), name="stratus-serve", daemon=True)]
        if speed > 0:
            self._threads.append(threading.Thread(target=self._tick, name="stratus-clock", daemon=True))
        for thread in self._threads:
            thread.start()

    @property
    def world(self) -> World:
        """The world itself: touch it inside `touching`, or with `lock` held."""
        return self._service.world

    @property
    def lock(self) -> AbstractContextManager[bool]:
        """The one lock that guards the world."""
        return self._service.history.changed

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def touching(self) -> AbstractContextManager[World]:
        """`with server.touching() as world:` holds the lock and tells the watchers what was changed."""
        return self._service.touching()

    def advance(self, seconds: float) -> None:
        """Let simulated time pass at once."""
        self._service.advance(round(seconds * SECOND_US))

    def kubeconfig(self, path: Path) -> Path:
        """Write a kubeconfig that leads here, and return its path; the namespace is the application's only one.

        Raises:
            UserError: the file cannot be written, or is not one of these: it may be all that leads to real clusters.
        """
        _expect_ours(path)
        homes = {workload.namespace for workload in self.world.application.workloads.values()}
        context = {"cluster": "stratus", "user": "stratus", "namespace": homes.pop() if len(homes) == 1 else "default"}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "stratus", "cluster": {"server": self.url}}],
            "users": [{"name": "stratus", "user": {}}],
            "contexts": [{"name": "stratus", "context": context}],
            "current-context": "stratus",
        }
        write_atomically(path, (_MARK + yaml.safe_dump(config, sort_keys=False)).encode())
        return path

    def wait(self) -> None:
        """Return when the server was closed."""
        self._stopped.wait()

    def close(self) -> None:
        """Stop the clock, end all watches, close every socket. Not to be called with the lock held."""
        if self._stopped.is_set():
            return
        self._stopped.set()
        self._service.close()
        self._server.shutdown()
        self._server.hang_up()
        self._server.server_close()
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> RunningServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _tick(self) -> None:
        last = time.monotonic()
        while not self._stopped.wait(_TICK_S):
            now = time.monotonic()
            try:
                self.advance(min(now - last, _LONGEST_TICK_S) * self._speed)
            except Exception as error:  # noqa: BLE001  # a thread that dies without a word would look like a quiet cluster
                print(f"stratus: the clock stopped: {type(error).__name__}: {error}", file=sys.stderr)
                return
            last = now


def serve(
    world: World, port: int = 0, *, speed: float = 0, show_secrets: bool = False, dated_today: bool = False
) -> RunningServer:
    """Serve a world on the loopback interface; port 0 takes a free one.

    `speed` is how many simulated seconds pass in a second; at 0 time passes only when `advance` is called or
    `POST /stratus/clock` asks for it. With `dated_today` the world's present is this machine's, not a day of 2025.

    Raises:
        UserError: the port is taken.
    """
    service = Service(world, today(world) if dated_today else None, show_secrets=show_secrets)
    try:
        server = Server(service, port)
    except OSError as error:
        raise UserError(f"port {port}: {error.strerror}; choose another with --port, or 0 for a free one") from None
    return RunningServer(service, server, speed)
