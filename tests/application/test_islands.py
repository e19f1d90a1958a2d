"""What has nothing to do with each other is worked out apart, and together as soon as it has."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_sim.application import epochs
from stratus_sim.application.dynamics import footing
from stratus_sim.application.dynamics.counters import totals
from stratus_sim.application.dynamics.islands import Island, islands_of
from stratus_sim.application.dynamics.step import work_out
from stratus_sim.application.routing import Router
from stratus_sim.cluster import api
from stratus_sim.genesis import deploy
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.application import describe
from stratus_sim.manifests.load import Manifests
from stratus_sim.manifests.topology import Profile, Topology
from stratus_sim.manifests.traffic_shapes import DeclaredLoad, DeclaredPolicy
from stratus_sim.world import World
from tests.application.mesh import deployment, mesh, scale, service
from tests.application.test_conservation import balance


def caller(address: str) -> dict[str, Any]:
    manifest = deployment("caller")
    manifest["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "B_ADDR", "value": address}]
    return manifest


def two_apart(*policies: DeclaredPolicy, **profiles: Profile) -> World:
    """`caller` finds `b` by its environment; `x` is another application."""
    objects = (caller("b:80"), service("caller"), deployment("b"), service("b"), deployment("x"), service("x"))
    load = DeclaredLoad(rps=100) if profiles else None
    topology = Topology(entrypoints=("caller", "x"), profiles=profiles, load=load, policies=policies)
    return deploy(Manifests(objects), describe(Manifests(objects), topology), 1)


def names(world: World) -> list[set[str]]:
    return [{name.partition("/")[2] for name in island.names} for island in islands_of(world.application)]


def rates(world: World) -> dict[str, int]:
    return {name.partition("/")[2]: flow.rate for name, flow in epochs.current(world).workloads.items()}


def test_islands_are_what_no_call_leaves() -> None:
    assert names(mesh("a>b", "c>b", "d>e", soft=["e>f"], entrypoints="adx")) == [
        {"a", "b", "c"},
        {"d", "e", "f"},
        {"x"},
    ]


def test_who_goes_astray_loads_whom_it_reaches_and_no_request_is_lost() -> None:
    world = two_apart()
    assert rates(world) == {"b": 50_000, "caller": 50_000, "x": 50_000}
    api.put(world, caller("x:80"), "test")
    world.run_for(60 * SECOND_US)
    assert rates(world) == {"b": 0, "caller": 50_000, "x": 100_000}
    api.put(world, caller("b:80"), "test")
    world.run_for(60 * SECOND_US)
    assert rates(world) == {"b": 50_000, "caller": 50_000, "x": 50_000}
    counts = totals(world)
    balance(counts)
    assert {link.tried for link in counts.entries.values()} == {50 * world.now_us // 1000}


def test_who_goes_astray_fares_as_those_it_is_led_to() -> None:
    world = two_apart(x=Profile(1, 4000, 1000, queue=0))
    api.put(world, caller("x:80"), "test")
    world.run_for(60 * SECOND_US)
    flows = epochs.current(world)
    assert (flows.calls[0].success_permille, flows.calls[0].error) == (250, "503 from upstream"), "25 a second of 100"
    assert {entry.service: entry.success_permille for entry in flows.entries} == {
        "default/caller": 250,
        "default/x": 250,
    }


def test_what_waits_stays_where_islands_become_one() -> None:
    world = two_apart(x=Profile(1, 10_000, 1000, queue=500))
    before = totals(world).workloads["default/x"].queued
    assert before == 500_000
    api.put(world, caller("x:80"), "test")
    world.run_for(60 * SECOND_US)
    assert totals(world).workloads["default/x"].queued == before
    world.schedule(0, "traffic.load", 0)
    world.run_for(10 * SECOND_US)
    waiting = totals(world).workloads["default/x"].queued
    assert 0 < waiting < before
    api.put(world, caller("b:80"), "test")
    world.run_for(3 * SECOND_US)
    assert 0 < totals(world).workloads["default/x"].queued < waiting
    balance(totals(world))


def test_who_will_try_again_does_where_islands_become_one() -> None:
    """Users of `x` wait three seconds for an answer that takes five, four times."""
    world = two_apart(DeclaredPolicy("users", "x", 3000, 3), x=Profile(1, 10, 5_000_000))
    entry = totals(world).entries["default/x"]
    api.put(world, caller("x:80"), "test")
    for _ in range(12):
        world.run_for(SECOND_US)
        before, entry = entry, totals(world).entries["default/x"]
        assert entry.tried - before.tried == pytest.approx(4 * 50_000, rel=1e-3)


def test_an_epoch_looks_only_at_islands_in_which_something_stirred(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a kubelet has asked a health endpoint in between, which looks who answers."""
    world = mesh("a>b", "c>d", entrypoints="ac", replicas=2, health={"a": {"/ready": ["b"]}})
    looked: list[str] = []

    def find(router: Router, island: Island, before: footing.Found | None) -> footing.Found:
        looked.extend(name[-1] for name in island.names)
        return kept(router, island, before)

    kept = footing._find
    monkeypatch.setattr(footing, "_find", find)
    for name in "bd":
        world.store.remove(next(p.key for p in world.store.list("Pod") if p.key.name.startswith(name)))
        asked = next(p for p in world.store.list("Pod") if p.key.name.startswith("a"))
        world.processes.answer(world, asked, asked.spec.containers[0], "/ready")
        world.run_for(10 * SECOND_US)
        assert set(looked) == ({"a", "b"} if name == "b" else {"c", "d"})
        looked.clear()


def test_islands_that_differ_in_names_only_are_worked_out_once() -> None:
    world = mesh("a>b", "c>d", entrypoints="ac")
    one, other = islands_of(world.application)
    assert one.shape is other.shape
    epochs.spike(world, "default/a", 1900)
    world.run_for(5 * SECOND_US)
    worked_out = work_out.cache_info().misses
    epochs.spike(world, "default/c", 1900)
    world.run_for(5 * SECOND_US)
    assert work_out.cache_info().misses == worked_out
    assert rates(world) == dict.fromkeys("abcd", 95_000)
    scale(world, "d", 0)
    world.run_for(5 * SECOND_US)
    assert {e.service: e.success_permille for e in epochs.current(world).entries} == {"default/a": 1000, "default/c": 0}
    assert {c.call.target: c.error for c in epochs.current(world).calls} == {"b": "", "d": "connection refused"}
    assert {place for place, count in totals(world).workloads.items() if count.errors} == {"default/c"}
