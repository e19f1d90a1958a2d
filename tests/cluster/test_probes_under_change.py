"""Probes that look at others, while these come and go, load rises and falls, and nodes die: what holds all the time."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from stratus_sim.cluster import api
from stratus_sim.cluster.correlator import COMBINED, Mark, recent
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.topology import Profile
from stratus_sim.world import World
from tests.application.mesh import deployment, mesh, scale

HEALTH = {"a": {"/ready": ("b",)}, "b": {"/": ("d",)}}
BUSY = {"a": Profile(latency_us=1000, cpu_us_per_request=500)}
Step = tuple[str, int, int]
VERBS = st.sampled_from(["scale", "load", "delete", "crash", "restore"])
STEPS = st.tuples(VERBS, st.integers(0, 9), st.integers(1, 20))
PROBES = st.fixed_dictionaries(
    {
        "periodSeconds": st.sampled_from([3, 5, 10]),
        "failureThreshold": st.integers(1, 3),
        "timeoutSeconds": st.sampled_from([1, 3]),
    }
)
KINDS = st.sets(st.sampled_from(["livenessProbe", "startupProbe"]))


def started(probe: dict[str, Any], kinds: set[str]) -> World:
    world = mesh("a>b", "b>d", replicas=2, health=HEALTH, profiles=BUSY)
    for name, path in (("a", "/ready"), ("b", "/")):
        manifest = deployment(name, 2)
        asked = {**probe, "httpGet": {"port": 80, "path": path}}
        probes = dict.fromkeys(sorted(kinds | {"readinessProbe"}), asked)
        manifest["spec"]["template"]["spec"]["containers"][0].update(probes)
        api.put(world, manifest, "test")
    return world


def take(world: World, verb: str, number: int) -> None:
    pods, nodes = world.store.list("Pod"), world.store.list("Node")
    if verb == "scale":
        scale(world, "bd"[number % 2], number % 3)
    elif verb == "load":
        world.schedule(0, "traffic.load", 10 ** (number % 4 + 2))
    elif verb == "delete" and pods:
        api.delete(world, pods[number % len(pods)].key, "test", grace_s=(None, 0, 5)[number % 3])
    elif verb in ("crash", "restore"):
        world.schedule(0, f"node.{verb}", nodes[number % len(nodes)].key.name)


def counts(world: World) -> dict[Mark, int]:
    """How often each Event has happened; those put together change their company."""
    return {mark: event.count for mark, event in recent(world).items() if mark[2] != COMBINED}


@settings(max_examples=20, deadline=None)
@example({"periodSeconds": 3, "failureThreshold": 1, "timeoutSeconds": 1}, set(), [("scale", 2, 1)])
@given(PROBES, KINDS, st.lists(STEPS, min_size=1, max_size=12))
def test_counts_never_fall_forks_agree_and_once_all_is_well_it_stays_so(
    probe: dict[str, Any], kinds: set[str], steps: list[Step]
) -> None:
    world, before = started(probe, kinds), dict[Mark, int]()
    for verb, number, seconds in steps:
        take(world, verb, number)
        for _ in range(seconds):
            world.run_for(SECOND_US)
            now = counts(world)
            assert [mark for mark, count in now.items() if count < before.get(mark, 0)] == []
            before = now
    fork = world.fork()
    for one in (world, fork):
        one.run_for(60 * SECOND_US)
    assert world.store.state.objects == fork.store.state.objects
    _well(world)


def _well(world: World) -> None:
    world.schedule(0, "traffic.load", 100)
    for node in world.store.list("Node"):
        world.schedule(0, "node.restore", node.key.name)
    for name in "bd":
        scale(world, name, 2)
    world.run_for(900 * SECOND_US)
    assert [pod.key.name for pod in world.store.list("Pod") if not pod.status.ready] == []
    assert not [streak for pod in world.store.list("Pod") for streak in pod.status.streaks if streak.told]
    fired = world.kernel.fired
    world.run_for(3600 * SECOND_US)
    assert world.kernel.fired == fired
