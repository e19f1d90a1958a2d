"""A world of some ground and what befalls it, followed from event to event with an eye on promises."""

from __future__ import annotations

from typing import Any, NamedTuple

from hypothesis import strategies as st

from tests.invariants.grounds.autoscaled import AUTOSCALED
from tests.invariants.grounds.batch import BATCH
from tests.invariants.grounds.ground import Ground
from tests.invariants.grounds.mixed import MIXED
from tests.invariants.grounds.ranks import RANKS
from tests.invariants.grounds.runs import RUNS
from tests.invariants.grounds.sets import SETS
from tests.invariants.grounds.tenants import TENANTS
from tests.invariants.grounds.volumes import VOLUMES
from tests.invariants.promises.every import PROMISES
from tests.invariants.promises.look import Watch
from tests.invariants.steps import Step, instants

GROUNDS = {ground.name: ground for ground in (AUTOSCALED, BATCH, MIXED, RANKS, RUNS, SETS, TENANTS, VOLUMES)}


class Tale(NamedTuple):
    """A world of some ground and what befalls it."""

    ground: str
    plan: Any
    steps: list[Step]


def tales(ground: Ground, most: int) -> st.SearchStrategy[Tale]:
    return st.builds(Tale, st.just(ground.name), ground.plans, st.lists(ground.steps(), min_size=1, max_size=most))


def follow(tale: Tale, promises: tuple[Any, ...] = PROMISES) -> None:
    ground = GROUNDS[tale.ground]
    world = ground.world(tale.plan)
    watch = Watch(world, promises)
    for step in tale.steps:
        ground.take(world, step)
        check(watch.broken(world, by_user=True))
        for now in instants(world, step.seconds):
            check(watch.broken(now))


def check(broken: list[str]) -> None:
    assert not broken, "\n".join(broken)
