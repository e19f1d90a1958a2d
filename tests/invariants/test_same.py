"""What has no influence: that a world was forked, pickled or is played again, and what goes on in another namespace."""

from __future__ import annotations

import pickle
import re
from dataclasses import fields, is_dataclass
from typing import Any

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st
from immutables import Map

from stratus_sim.application import epochs
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.volumes_status import VolumeStatus
from stratus_sim.faults.network import CHAOS_NAMESPACE
from stratus_sim.kernel import SECOND_US, Timer
from stratus_sim.kernel.log import Log, since
from stratus_sim.world import World
from tests.invariants.steps import STEPS, Step, take
from tests.invariants.worlds import EMBEDDED, OTHER, PLANS, Plan, Shape, beside, world_of


def played(world: World, steps: list[Step]) -> World:
    for step in steps:
        take(world, step)
        world.run_for(step.seconds * SECOND_US)
    return world


def data(world: World) -> bytes:
    """All that changes of a world, in an order that does not depend on which equal values are one object."""
    snapshot = world.snapshot()
    return repr([_plain(getattr(snapshot, f.name)) for f in fields(snapshot) if f.name != "application"]).encode()


def _plain(value: Any, numbered: bool = True) -> Any:
    """Nested lists of plain values; timers without their place in the queue where not `numbered`."""
    if isinstance(value, Map):
        return [(key, _plain(found, numbered)) for key, found in sorted(value.items(), key=_by_text)]
    if isinstance(value, frozenset):
        return sorted(map(repr, value))
    if isinstance(value, Log):
        return [tuple(event) for event in since(value, 0)]
    if isinstance(value, Timer) and not numbered:
        return value.due_us, value.handler
    if isinstance(value, msgspec.Struct):
        return type(value).__name__, [_plain(getattr(value, name), numbered) for name in value.__struct_fields__]
    if is_dataclass(value):
        parts = [f.name for f in fields(value) if f.compare]  # the others are what was read off these
        return type(value).__name__, [_plain(getattr(value, name), numbered) for name in parts]
    return [_plain(item, numbered) for item in value] if isinstance(value, tuple | list) else value


def _by_text(item: tuple[Any, Any]) -> str:
    return repr(item[0])


CHAIN = Plan(2, (Shape(), Shape()))


@settings(max_examples=20, deadline=None)
@example(CHAIN, [Step("kill", 0, 45)], [Step("kill", 0, 45)])
@example(Plan(3, ()), [Step("strike env-var-wrong-value", 1, 3)], [Step("delete set", 59, 1)])  # one without pods
@given(PLANS | PLANS | PLANS | EMBEDDED, st.lists(STEPS, max_size=4), st.lists(STEPS, min_size=1, max_size=4))
def test_a_fork_and_the_same_steps_give_the_same_bytes(plan: Plan, before: list[Step], after: list[Step]) -> None:
    world = played(world_of(plan), before)
    there = pickle.dumps(world.snapshot())
    forks = [world.fork(), World(pickle.loads(there)), world]
    first, *others = [data(played(fork, after)) for fork in forks]
    assert all(other == first for other in others)


@settings(max_examples=40, deadline=None)
@example(CHAIN, CHAIN, [(Step("kill", 0, 10), Step("strike network-partition"))])
@given(PLANS, PLANS, st.lists(st.tuples(STEPS, STEPS), min_size=1, max_size=4))
def test_what_goes_on_in_another_namespace_changes_nobodys_history(
    plan: Plan, others: Plan, steps: list[tuple[Step, Step]]
) -> None:
    alone, accompanied = beside(plan, None), beside(plan, others)
    for mine, theirs in steps:
        take(accompanied, theirs, other=True)
        for world in (alone, accompanied):
            world.run_for(SECOND_US)
            take(world, mine)
            world.run_for(mine.seconds * SECOND_US)
    assert history(accompanied) == history(alone)


def history(world: World) -> list[str]:
    """What became of the objects of a plan, with everything said about them, and how its requests fare. Numbers and
    addresses the cluster gives out are left out: in etcd, too, a revision depends on how many writes there were to
    other objects, and an address on which were taken."""
    everything = world.store.everything()
    mine = [found for found in everything if _of_plan(found.key) and _of_plan(_belongs_to(found))]
    lines = [f"{f.key} {f.manifest} {f.owner} {f.created_us} {f.deleting} {_plain(_status(f), False)}" for f in mine]
    events = [event for event in world.cluster.events.values() if event.reason not in _TRIED_AGAIN]
    lines += [str(_plain(event)) for event in events if _of_plan(event.involved)]
    logged = [event for event in since(world.kernel.log, 0) if not _THEIRS.search(str(event.data))]
    flows = epochs.current(world)
    answers = [(c.call.source_key, c.call.target_key, c.success_permille, c.error) for c in flows.calls]
    answers += [("", entry.service, entry.success_permille, entry.error) for entry in flows.entries]
    answers = [answer for answer in answers if not answer[1].startswith(f"{OTHER}/")]
    lines += [*map(str, logged), *map(str, answers)]
    return sorted(_NUMBER.sub("#", line) for line in lines)


def _status(found: Resource) -> Any:
    """A pod that waits for room shows what the scheduler said when it last tried."""
    waits = found.key.kind == "Pod" and found.status.reason == "Unschedulable"
    return msgspec.structs.replace(found.status, message="") if waits else found.status


def _belongs_to(found: Resource) -> ObjectKey:
    """Whose it is: its owner's, or of a volume that was made the claim's it was made for."""
    if isinstance(found.status, VolumeStatus) and found.status.claim is not None:
        return ObjectKey("PersistentVolumeClaim", *found.status.claim)
    return found.owner or found.key


def _of_plan(key: ObjectKey) -> bool:
    return key.namespace not in (OTHER, CHAOS_NAMESPACE) and not key.name.startswith(OTHER)


_TRIED_AGAIN = frozenset({"FailedScheduling", "WaitForFirstConsumer"})
"""Scheduler and volume binder are everybody's: how often they try again depends on who else left room."""
_NUMBER = re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b10(\.\d+){3}\b")
_THEIRS = re.compile(rf"\bin ({OTHER}|{CHAOS_NAMESPACE})\b|Node/{OTHER}-")
