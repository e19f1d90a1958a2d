"""CPU limits: how long they make a request wait, and what its callers see of it."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_sim.application import epochs
from stratus_sim.application.throttling import throttled_us
from stratus_sim.cluster import api
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.topology import Profile
from tests.application.mesh import deployment, mesh


@pytest.mark.parametrize(
    ("cpu_us", "limit", "waits_us"),
    [
        (50_000, 500, 0),  # just within one quota
        (50_001, 500, 50_000),
        (150_001, 500, 150_000),
        (2_000, 1, 99_000),  # no quota below 1 ms
        (10**6, 1000, 0),
        (10**6, None, 0),
    ],
)
def test_a_request_waits_for_the_rest_of_every_period_it_fills(cpu_us: int, limit: int | None, waits_us: int) -> None:
    assert throttled_us(cpu_us, limit) == waits_us


def limited(cpu: str | None) -> dict[str, Any]:
    manifest = deployment("b", 2)
    container = manifest["spec"]["template"]["spec"]["containers"][0]
    container["resources"] = {"limits": {"cpu": cpu}} if cpu else {"requests": {"cpu": "100m"}}
    return manifest


def latency_us(cpu: str | None) -> int:
    """Latency of b as its caller sees it, without load."""
    world = mesh("a>b", profile=Profile(latency_us=1000, cpu_us_per_request=5_000))
    api.put(world, limited(cpu), "test")
    world.schedule(0, "traffic.load", 0)
    world.run_for(120 * SECOND_US)
    return epochs.current(world).workloads["default/b"].latency_us


def test_a_tight_limit_makes_requests_slow_and_its_absence_or_room_does_not() -> None:
    assert latency_us(None) == latency_us("100m") == latency_us("50m") == 1000
    assert latency_us("20m") == 1000 + 2 * 98_000


def test_the_wait_is_the_mean_over_the_pods() -> None:
    world = mesh("a>b", profile=Profile(latency_us=1000, cpu_us_per_request=5_000), replicas=2)
    world.schedule(0, "traffic.load", 0)
    api.put(world, limited("20m"), "test")
    seen = set()
    for _ in range(60):
        world.run_for(SECOND_US)
        seen.add(epochs.current(world).workloads["default/b"].latency_us - 1000)
    assert {0, 196_000} < seen and all(0 <= extra <= 196_000 for extra in seen)
