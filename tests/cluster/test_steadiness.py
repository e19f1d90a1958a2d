"""Whatever is written and whatever fails: when both stop, all workloads come to rest, and stay."""

from __future__ import annotations

from typing import Any

import networkx as nx
from hypothesis import given, settings
from hypothesis import strategies as st

from stratus_sim.cluster import api, pods
from stratus_sim.cluster.workloads.bounds import wanted
from stratus_sim.kernel import SECOND_US
from stratus_sim.world import World
from tests.cluster.workloads import cluster, get, job, members, node, ready, retemplate, workload

KINDS = ("Deployment", "StatefulSet", "DaemonSet")
CLAIM = {"metadata": {"name": "data"}, "spec": {}}
Write = tuple[str, int, int]
VERBS = ("roll", "scale", "kill", "crash", "cordon", "taint", "delete set", "job", "break")


def stage(seed: int) -> World:
    return cluster(
        workload("Deployment", "d", replicas=3, minReadySeconds=2),
        workload("StatefulSet", "s", replicas=3, volumeClaimTemplates=[CLAIM]),
        workload("DaemonSet", "n"),
        job("j", completions=3, parallelism=2, backoffLimit=100),
        seed=seed,
        seconds=40,
    )


NAMES = {"Deployment": "d", "StatefulSet": "s", "DaemonSet": "n"}


def disturb(world: World, verb: str, number: int) -> None:
    kind = KINDS[number % 3]
    found = world.store.list("Pod")
    chosen, name = found[number % len(found)], f"n{number % 3}"
    match verb:
        case "roll":
            retemplate(world, kind, number, NAMES[kind])
        case "break":
            retemplate(world, kind, number, NAMES[kind], nodeSelector={"none": str(number % 2)})
        case "scale" if kind != "DaemonSet":
            manifest = get(world, kind, NAMES[kind]).manifest
            api.put(world, {**manifest, "spec": {**manifest["spec"], "replicas": number % 6}}, "user")
        case "kill":
            api.delete(world, chosen.key, "user")
        case "crash":
            world.schedule(0, "node.crash", name)
        case "cordon":
            api.put(world, node(name, unschedulable=True), "user")
        case "taint":
            api.put(world, node(name, taints=[{"key": "x", "effect": "NoExecute"}]), "user")
        case "delete set":
            sets = world.store.list("ReplicaSet")
            api.delete(world, sets[number % len(sets)].key, "user") if sets else None
        case "job":
            api.put(world, job(f"j{number}", command=f"exit {number % 2}", backoffLimit=1), "user")


def mend(world: World) -> None:
    """Nodes are back and whole, templates can run, and stuck StatefulSet pods are deleted (a forced rollback)."""
    for number in range(3):
        api.put(world, node(f"n{number}"), "user")
        world.schedule(0, "node.restore", f"n{number}")
    for kind, name in NAMES.items():
        retemplate(world, kind, 1000, name, nodeSelector={})
    world.run_for(60 * SECOND_US)
    for pod in members(world, "StatefulSet", "s"):
        if not pod.status.ready:
            api.delete(world, pod.key, "user")


def owners(world: World) -> nx.DiGraph[Any]:
    graph: nx.DiGraph[Any] = nx.DiGraph()
    graph.add_edges_from((found.key, found.owner) for found in world.store.everything() if found.owner is not None)
    return graph


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 99),
    st.lists(st.tuples(st.sampled_from(VERBS), st.integers(0, 99), st.integers(0, 60)), min_size=1, max_size=6),
)
def test_when_writes_and_faults_stop_the_world_comes_to_rest_and_stays(seed: int, writes: list[Write]) -> None:
    world = stage(seed)
    for verb, number, seconds in writes:
        disturb(world, verb, number)
        world.run_for(seconds * SECOND_US)
        assert nx.is_directed_acyclic_graph(owners(world))
    mend(world)
    world.run_for(1500 * SECOND_US)
    version, statuses = world.store.state.version, [found.status for found in world.store.everything()]
    world.run_for(7200 * SECOND_US)
    assert len(world.kernel.timers) == 0
    assert (world.store.state.version, [found.status for found in world.store.everything()]) == (version, statuses)
    for kind, name in NAMES.items():
        found = get(world, kind, name)
        size = 3 if kind == "DaemonSet" else wanted(found)
        assert ready(world, kind, name) == len(members(world, kind, name)) == size == found.status.ready
    assert all(found.status.finished for found in world.store.list("Job"))
    for there in world.store.list("Node"):
        held = [pod for pod in world.store.on_node(there.key.name) if not pods.ended(pod)]
        assert there.status.millicores == 100 * len(held)


def test_the_same_seed_gives_the_same_history_and_a_fork_the_same_future() -> None:
    one, two = stage(4), stage(4)
    fork = one.fork()
    for world in (one, two, fork):
        disturb(world, "roll", 1)
        disturb(world, "crash", 1)
        world.run_for(700 * SECOND_US)
    assert one.snapshot().store == two.snapshot().store == fork.snapshot().store
    assert one.cluster.events == two.cluster.events == fork.cluster.events
