"""Whatever an agent does and others write meanwhile: after an abort the configuration is the shadow's."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from stratus_sim.adapters.simulated import SimulatedCluster
from stratus_sim.cluster import api
from stratus_sim.cluster.actions import Action
from stratus_sim.cluster.configuration import ABSENT, Field, Path, flatten, unflatten
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.transaction.driver import validate_trace
from stratus_sim.transaction.journal import MemoryJournal
from stratus_sim.transaction.limits import Limits
from stratus_sim.transaction.recovery import recover
from stratus_sim.transaction.undo import Rollback
from stratus_sim.world import World
from tests.transaction import small


class Human(NamedTuple):
    """Somebody sets one field (ABSENT: removes it) of an object that is there."""

    key: ObjectKey
    path: Path
    value: object

    def write(self, world: World) -> None:
        fields = {**flatten(world.store.state.objects[self.key].manifest), self.path: self.value}
        manifest = unflatten({path: value for path, value in fields.items() if value != ABSENT})
        assert manifest is not None
        api.put(world, manifest, "human")


def env(name: str, value: str | None) -> Action:
    return Action("set-env", "deployment/web", {"env": {name: value}}, small.NAMESPACE)


ACTIONS = (
    *(small.scale(n) for n in (0, 1, 2, 3)),
    *(small.greet(text) for text in ("hello", "bye")),
    *(env(name, value) for name in "AB" for value in ("1", None)),
    Action("patch", "configmap/web", {"patch": {"data": {"greeting": None, "more": "1"}}}, small.NAMESPACE),
    Action("patch", "service/web", {"patch": {"spec": {"ports": [{"port": 80, "targetPort": 9}]}}}, small.NAMESPACE),
    Action("rollout-restart", "deployment/web", {}, small.NAMESPACE),
    Action("set-resources", "deployment/web", {"limits": {"memory": "1Gi"}}, small.NAMESPACE),
    small.delete("service/web"),
    small.delete("configmap/web"),
    small.delete("deployment/web"),
    small.create_settings("new", a="1"),
    small.delete("configmap/new"),
)
HUMANS = (
    Human(small.WEB, small.REPLICAS.path, 4),
    Human(small.WEB, ("metadata", "annotations", "owner"), "me"),
    Human(small.SETTINGS, small.GREETING.path, "moin"),
    Human(small.SETTINGS, ("data", "more"), "2"),
)
STEPS = st.lists(st.sampled_from(ACTIONS) | st.sampled_from(HUMANS), max_size=9)
LIMITS = Limits(actions=9)


@given(STEPS)
@settings(max_examples=120, deadline=None)
def test_abort_leaves_the_shadow(steps: list[Action | Human]) -> None:
    world = small.world()
    shadow, journal = world.fork(), MemoryJournal()
    manager = small.begun(SimulatedCluster(world), journal, limits=LIMITS)
    _play(steps, world, shadow, manager.act)
    decision = manager.abandon("enough")
    assert small.everything(world) == small.everything(shadow)
    assert {write.field for write in decision.kept} <= {Field(human.key, human.path) for human in HUMANS}
    validate_trace(journal.records())


class Crash(BaseException):
    """The process dies; not an Exception, so that nobody handles it."""


@given(STEPS, st.integers(0, 9))
@settings(max_examples=80, deadline=None)
def test_recovery_leaves_the_shadow(steps: list[Action | Human], undone: int) -> None:
    """The undo dies before its entry number `undone` is in the journal, and recovery goes on."""
    world = small.world()
    shadow, journal = world.fork(), MemoryJournal()
    manager = small.begun(SimulatedCluster(world), journal, limits=LIMITS)
    _play(steps, world, shadow, manager.act)
    manager.rollback_type = _dies_after(undone)
    try:
        manager.abandon("enough")
    except Crash:
        recover(journal.reopen(), SimulatedCluster(world))
    assert small.everything(world) == small.everything(shadow)
    validate_trace(journal.records())


def _play(steps: list[Action | Human], world: World, shadow: World, act: Callable[[Action], object]) -> None:
    for step in steps:
        if isinstance(step, Action):
            act(step)
        elif world.store.get(step.key) is not None:
            step.write(world)
            step.write(shadow)


def _dies_after(undone: int) -> type[Rollback]:
    class Dying(Rollback):
        left = undone

        def restore(self, *arguments: object) -> None:
            super().restore(*arguments)  # type: ignore[arg-type]
            self.left -= 1
            if self.left < 0:
                raise Crash

    return Dying
