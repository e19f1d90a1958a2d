"""A run holds the collector of cyclic garbage still, and leaves nothing for it to find."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from benchmarks.worlds import cluster
from stratus_sim.kernel import SECOND_US, Kernel, KernelState, handler

SEEN: list[bool] = []


@handler("test.collector")
def look(world: Kernel) -> None:
    SEEN.append(gc.isenabled())


@handler("test.collector-fails")
def fail(world: Kernel) -> None:
    raise RuntimeError("on purpose")


@pytest.fixture
def enabled(request: pytest.FixtureRequest) -> Iterator[bool]:
    found = gc.isenabled()
    (gc.enable if request.param else gc.disable)()
    yield request.param
    (gc.enable if found else gc.disable)()


@pytest.mark.parametrize("enabled", [True, False], indirect=True)
@pytest.mark.parametrize("fails", [True, False])
def test_the_collector_stands_still_in_a_run_and_is_as_it_was_after_it(enabled: bool, fails: bool) -> None:
    SEEN.clear()
    world = Kernel(KernelState())
    world.schedule(1, "test.collector")
    if fails:
        world.schedule(2, "test.collector-fails")
        with pytest.raises(RuntimeError):
            world.run_until(5)
    else:
        world.run_until(5)
    assert SEEN == [False]
    assert gc.isenabled() is enabled


def test_what_a_run_lets_go_of_is_in_no_cycle() -> None:
    world = cluster(20, failing_every=1)
    world.run_for(60 * SECOND_US)
    gc.collect()
    before = world.kernel.fired
    world.run_for(900 * SECOND_US)
    assert world.kernel.fired - before > 300
    assert gc.collect() == 0
