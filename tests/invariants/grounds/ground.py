"""Where promises are tried: worlds of one topic, and what befalls them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from hypothesis import strategies as st

from stratus_sim.cluster import api
from stratus_sim.cluster.merge import strategic_merge
from stratus_sim.cluster.objects import Resource, finalizers_of, key_of
from stratus_sim.errors import UserError
from stratus_sim.world import World
from tests.invariants.steps import VERBS, Choice, Step, Verb, steps_of

HELD = "example.org/held"


class Ground(NamedTuple):
    """`plans` are what its worlds are made of, by `world`; `verbs` what may happen there."""

    name: str
    plans: st.SearchStrategy[Any]
    world: Callable[[Any], World]
    verbs: Mapping[str, Verb]

    def take(self, world: World, step: Step) -> None:
        """Carry a step out; time stands still."""
        self.verbs[step.verb](world, Choice(step.number))

    def steps(self) -> st.SearchStrategy[Step]:
        return steps_of(*self.verbs)


def common(*names: str) -> dict[str, Verb]:
    """Verbs that are known already."""
    return {name: _come_back if name == "restore" else VERBS[name] for name in names}


def _come_back(world: World, choice: Choice) -> None:
    """A node that does not answer does so again."""
    node = choice.pick(node for node in world.store.list("Node") if not node.status.heartbeat)
    if node is not None:
        world.schedule(0, "node.restore", node.key.name)


def write(world: World, manifest: Mapping[str, Any]) -> bool:
    """Write an object as a user would; False where the API server refuses it."""
    try:
        api.put(world, manifest, "user")
    except UserError:
        return False
    return True


def patched(*kinds: str, to: Callable[[int], Mapping[str, Any]]) -> Verb:
    """A verb that merges into an object of some kinds what `to` makes of the number behind the choice."""

    def patch(world: World, choice: Choice) -> None:
        target = choice.of(world, *kinds)
        if target is not None:
            write(world, strategic_merge(target.manifest, to(choice.number // 3)))

    return patch


def spec_of(choices: list[dict[str, Any]]) -> Callable[[int], Mapping[str, Any]]:
    """One of several patches of a spec."""
    return lambda number: {"spec": choices[number % len(choices)]}


def held(_number: int) -> Mapping[str, Any]:
    """A patch that puts a finalizer on an object."""
    return {"metadata": {"finalizers": [HELD]}}


def let_go(world: World, choice: Choice) -> None:
    """Who holds an object takes that finalizer off."""
    target = choice.pick(found for found in world.store.everything() if HELD in finalizers_of(found.manifest))
    if target is not None:
        left = [one for one in finalizers_of(target.manifest) if one != HELD]
        write(world, {**target.manifest, "metadata": {**target.manifest["metadata"], "finalizers": left}})


def made(manifests: Callable[[int], Mapping[str, Any]]) -> Verb:
    """A verb that applies the manifest of a number, unless what has its name is on its way out."""
    return lambda world, choice: _apply(world, manifests(choice.number))


def _apply(world: World, manifest: Mapping[str, Any]) -> None:
    there = world.store.get(key_of(manifest))
    if there is None or not there.deleting:  # or finalizers would be taken off with it
        write(world, manifest)


def deleted(*kinds: str) -> Verb:
    """A verb that deletes an object of some kinds, in the background, the foreground, or leaving what it owns."""

    def delete(world: World, choice: Choice) -> None:
        target = choice.of(world, *kinds)
        if target is not None:
            _delete(world, target, choice.number)

    return delete


def _delete(world: World, target: Resource, number: int) -> None:
    try:
        api.delete(world, target.key, "user", ("Background", "Background", "Foreground", "Orphan")[number // 3 % 4])
    except UserError:
        return
