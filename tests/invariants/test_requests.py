"""Requests are conserved whatever befalls the cluster: what users send is tried, and each try is accounted for."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from stratus_sim.application.dynamics.counters import Counts, LinkCount, WorkloadCount, totals
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.sizing import DEFAULT_LOAD_RPS
from stratus_sim.world import World
from tests.application.test_conservation import balance
from tests.invariants.steps import STEPS, Step, take
from tests.invariants.worlds import EMBEDDED, PLANS, Plan, world_of


@settings(max_examples=30, deadline=None)
@given(PLANS | EMBEDDED, st.lists(st.tuples(STEPS, st.sampled_from([1000, 0, 3000])), min_size=1, max_size=5))
def test_what_users_send_is_counted_and_never_uncounted(plan: Plan, steps: list[tuple[Step, int]]) -> None:
    world = world_of(plan)
    before = totals(world)
    for step, load_permille in steps:
        world.schedule(0, "traffic.load", load_permille)
        world.run_for(2 * SECOND_US)  # an epoch begins within a second
        settled = totals(world)
        take(world, step)
        world.run_for((step.seconds + 1) * SECOND_US)
        now = totals(world)
        balance(now)
        assert all(later >= earlier for earlier, later in zip(_sums(before), _sums(now), strict=True))
        _sent(world, settled, now, (step.seconds + 1) * load_permille * DEFAULT_LOAD_RPS)
        before = now


def _sums(counts: Counts) -> Iterator[int]:
    every: list[WorkloadCount | LinkCount] = [*counts.workloads.values(), *counts.calls.values()]
    for found in [*every, *counts.entries.values()]:
        yield found.succeeded
        yield sum(found.errors.values())
        yield found.latency


def _sent(world: World, before: Counts, after: Counts, expected: int) -> None:
    """As many thousandths of requests were tried at each entry as its users made; an epoch may lose a part of one."""
    assert {*after.entries} == {*world.application.entrypoints}
    for entry, link in after.entries.items():
        tried = link.tried - before.entries[entry].tried
        assert 0 <= expected - tried <= 600, (entry, expected, tried)
