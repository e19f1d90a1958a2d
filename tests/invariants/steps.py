"""What befalls a world, as data: writes, evictions, lost nodes and faults, each on an object chosen by number."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from hypothesis import strategies as st

from stratus_sim.cluster import api
from stratus_sim.cluster.actions import Action, InvalidAction, effects
from stratus_sim.cluster.merge import strategic_merge
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.errors import UserError
from stratus_sim.faults import FAULTS, inject
from stratus_sim.kernel import SECOND_US
from stratus_sim.world import World
from tests.cluster.workloads import job
from tests.invariants.worlds import OTHER, kept_apart, machine

ROLLED = ("Deployment", "StatefulSet", "DaemonSet")


class Step(NamedTuple):
    """`verb` is carried out on the object `number` chooses, then `seconds` go by."""

    verb: str
    number: int = 0
    seconds: int = 0


class Choice(NamedTuple):
    """Chooses by number among the objects of the namespace `OTHER`, or among all but these and its nodes."""

    number: int
    other: bool = False

    def pick(self, found: Iterable[Resource]) -> Resource | None:
        mine = [one for one in found if self.meant(one.key)]
        return mine[self.number % len(mine)] if mine else None

    def meant(self, key: ObjectKey) -> bool:
        return key.namespace == OTHER if self.other else OTHER not in (key.namespace, key.name[: len(OTHER)])

    def of(self, world: World, *kinds: str) -> Resource | None:
        return self.pick(found for kind in kinds for found in world.store.list(kind))


Verb = Callable[[World, Choice], None]


def act(world: World, verb: str, target: ObjectKey, **arguments: Any) -> bool:
    """Carry an action out as a user would, without a transaction; False where the API server refuses it."""
    try:
        for write in effects(world, Action(verb, f"{target.kind}/{target.name}", arguments, target.namespace)):
            if write.after is None:
                api.delete(world, write.key, "user")
            else:
                api.put(world, write.after, "user")
    except (InvalidAction, UserError):
        return False
    return True


def _on(kinds: tuple[str, ...], verb: str, *choices: dict[str, Any]) -> Verb:
    """A verb on an object of some kinds, with one of several sets of arguments."""

    def carry_out(world: World, choice: Choice) -> None:
        target = choice.of(world, *kinds)
        if target is not None:
            act(world, verb, target.key, **(choices[choice.number % len(choices)] if choices else {}))

    return carry_out


def _remove(world: World, choice: Choice) -> None:
    """A workload is deleted and applied again at once, or not at all."""
    target = choice.of(world, *ROLLED)
    if target is not None:
        api.delete(world, target.key, "user")
        if choice.number % 2:
            api.put(world, target.manifest, "user")


def _leave(world: World, choice: Choice) -> None:
    """A workload is deleted without what it owns, and applied again at once, or not at all."""
    target = choice.of(world, *ROLLED)
    if target is not None:
        api.delete(world, target.key, "user", "Orphan")
        if choice.number % 2:
            api.put(world, target.manifest, "user")


def _relabel(world: World, choice: Choice) -> None:
    """A pod is taken out of its workload by its label, or somebody's label is put on it."""
    target = choice.of(world, "Pod")
    if target is not None:
        label = (None, "a", "b")[choice.number % 3]
        api.put(world, strategic_merge(target.manifest, {"metadata": {"labels": {"app": label}}}), "user")


