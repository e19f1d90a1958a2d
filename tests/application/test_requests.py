"""Types of requests: trees over the call graph, each with its own fate."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from stratus_sim.application import epochs
from stratus_sim.application.dynamics.counters import totals
from stratus_sim.cluster import nodes
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.topology import Profile
from stratus_sim.manifests.traffic_shapes import DeclaredLoad, DeclaredPolicy, DeclaredRequest
from stratus_sim.world import World
from tests.application.mesh import mesh, node_of, scale

GRAPH = ("a>b", "a>c", "b>d", "c>d")


def shop(**requests: Any) -> World:
    """`GRAPH` under 100 requests a second of these types."""
    types = {name: msgspec.convert(one, DeclaredRequest) for name, one in requests.items()}
    return mesh(*GRAPH, requests=types, load=DeclaredLoad(rps=100))


def rates(world: World) -> dict[str, int]:
    """Requests per second at each workload."""
    return {name.partition("/")[2]: flow.rate // 1000 for name, flow in epochs.current(world).workloads.items()}


BROWSE = {"entry": "a", "weight": 3, "calls": [{"to": "b", "calls": []}]}
BUY = {"entry": "a", "calls": [{"to": "c", "times": 2, "calls": [{"to": "d", "times": 3}]}]}


def test_each_type_makes_the_calls_it_says_as_often_as_it_says() -> None:
    assert rates(shop(browse=BROWSE, buy=BUY)) == {"a": 100, "b": 75, "c": 50, "d": 150}


def test_what_a_tree_leaves_open_makes_every_hard_call_once() -> None:
    assert rates(shop(all={"entry": "a"})) == {"a": 100, "b": 100, "c": 100, "d": 200}
    assert rates(shop(some={"entry": "a", "calls": [{"to": "b"}]})) == {"a": 100, "b": 100, "c": 0, "d": 100}


def test_a_type_fails_alone() -> None:
    world = shop(browse=BROWSE, buy=BUY)
    scale(world, "d", 0)
    world.run_for(10 * SECOND_US)
    flows = epochs.current(world)
    assert flows.entries[0].success_permille == 750
    assert flows.workloads["default/b"].success_permille == 1000
    assert flows.workloads["default/c"].success_permille == 0


def test_the_more_often_a_call_is_made_the_likelier_it_fails() -> None:
    world = mesh(
        "a>b", replicas=2, load=DeclaredLoad(rps=100),
        requests={"x": msgspec.convert({"entry": "a", "calls": [{"to": "b", "times": 3}]}, DeclaredRequest)},
        profiles={"b": Profile(1, 1333, 0, queue=0)},
    )  # fmt: skip
    flows = epochs.current(world)
    share = flows.calls[0].success_permille / 1000
    assert 100 * (share + share**2 + share**3) == pytest.approx(150, rel=0.01), "who fails once does not ask again"
    assert flows.entries[0].success_permille / 1000 == pytest.approx(share**3, abs=0.01)


@pytest.mark.parametrize(("parallel", "latency_us"), [(False, 1000 + 30_000 + 50_000), (True, 1000 + 50_000)])
def test_calls_wait_for_each_other_or_not(parallel: bool, latency_us: int) -> None:
    tree = {"entry": "a", "parallel": parallel, "calls": [{"to": "b"}, {"to": "c"}]}
    types = {"x": msgspec.convert(tree, DeclaredRequest)}
    profiles = {"b": Profile(1, 1, 30_000), "c": Profile(1, 1, 50_000)}
    world = mesh("a>b", "a>c", load=DeclaredLoad(rps=1), requests=types, profiles=profiles)
    assert epochs.current(world).entries[0].latency_us == pytest.approx(latency_us, rel=0.01)


def test_types_share_the_room_of_a_workload() -> None:
    """`b` has room for half of what two types ask of it: neither starves."""
    types = {
        "x": msgspec.convert({"entry": "a", "calls": [{"to": "b", "calls": []}]}, DeclaredRequest),
        "y": msgspec.convert({"entry": "c", "calls": [{"to": "b", "calls": []}]}, DeclaredRequest),
    }
    profiles = {"b": Profile(1, 2000, 0, queue=10)}
    world = mesh("a>b", "c>b", requests=types, load=DeclaredLoad(rps=100), profiles=profiles)
    world.run_for(60 * SECOND_US)
    flows, count = epochs.current(world), totals(world).workloads["default/b"]
    assert [f.success_permille for f in flows.calls] == pytest.approx([500, 500], abs=100)
    assert count.succeeded <= 50_000 * world.now_us // SECOND_US
    assert count.queued == 10_000


def test_users_have_a_policy_of_their_own() -> None:
    slow = {"a": Profile(1, 1, 300_000)}
    calm, hasty = (
        mesh("a>b", profiles=slow, load=DeclaredLoad(rps=10), policies=policies)
        for policies in ((), (DeclaredPolicy("users", "a", timeout_ms=200),))
    )
    assert epochs.current(calm).entries[0].success_permille == 1000
    found = epochs.current(hasty).entries[0]
    assert (found.success_permille, found.error) == (0, "deadline exceeded")


def test_a_retry_makes_up_for_a_share_of_pods_that_refuse() -> None:
    """Half the endpoints do not answer: three tries in four find one that does after one retry."""
    once, twice = (
        mesh("a>b", replicas=2, load=DeclaredLoad(rps=100), policies=(DeclaredPolicy("a", "b", retries=retries),))
        for retries in (0, 1)
    )
    for world, success in ((once, 500), (twice, 750)):
        nodes.crash(world, node_of(world, "b"))
        world.run_for(5 * SECOND_US)
        assert epochs.current(world).workloads["default/a"].success_permille == pytest.approx(success, abs=10)
    tried = epochs.current(twice)
    assert tried.calls[0].rate == pytest.approx(1.5 * tried.workloads["default/a"].rate, rel=0.02)
