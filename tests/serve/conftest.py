"""A served world whose time stands still, and the programs that talk to it."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from stratus_sim.serve import RunningServer, serve
from stratus_sim.world import World

NAMESPACE = "hotel"


class Reply(NamedTuple):
    code: int
    body: Any
    headers: dict[str, str]


class Ran(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def server(hotel: World) -> Iterator[RunningServer]:
    with serve(hotel) as running:
        yield running


@pytest.fixture
def ask(server: RunningServer) -> Callable[..., Reply]:
    """One raw HTTP request; a body that is not bytes is sent as JSON."""

    def send(method: str, path: str, body: Any = None, **headers: str) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        connection.request(method, path, data, {name.replace("_", "-"): value for name, value in headers.items()})
        reply = connection.getresponse()
        text = reply.read().decode()
        connection.close()
        found = {name.lower(): value for name, value in reply.getheaders()}
        return Reply(reply.status, json.loads(text) if "json" in found["content-type"] else text, found)

    return send


@pytest.fixture(scope="session")
def kubectl_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where kubectl keeps what it discovered."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def kubectl(server: RunningServer, kubectl_home: Path, tmp_path: Path) -> Callable[..., Ran]:
    """The real kubectl; it sees the application's namespace."""
    return kubectl_for(server, kubectl_home, tmp_path)


def kubectl_for(server: RunningServer, home: Path, folder: Path) -> Callable[..., Ran]:
    program = shutil.which("kubectl")
    if program is None:
        pytest.skip("kubectl is not on PATH")
    config = server.kubeconfig(folder / "kubeconfig")
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "KUBECONFIG": str(config)}

    def run(*words: str, text: str | None = None) -> Ran:
        done = subprocess.run(
            [program, *words], capture_output=True, text=True, env=environment, input=text, timeout=30, check=False
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return run
