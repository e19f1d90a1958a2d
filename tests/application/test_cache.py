"""Caches: cold after a start, warmer with each request, and what that means for the database behind."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_sim.application import epochs
from stratus_sim.application.behaviours.cache import WARM, Cache, Held
from stratus_sim.application.behaviours.memory import recall
from stratus_sim.cluster import pods
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.topology import DeclaredCall, Profile, Topology
from stratus_sim.manifests.traffic_shapes import DeclaredLoad
from stratus_sim.world import World
from tests.application.backends import act, behind, call, claim, crash, front, key, on_claim, pod_of, stand, users


def shop(
    image: str = "memcached:1.6",
    port: int = 11211,
    env: dict[str, str] | None = None,
    topology: Topology | None = None,
    **more: Any,
) -> World:
    return stand(
        *claim("kept"),
        *front({"CACHE_ADDR": f"cache:{port}", "STORE_ADDR": "store:27017", **(env or {})}),
        *behind("cache", image, port, **more),
        *behind("store", "mongo:7", 27017),
        topology=topology,
    )


def restart(world: World, wait_s: int = 15) -> None:
    pods.terminate(world, pod_of(world, "cache").key)
    world.run_for(wait_s * SECOND_US)


def held(world: World) -> tuple[Held, ...]:
    found: Cache = recall(world, key("cache"))
    return found.at(world.now_us)


def begun(world: World, seconds: int) -> int:
    """How many epochs begin in so many seconds."""
    found = set()
    for _ in range(seconds):
        world.run_for(SECOND_US)
        found.add(world.traffic.asked_us)
    return len(found)


def at_the_store(world: World) -> int:
    return epochs.current(world).workloads["default/store"].rate


def test_a_cache_that_has_run_for_a_while_holds_everything() -> None:
    world = shop()
    assert [one.asked for one in held(world)] == [WARM]
    assert (users(world), at_the_store(world)) == (1000, 50_000)


def test_misses_go_on_to_the_store_and_fade_with_every_request() -> None:
    world = shop()
    restart(world, 6)
    rates = [at_the_store(world)]
    for _ in range(8):
        world.run_for(12 * SECOND_US)
        rates.append(at_the_store(world))
    assert 90_000 < rates[0] <= 100_000
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == 50_000
    assert rates[3] < rates[0] - 20_000
    assert not world.traffic.scheduled, "a warm cache rests"


def test_who_can_do_without_a_cache_asks_the_store_as_long_as_it_is_down() -> None:
    world = shop(topology=Topology(calls=(DeclaredCall("api", "cache", 11211, hard=False),)))
    assert ([one.asked for one in held(world)], at_the_store(world)) == ([WARM], 50_000)
    act(world, "scale", "deployment/cache", {"replicas": 0}, wait_s=10)
    assert (users(world), at_the_store(world)) == (1000, 100_000)
    assert not world.traffic.scheduled
    act(world, "scale", "deployment/cache", {"replicas": 1}, wait_s=10)
    assert 75_000 < at_the_store(world) < 100_000
    world.run_for(120 * SECOND_US)
    assert at_the_store(world) == 50_000


@pytest.mark.parametrize(("cpu_us", "recovers"), [(2_000, True), (3_500, False)])
def test_a_database_that_misses_alone_overrun_keeps_the_cache_cold(cpu_us: int, recovers: bool) -> None:
    """With a warm cache it has half its load, and room for it either way: 50 requests a second of 100 or of 57."""
    load, profile = DeclaredLoad(rps=50), Profile(latency_us=1_000, cpu_us_per_request=cpu_us)
    world = shop(topology=Topology(load=load, profiles={"store": profile}))
    for permille in (300, 1000):
        world.schedule(0, "traffic.load", permille)
        world.run_for(300 * SECOND_US)
    assert (users(world), at_the_store(world)) == (1000, 50_000)
    restart(world, 300)
    assert users(world) == (1000 if recovers else 0)
    assert at_the_store(world) == 50_000 if recovers else at_the_store(world) > 90_000


def test_it_warms_with_requests_not_with_time() -> None:
    world = shop()
    world.schedule(0, "traffic.load", 0)
    restart(world, 300)
    assert held(world)[0].asked == 0
    world.schedule(0, "traffic.load", 1000)
    world.run_for(4 * SECOND_US)
    assert 90_000 < at_the_store(world) <= 100_000
    world.run_for(120 * SECOND_US)
    assert held(world)[0].asked == WARM


def test_a_warming_cache_is_looked_at_when_it_has_got_warmer_and_no_more() -> None:
    world = shop()
    restart(world, 6)
    assert 10 <= begun(world, 120) <= 36, "twice a step: the database is asked again at what it then gets"
    assert held(world)[0].asked == WARM


def test_looking_more_often_warms_nothing() -> None:
    world = shop()
    restart(world, 6)
    fork = world.fork()
    for _ in range(30):
        epochs.touch(fork)
        fork.run_for(SECOND_US)
    world.run_for(30 * SECOND_US)
    assert recall(fork, key("cache")) == recall(world, key("cache"))
    assert begun(fork, 60) <= 24, "a look that another one has overtaken is not taken"


def test_a_new_process_beside_a_warm_one_misses_its_half() -> None:
    world = shop()
    act(world, "scale", "deployment/cache", {"replicas": 2}, wait_s=5)
    first, second = sorted(held(world), key=lambda one: -one.asked)
    assert (first.missed, second.missed > 0.5) == (0.0, True)
    assert 60_000 < at_the_store(world) <= 75_000


def test_a_container_that_starts_again_is_empty() -> None:
    world = shop()
    crash(world, "cache")
    world.run_for(15 * SECOND_US)
    assert held(world)[0].missed > 0.5


@pytest.mark.parametrize(("kept", "cold"), [(True, False), (False, True)])
def test_what_redis_writes_to_a_volume_it_has_again(kept: bool, cold: bool) -> None:
    data = on_claim("/data", "kept") if kept else ("/data", {"emptyDir": {}})
    world = shop("redis:7", 6379, data=data)
    restart(world)
    assert (held(world)[0].missed > 0) == cold


@pytest.mark.parametrize(
    ("url", "args", "text"),
    [
        ("redis://:safe@cache:6379/0", ["--requirepass", "safe"], ""),
        (
            "redis://:other@cache:6379/0", ["--requirepass", "safe"],
            "WRONGPASS invalid username-password pair or user is disabled.",
        ),
        ("redis://:safe@cache:6379/0", [], ""),
    ],
)  # fmt: skip
def test_the_password_redis_is_started_with(url: str, args: list[str], text: str) -> None:
    world = shop("redis:7", 6379, {"CACHE_ADDR": url}, args=args)
    assert (call(world, "api", "cache").error, users(world)) == (text, 0 if text else 1000)


def test_a_password_asked_for_later_is_not_in_the_clients_who_came_without() -> None:
    world = shop("redis:7", 6379)
    assert users(world) == 1000
    change = {"spec": {"template": {"spec": {"containers": [{"name": "cache", "args": ["--requirepass", "safe"]}]}}}}
    act(world, "patch", "deployment/cache", {"patch": change})
    assert call(world, "api", "cache").error == "NOAUTH Authentication required."
    act(world, "set-env", "deployment/api", {"env": {"CACHE_ADDR": "redis://:safe@cache:6379"}})
    assert users(world) == 1000
