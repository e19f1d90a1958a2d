"""Probes of all three kinds, and what kubelet says when one fails."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.topology import Profile
from tests.application.mesh import mesh
from tests.cluster.test_kubelet import after, messages, only, pods, put, web, youngest

DEAD = {"tcpSocket": {"port": 1}}
ALIVE = {"tcpSocket": {"port": 80}}


@pytest.mark.parametrize(
    ("probe", "said"),
    [
        ({"tcpSocket": {"port": 1}}, "dial tcp IP:1: connect: connection refused"),
        ({"grpc": {"port": 1}}, 'timeout: failed to connect service "IP:1" within 1s: context deadline exceeded'),
        (
            {"httpGet": {"port": 1, "path": "/live", "scheme": "HTTPS"}},
            'Get "https://IP:1/live": dial tcp IP:1: connect: connection refused',
        ),
        ({"exec": {"command": ["sh", "-c", "exit 3"]}}, ""),
        ({"exec": {"command": ["sleep", "5"]}, "timeoutSeconds": 4}, 'command timed out: "sleep 5" timed out after 4s'),
    ],
)
def test_what_is_said_when_a_probe_fails(probe: dict[str, Any], said: str) -> None:
    world = put(mesh(), web(readinessProbe=probe))
    assert not only(world).status.ready
    assert messages(world, "Unhealthy") == [f"Readiness probe failed: {said}".replace("IP", only(world).status.ip)]


@pytest.mark.parametrize(
    "command", [["sleep", "5"], ["sh", "-c", "redis-cli ping || exit 1"], ["sh", "-c", "if [ -f x ]; then exit 1; fi"]]
)
def test_a_command_in_time_succeeds_and_one_that_depends_on_what_it_finds_too(command: list[str]) -> None:
    world = put(mesh(), web(readinessProbe={"exec": {"command": command}, "timeoutSeconds": 5}))
    assert only(world).status.ready


def test_readiness_must_succeed_as_often_in_a_row_as_its_threshold() -> None:
    world = put(mesh(), web(readinessProbe={**ALIVE, "periodSeconds": 7, "successThreshold": 4}), seconds=0)
    after(world, lambda: pods(world) and only(world).status.phase == "Running")
    assert 20 <= after(world, lambda: only(world).status.ready) <= 23


def test_nobody_asks_the_others_before_startup_has_succeeded() -> None:
    startup = {**ALIVE, "initialDelaySeconds": 50}
    liveness = {**DEAD, "periodSeconds": 10, "failureThreshold": 1}
    world = put(mesh(), web(startupProbe=startup, livenessProbe=liveness, readinessProbe=ALIVE), seconds=0)
    after(world, lambda: pods(world) and only(world).status.phase == "Running")
    world.run_for(45 * SECOND_US)
    assert not only(world).status.ready
    assert 5 <= after(world, lambda: only(world).status.ready) <= 8
    assert 7 <= after(world, lambda: messages(world, "Killing")) <= 11


def test_a_startup_probe_that_never_succeeds_kills_after_its_threshold() -> None:
    probe = {**DEAD, "initialDelaySeconds": 5, "periodSeconds": 4, "failureThreshold": 10}
    world = put(mesh(), web(startupProbe=probe), seconds=0)
    after(world, lambda: pods(world) and only(world).status.phase == "Running")
    assert after(world, lambda: messages(world, "Killing")) in (44, 45)
    assert messages(world, "Killing") == ["Container web failed startup probe, will be restarted"]
    refused = f"dial tcp {only(world).status.ip}:1: connect: connection refused"
    assert messages(world, "Unhealthy") == [f"Startup probe failed: {refused}"]


@pytest.mark.parametrize(("minutes", "wait_s"), [(9, 10), (11, 0)])
def test_ten_minutes_of_running_make_a_pod_start_anew_as_if_it_had_never_failed(minutes: int, wait_s: int) -> None:
    """It has run and ended once before; the second end comes so many minutes after the second start."""
    liveness = {**DEAD, "periodSeconds": 60, "failureThreshold": minutes}
    world = put(mesh(), web(livenessProbe=liveness), seconds=5)
    after(world, lambda: only(world).status.restarts == 1)
    after(world, lambda: only(world).status.state != "running")
    assert only(world).status.message.startswith(f"back-off {wait_s}s restarting") is bool(wait_s)
    assert wait_s <= after(world, lambda: only(world).status.restarts == 2) <= wait_s + 3


@pytest.mark.parametrize(
    ("kind", "fields", "said"),
    [
        (
            "httpGet", {"timeoutSeconds": 2},
            'Get "http://IP:80/": context deadline exceeded (Client.Timeout exceeded while awaiting headers)',
        ),
        ("grpc", {}, "timeout: health rpc did not complete within 1s"),
        ("httpGet", {"timeoutSeconds": 3}, None),
        ("tcpSocket", {}, None),
    ],
)  # fmt: skip
def test_a_process_slower_than_the_timeout_fails_what_asks_for_more_than_a_connection(
    kind: str, fields: dict[str, Any], said: str | None
) -> None:
    """30 ms of CPU at a limit of 10m: 29 waits of 99 ms, 2.871 s."""
    probe = {kind: {"port": 80}, **fields}
    tight = {"limits": {"cpu": "10m"}}
    world = mesh("a>web", profile=Profile(latency_us=0, cpu_us_per_request=30_000))
    world.schedule(0, "traffic.load", 0)
    pod = youngest(put(world, web(readinessProbe=probe, resources=tight)))
    assert pod.status.ready is (said is None)
    told = [f"Readiness probe failed: {said}".replace("IP", pod.status.ip)] if said else []
    assert messages(world, "Unhealthy") == told
