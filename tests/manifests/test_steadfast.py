"""Every published application reaches its steady state, and returns to it from whatever befalls a part of it.

Each trouble strikes a fork of one settled world, so all of them together cost about as much as the settling.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import pytest

from stratus_sim.cluster import api, eviction, pods
from stratus_sim.cluster.actions import Action
from stratus_sim.cluster.actions.effects import effects
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.cluster.workloads.bounds import bounds, wanted
from stratus_sim.cluster.workloads.rollout import recreates
from stratus_sim.kernel import SECOND_US
from stratus_sim.snapshot import Snapshot
from stratus_sim.testing.stage import Source, Stage
from stratus_sim.world import World
from tests.invariants.steady import READY, TERMINATING, Steady, steady, workload_of
from tests.manifests.applications import PUBLISHED, WAITS

SETTLE_US = 1800 * SECOND_US
"""Longer than the progress deadline of a Deployment and the window of an autoscaler together."""
LOST_US = 900 * SECOND_US
"""Long enough for the pods of a lost node to be sent away: 50 s until it is noticed, 300 s of toleration."""
UNNOTICED_US, NOTICED_US = 20 * SECOND_US, 100 * SECOND_US
BACK_US = 900 * SECOND_US

Case = tuple[str, bool]
CASES: list[Case] = [(name, False) for name in PUBLISHED] + [(n, True) for n, p in PUBLISHED.items() if p.completes]


class Trouble(NamedTuple):
    """What befalls one object; `strike` ends with the world free to recover."""

    name: str
    victim: ObjectKey
    strike: Callable[[World, ObjectKey], None]

    def __str__(self) -> str:
        return f"{self.name} {self.victim}"


@cache
def settled(folder: Path, complete: bool, seed: int = 0) -> Snapshot:
    world = Stage(Source("", str(folder))).standing(seed)
    for manifest in PUBLISHED[folder.name].completes if complete else ():
        api.put(world, manifest, "user")
    world.run_for(SETTLE_US)
    return world.snapshot()


def _act(world: World, verb: str, target: ObjectKey) -> None:
    action = Action(verb, f"{target.kind}/{target.name}", {}, target.namespace)
    for write in effects(world, action):
        if write.after is not None:
            api.put(world, write.after, "user")
        else:
            api.delete(world, write.key, "user")


def _lose(world: World, node: ObjectKey, for_us: int = LOST_US) -> None:
    world.schedule(0, "node.crash", node.name)
    world.run_for(for_us)
    world.schedule(0, "node.restore", node.name)


def _remove(world: World, node: ObjectKey) -> None:
    manifest = world.store.state.objects[node].manifest
    api.delete(world, node, "user")
    world.run_for(LOST_US)
    api.put(world, manifest, "user")


def _drain(world: World, node: ObjectKey) -> None:
    _act(world, "drain", node)
    world.run_for(LOST_US)
    there = [pod for pod in world.store.on_node(node.name) if pods.active(pod)]
    assert not there or eviction.refusal(world, there), "only a budget holds up a drain"
    _act(world, "uncordon", node)


ROLLED = ("Deployment", "StatefulSet", "DaemonSet")
TO_NODES: dict[str, Callable[[World, ObjectKey], None]] = {
    "lose": _lose,
    "lose for a moment": lambda world, node: _lose(world, node, UNNOTICED_US),
    "lose and regain": lambda world, node: _lose(world, node, NOTICED_US),
    "remove": _remove,
    "drain": _drain,
}


def troubles(world: World) -> Iterator[Trouble]:
    for kind in ROLLED:
        for found in world.store.list(kind):
            yield Trouble("restart", found.key, lambda w, key: _act(w, "rollout-restart", key))
    for pod in world.store.list("Pod"):
        yield Trouble("delete", pod.key, lambda w, key: api.delete(w, key, "user"))
    for node in world.store.list("Node"):
        yield from (Trouble(name, node.key, strike) for name, strike in TO_NODES.items())


def differences(before: Steady, after: Steady) -> dict[str, object]:
    """Only what differs, so that a failure can be read."""
    found: dict[str, object] = {}
    for name in ("pods", "jobs", "requests"):
        one, two = dict(getattr(before, name)), dict(getattr(after, name))
        for key in sorted({*one, *two}):
            if one.get(key) != two.get(key):
                found[f"{name} {key}"] = (one.get(key), two.get(key))
    return found


def stopped(world: World, trouble: Trouble, defects: Mapping[str, str]) -> str:
    """The workload whose rolling update stops, as in Kubernetes, with its surge beside the pods there were: none of
    these may go, because none of the new can start; "" for none."""
    found, name = world.store.get(trouble.victim), f"{trouble.victim.kind}/{trouble.victim.name}"
    rolls = trouble.name == "restart" and found is not None and name in defects and not recreates(found)
    return name if rolls else ""


def new_alerts(before: Steady, after: Steady) -> set[str]:
    """Whom an alert fires about that did not."""
    return {subject.rpartition("/")[2] for _, subject in {*after.alerts} - {*before.alerts}}


@pytest.mark.parametrize(("name", "complete"), CASES)
def test_it_stands_or_shows_just_the_documented_defects(shared_manifests: Path, name: str, complete: bool) -> None:
    world, published = World(settled(shared_manifests / name, complete)), PUBLISHED[name]
    now = steady(world)
    for kind in ROLLED:
        for found in world.store.list(kind):
            workload = f"{kind}/{found.key.name}"
            size = found.status.wanted if kind == "DaemonSet" else wanted(found)
            broken = None if complete else published.defects.get(workload)
            assert now.pods[workload, broken or READY] == size > 0
            assert sum(count for (owner, _), count in now.pods.items() if owner == workload) == size
    unmade = () if complete else published.unmade
    assert now.jobs == {job.key.name: "" if job.key.name in unmade else "Complete" for job in world.store.list("Job")}
    if complete or not published.defects:
        assert now.alerts == {}
        assert {success for success, _ in now.requests.values()} == {1000}


@pytest.mark.parametrize(("name", "complete"), CASES)
def test_it_returns_from_every_single_trouble(shared_manifests: Path, name: str, complete: bool) -> None:
    check_return(shared_manifests / name, complete, seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 6))
@pytest.mark.parametrize(("name", "complete"), CASES)
def test_it_returns_whatever_the_seed(shared_manifests: Path, name: str, complete: bool, seed: int) -> None:
    check_return(shared_manifests / name, complete, seed)


def check_return(folder: Path, complete: bool, seed: int) -> None:
    before, defects = settled(folder, complete, seed), {} if complete else PUBLISHED[folder.name].defects
    expected = steady(World(before))
    for trouble in troubles(World(before)):
        world = World(before)
        trouble.strike(world, trouble.victim)
        world.run_for(BACK_US)
        after, waits, pods = steady(world), stopped(world, trouble, defects), expected.pods
        if waits:
            surge = bounds(world.store.state.objects[trouble.victim])[0]
            pods = pods + Counter({(waits, defects[waits]): surge})
        assert differences(expected._replace(pods=pods), after) == {}, str(trouble)
        assert new_alerts(expected, after) <= {name.rpartition("/")[2] for name in defects}, str(trouble)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "complete"), [case for case in CASES if case[1] or not PUBLISHED[case[0]].defects])
def test_it_returns_from_two_troubles_at_once(shared_manifests: Path, name: str, complete: bool) -> None:
    before = settled(shared_manifests / name, complete)
    expected = steady(World(before))
    for one, two in combinations(list(troubles(World(before)))[::3], 2):
        world = World(before)
        one.strike(world, one.victim)
        world.run_for(5 * SECOND_US)
        if world.store.get(two.victim) is not None:
            two.strike(world, two.victim)
        world.run_for(BACK_US)
        assert differences(expected, steady(world)) == {}, f"{one}, then {two}"
        assert new_alerts(expected, steady(world)) == set()


@pytest.mark.parametrize(("name", "complete"), CASES)
def test_while_a_node_is_lost_all_is_served_elsewhere_but_what_has_to_wait(
    shared_manifests: Path, name: str, complete: bool
) -> None:
    before, published = settled(shared_manifests / name, complete), PUBLISHED[name]
    assert {*published.waits.values()} <= {*WAITS}
    expected = steady(World(before))
    for node in World(before).store.list("Node"):
        world = World(before)
        there = [workload_of(world, pod) for pod in world.store.on_node(node.key.name) if pods.active(pod)]
        world.schedule(0, "node.crash", node.key.name)
        world.run_for(LOST_US)
        now = steady(world)
        held = {workload for workload in there if workload in published.waits}
        served = {workload: count for workload, count in expected.of(READY).items() if workload not in held}
        assert now.of(READY) == served
        assert now.of(TERMINATING) == {workload: there.count(workload) for workload in {*there}}
        assert node.key.name in new_alerts(expected, now)
        assert held or now.requests == expected.requests


def _give_up(world: World, node: ObjectKey) -> None:
    """What an administrator does about a machine that will not come back (non-graceful node shutdown)."""
    world.schedule(0, "node.crash", node.name)
    world.run_for(NOTICED_US)
    manifest = world.store.state.objects[node].manifest
    taint = {"key": "node.kubernetes.io/out-of-service", "value": "nodeshutdown", "effect": "NoExecute"}
    api.put(world, {**manifest, "spec": {**manifest["spec"], "taints": [taint]}}, "user")


GONE = {"removed": lambda world, node: api.delete(world, node, "user"), "out of service": _give_up}


@pytest.mark.parametrize("how", GONE)
@pytest.mark.parametrize(("name", "complete"), CASES)
def test_once_a_node_is_gone_for_good_everything_is_served_elsewhere(
    shared_manifests: Path, name: str, complete: bool, how: str
) -> None:
    before = settled(shared_manifests / name, complete)
    expected = steady(World(before))
    for node in World(before).store.list("Node"):
        world = World(before)
        GONE[how](world, node.key)
        world.run_for(LOST_US)
        now = steady(world)
        assert differences(expected, now) == {}, str(node.key)
        assert new_alerts(expected, now) == ({node.key.name} if how == "out of service" else set())
