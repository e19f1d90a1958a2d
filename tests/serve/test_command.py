"""`stratus serve` as a process: what it prints, how it ends, and what it says when it cannot begin."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from datetime import datetime
from pathlib import Path

import pytest

from stratus_sim.cli import main
from tests.conftest import ROOT

COMMAND = [sys.executable, "-c", "from stratus_sim.cli import main; main()", "serve"]


def begin(folder: Path, *words: str) -> subprocess.Popen[str]:
    paths = {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": ""}
    return subprocess.Popen(
        [*COMMAND, *words], cwd=folder, env=paths, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def test_a_problem_is_served_until_the_process_is_told_to_end(tmp_path: Path) -> None:
    running = begin(tmp_path, "hotel/scale-to-zero", "--speed", "0", "--format", "json")
    assert running.stdout is not None
    told = json.loads("".join(iter(running.stdout.readline, "}\n")) + "}")
    with urllib.request.urlopen(f"{told['url']}/apis/apps/v1/namespaces/hotel/deployments/profile") as reply:
        assert json.load(reply)["spec"]["replicas"] == 0
    with urllib.request.urlopen(f"{told['url']}/stratus/clock") as reply:
        now = datetime.fromisoformat(json.load(reply)["now"])
    assert abs(now.timestamp() - time.time()) < 30, "kubectl counts ages by its own clock"
    assert told["url"] in (tmp_path / told["kubeconfig"]).read_text()
    running.send_signal(signal.SIGTERM)
    _, errors = running.communicate(timeout=10)
    assert (running.returncode, errors) == (0, "stopped\n")


@pytest.mark.parametrize(
    "words", [["hotel/nonsense"], ["--manifests", "nowhere"], ["--port", "TAKEN"], ["--fault", "x"]]
)
def test_what_cannot_be_served_is_one_message(words: list[str], monkeypatch, capsys, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        monkeypatch.setattr(sys, "argv", ["stratus", "serve", *(port if word == "TAKEN" else word for word in words)])
        with pytest.raises(SystemExit) as ended:
            main()
    errors = capsys.readouterr().err
    assert ended.value.code == 2
    assert errors.startswith("stratus: ") and errors.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