def _retain(world: World, choice: Choice) -> None:
    """Another policy about what becomes of a StatefulSet's claims."""
    target, words = choice.of(world, "StatefulSet"), ("Retain", "Delete")
    if target is not None:
        policy = {"whenDeleted": words[choice.number % 2], "whenScaled": words[choice.number // 2 % 2]}
        patch = {"spec": {"persistentVolumeClaimRetentionPolicy": policy}}
        api.put(world, strategic_merge(target.manifest, patch), "user")


def _forget(world: World, choice: Choice) -> None:
    target = choice.of(world, "PersistentVolumeClaim")
    if target is not None:
        api.delete(world, target.key, "user")


def _bound(world: World, choice: Choice) -> None:
    """Other bounds on a rollout that may be under way."""
    target = choice.of(world, "Deployment")
    if target is not None:
        rolling = {"maxSurge": choice.number % 3, "maxUnavailable": choice.number // 3 % 3}
        act(world, "patch", target.key, patch={"spec": {"strategy": {"rollingUpdate": rolling}}})


def _node(name: str) -> Verb:
    def schedule(world: World, choice: Choice) -> None:
        node = choice.of(world, "Node")
        if node is not None:
            world.schedule(0, name, node.key.name)

    return schedule


def _swap_node(world: World, choice: Choice) -> None:
    """A node leaves; or the first that is missing joins."""
    names = [f"n{n}" for n in range(0 if choice.other else 3)]
    missing = [name for name in names if world.store.get(ObjectKey("Node", "", name)) is None]
    node = choice.of(world, "Node")
    if choice.number % 2 and missing:
        api.put(world, machine(missing[0]), "user")
    elif node is not None:
        api.delete(world, node.key, "user")


def _delete_set(world: World, choice: Choice) -> None:
    target = choice.of(world, "ReplicaSet")
    if target is not None:
        api.delete(world, target.key, "user")


def _strike(name: str) -> Verb:
    def strike(world: World, choice: Choice) -> None:
        found = [key for key in FAULTS[name].targets(world) if choice.meant(key)]
        if found:
            inject.schedule(world, 0, name, found[choice.number % len(found)])

    return strike


def _mend_fault(world: World, choice: Choice) -> None:
    active = [fault for fault in sorted(world.faults.active) if choice.meant(fault[1])]
    if active:
        world.schedule(0, "fault.heal", *active[choice.number % len(active)])


def _job(world: World, choice: Choice) -> None:
    number = choice.number % 14  # one name has one template: a Job's cannot be changed
    made = job(f"j{number}", command=f"sleep {number % 7}; exit {number % 2}", backoffLimit=1)
    api.put(world, kept_apart(made) if choice.other else made, "user")


VERBS: dict[str, Verb] = {
    "roll": _on(ROLLED, "set-env", {"env": {"ROUND": "1"}}, {"env": {"ROUND": "2"}}, {"env": {"ROUND": None}}),
    "break": _on(ROLLED, "set-image", {"image": "w:no-such-tag"}, {"image": "w:1"}),
    "starve": _on(ROLLED, "set-resources", {"requests": {"cpu": "900m"}}, {"requests": {"cpu": "100m"}}),
    "scale": _on(("Deployment", "StatefulSet"), "scale", *({"replicas": n} for n in (0, 1, 2, 3, 5))),
    "undo": _on(("Deployment",), "rollout-undo"),
    "pause": _on(("Deployment",), "rollout-pause"),
    "resume": _on(("Deployment",), "rollout-resume"),
    "bound": _bound,
    "kill": _on(("Pod",), "delete"),
    "evict": _on(("Pod",), "evict"),
    "drain": _on(("Node",), "drain"),
    "cordon": _on(("Node",), "cordon"),
    "uncordon": _on(("Node",), "uncordon"),
    "taint": _on(("Node",), "taint", {"taints": ["x:NoExecute"]}, {"taints": ["x:NoExecute-"]}),
    "crash": _node("node.crash"),
    "restore": _node("node.restore"),
    "swap node": _swap_node,
    "remove": _remove,
    "delete set": _delete_set,
    "leave": _leave,
    "relabel": _relabel,
    "retain": _retain,
    "forget": _forget,
    "service": _on(("Service",), "patch", {"patch": {"spec": {"selector": {"app": "a"}}}}),
    "job": _job,
    "mend": _mend_fault,
    **{f"strike {name}": _strike(name) for name in sorted(FAULTS)},
}


def steps_of(*verbs: str) -> st.SearchStrategy[Step]:
    return st.builds(Step, st.sampled_from(verbs), st.integers(0, 59), st.sampled_from([0, 1, 3, 10, 45, 120, 400]))


STEPS = steps_of(*VERBS)


def take(world: World, step: Step, *, other: bool = False) -> None:
    """Carry a step out, on the namespace `OTHER` or on all but that and its nodes; time stands still."""
    VERBS[step.verb](world, Choice(step.number, other))


def instants(world: World, seconds: int) -> Iterator[World]:
    """The world after every single event of the next seconds, and at their end."""
    end_us = world.now_us + seconds * SECOND_US
    while world.kernel.queued or any(timer.due_us <= end_us for timer in world.kernel.timers.values()):
        world.step()
        yield world
    world.run_until(end_us)
    yield world
