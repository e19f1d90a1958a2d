"""Whatever is written and whatever fails: what Kubernetes promises holds after every single event."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.world import World
from tests.invariants.always import EVER, SETTLED, Rollouts, spent
from tests.invariants.steps import STEPS, Step, instants, steps_of, take
from tests.invariants.worlds import EMBEDDED, GUARDED, PLANS, Plan, Shape, world_of

Budgets = dict[ObjectKey, tuple[int, int]]
EVICTING = frozenset({"evict", "drain"})
CROWDED = Plan(1, (Shape(replicas=2, millicores=600),))
"""Of two pods one has room."""
EMPTY = Plan(1, (Shape(replicas=0, surge=0, wait_s=5),))


def watch(world: World, steps: list[Step]) -> None:
    rollouts = Rollouts(world)
    for step in steps:
        before = spent(world)
        take(world, step)
        if step.verb in EVICTING:
            _nobody_broke(before, spent(world))
        for now in instants(world, step.seconds):
            check(now, rollouts)


def check(world: World, rollouts: Rollouts) -> None:
    broken = [told for look in EVER for told in look(world)]
    if not world.kernel.queued:
        broken += [told for look in SETTLED for told in look(world)]
        broken += rollouts.broken(world)
    assert not broken, "\n".join(broken)


def _nobody_broke(before: Budgets, after: Budgets) -> None:
    for key, (healthy, desired) in after.items():
        assert healthy >= min(before[key][0], desired), f"{key}: {healthy} left of {before[key][0]}, {desired} wanted"


@settings(max_examples=60, deadline=None)
@example(CROWDED, [Step("roll", 0), Step("roll", 1), Step("scale", 1)])  # of three sets the oldest goes, which serves
@example(EMPTY, [Step("scale", 2), Step("roll", 0, 3), Step("roll", 1)])  # who is ready and not yet available goes
@given(PLANS, st.lists(STEPS, min_size=1, max_size=6))
def test_promises_hold_after_every_event(plan: Plan, steps: list[Step]) -> None:
    watch(world_of(plan), steps)


@settings(max_examples=60, deadline=None)
@given(
    GUARDED,
    st.lists(steps_of("evict", "drain", "uncordon", "kill", "scale", "crash", "restore"), min_size=2, max_size=8),
)
def test_no_eviction_breaks_a_budget(plan: Plan, steps: list[Step]) -> None:
    watch(world_of(plan), steps)


@settings(max_examples=60, deadline=None)
@given(PLANS, st.lists(steps_of("swap node", "swap node", "swap node", "kill", "crash"), min_size=2, max_size=8))
def test_nodes_that_come_and_go_are_never_overfull(plan: Plan, steps: list[Step]) -> None:
    watch(world_of(plan), steps)


@settings(max_examples=10, deadline=None)
@given(EMBEDDED, st.lists(STEPS, min_size=1, max_size=4))
def test_promises_hold_in_the_embedded_application(plan: Plan, steps: list[Step]) -> None:
    watch(world_of(plan), steps)


@pytest.mark.slow
@settings(max_examples=3000, deadline=None)
@given(PLANS, st.lists(STEPS, min_size=1, max_size=10))
def test_promises_hold_after_every_event_many_times(plan: Plan, steps: list[Step]) -> None:
    watch(world_of(plan), steps)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(EMBEDDED, st.lists(STEPS, min_size=1, max_size=10))
def test_promises_hold_in_the_embedded_application_many_times(plan: Plan, steps: list[Step]) -> None:
    watch(world_of(plan), steps)
