"""Owner references that users write, circles among them: whatever is deleted, however, nothing is left half-way."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import example, given, settings
from hypothesis import strategies as st

from stratus_sim.cluster import api
from stratus_sim.cluster.garbage import Propagation
from stratus_sim.cluster.objects import ObjectKey, referred_by
from stratus_sim.kernel import SECOND_US
from stratus_sim.world import World
from tests.cluster.workloads import Spec, cluster, key

NAMES = "abcde"


class Edge(NamedTuple):
    """That `child` names `owner`, and whether it blocks its deletion."""

    owner: str
    child: str
    blocks: bool


Deletions = list[tuple[str, Propagation]]
EDGES = st.lists(st.builds(Edge, st.sampled_from(NAMES), st.sampled_from(NAMES), st.booleans()), max_size=8)
DELETED: st.SearchStrategy[Deletions] = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(["Background", "Foreground", "Orphan"])), min_size=1, max_size=3
)


def config(name: str, edges: list[Edge]) -> Spec:
    references = [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": e.owner, "uid": "1", "blockOwnerDeletion": e.blocks}
        for e in edges
        if e.child == name
    ]
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "ownerReferences": references}}


def named(edges: list[Edge]) -> World:
    """A ConfigMap of each name, first without owners, as one could not come before the other in a circle."""
    world = cluster(*(config(name, []) for name in NAMES), nodes=0)
    for name in NAMES:
        api.put(world, config(name, edges), "user")
    world.run_for(SECOND_US)
    assert [found.key.name for found in world.store.list("ConfigMap")] == [*NAMES]
    return world


@settings(max_examples=200, deadline=None)
@example([Edge("a", "b", True), Edge("b", "a", True)], [("a", "Foreground")])
@example([Edge("a", "a", True)], [("a", "Foreground")])
@example([Edge("a", "b", True), Edge("b", "c", True), Edge("c", "a", False)], [("b", "Foreground")])
@given(EDGES, DELETED)
def test_what_is_deleted_goes_with_all_that_has_no_other_owner(edges: list[Edge], deleted: Deletions) -> None:
    world = named(edges)
    for name, propagation in deleted:
        api.delete(world, key("ConfigMap", name), "user", propagation)
        world.run_for(SECOND_US)
        left = {found.key: found for found in world.store.list("ConfigMap")}
        assert key("ConfigMap", name) not in left
        assert not [str(k) for k, found in left.items() if found.deleting], "nobody will take them away any more"
        owners = {str(k): referred_by(found.manifest) for k, found in left.items()}
        assert all(not found or left.keys() & {*found} for found in owners.values())


def test_only_who_blocks_is_waited_for_in_the_foreground() -> None:
    world = named([Edge("a", "b", True), Edge("a", "c", False)])
    for name in "bc":
        found = world.store.state.objects[key("ConfigMap", name)].manifest
        held = {**found, "metadata": {**found["metadata"], "finalizers": ["example.org/x"]}}
        api.put(world, held, "user")
    api.delete(world, key("ConfigMap", "a"), "user", "Foreground")
    world.run_for(SECOND_US)
    assert _deleting(world) == {"a": True, "b": True, "c": False}
    fork = world.fork()
    api.put(world, config("b", [Edge("a", "b", True)]), "user")
    api.put(fork, {**config("b", []), "data": {"x": "1"}}, "user")
    world.run_for(SECOND_US)
    assert _deleting(world) == {"c": True}
    fork.run_for(SECOND_US)
    assert _deleting(fork) == {"c": True}


def _deleting(world: World) -> dict[str, bool]:
    found = [world.store.get(ObjectKey("ConfigMap", "default", name)) for name in "abc"]
    return {one.key.name: one.deleting for one in found if one is not None}


def test_who_is_given_to_nobody_there_goes() -> None:
    world = named([])
    api.put(world, config("b", [Edge("nobody", "b", True)]), "user")
    world.run_for(SECOND_US)
    assert [found.key.name for found in world.store.list("ConfigMap")] == ["a", "c", "d", "e"]
