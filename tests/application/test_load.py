"""What users ask for: as declared, in whole numbers, the same on every machine, whether or not they are answered."""

from __future__ import annotations

from pathlib import Path

import pytest

from stratus_sim.application import epochs
from stratus_sim.application.dynamics.counters import totals
from stratus_sim.application.dynamics.load import poisson
from stratus_sim.faults import find, inject
from stratus_sim.kernel import SECOND_US
from stratus_sim.kernel.streams import draw_bits
from stratus_sim.manifests.topology import load_topology
from stratus_sim.manifests.traffic_reader import Names, read_traffic
from stratus_sim.manifests.traffic_shapes import DeclaredLoad
from stratus_sim.world import World
from tests.application.mesh import key, mesh, scale

POISSON = DeclaredLoad(rps=100, arrivals="poisson")


def asked(world: World) -> int:
    """Thousandths of requests users have made."""
    return totals(world).entries["default/a"].tried


def seconds(world: World, count: int) -> list[int]:
    """Thousandths of requests in each of the next seconds."""
    found = []
    for _ in range(count):
        before = asked(world)
        world.run_for(SECOND_US)
        found.append(asked(world) - before)
    return found


@pytest.mark.parametrize("mean", [100, 2_500, 100_000, 3_000_000])
def test_poisson_counts_have_the_mean_and_the_variance_of_their_name(mean: int) -> None:
    found = [poisson(mean, draw_bits(7, "a", "test", index)) for index in range(4000)]
    expected = mean / 1000
    average = sum(found) / len(found)
    variance = sum((n - average) ** 2 for n in found) / len(found)
    assert average == pytest.approx(expected, abs=4 * (expected / len(found)) ** 0.5)
    assert variance == pytest.approx(expected, rel=0.15)


def test_poisson_counts_are_pinned() -> None:
    """No floating point takes part, so these are what any machine draws."""
    assert [poisson(100_000, draw_bits(1, "a", "arrivals", i)) for i in range(8)] == [
        96,
        104,
        93,
        95,
        125,
        100,
        98,
        104,
    ]


def test_arrivals_are_whole_and_differ_from_second_to_second() -> None:
    found = seconds(mesh("a>b", load=POISSON), 60)
    assert all(count % 1000 == 0 for count in found)
    assert len({*found}) > 20
    assert sum(found) / 60_000 == pytest.approx(100, rel=0.05)


def test_the_same_seed_is_the_same_day() -> None:
    world = mesh("a>b", load=POISSON)
    assert seconds(world.fork(), 20) == seconds(world.fork(), 20)


def test_users_do_not_slow_down_when_the_system_does() -> None:
    well, broken = mesh("a>b", load=POISSON), mesh("a>b", load=POISSON)
    scale(broken, "b", 0)
    assert seconds(well, 30) == seconds(broken, 30)
    assert epochs.current(broken).entries[0].success_permille == 0


def test_an_entry_without_load_is_quiet() -> None:
    world = mesh("a>b", load=DeclaredLoad(rps=0))
    assert (asked(world), len(world.kernel.timers)) == (0, 0)


@pytest.mark.parametrize(
    ("repeat", "expected"),
    [(False, [10, 20, 0, 40, 40, 40]), (True, [10, 20, 0, 40, 10, 20])],
)
def test_a_trace_is_followed_second_by_second(repeat: bool, expected: list[int]) -> None:
    world = mesh("a>b", load=DeclaredLoad(trace=[10, 20, 0, 40], repeat=repeat))
    assert asked(world) == 180 * 10_000, "the first figure holds until the application stands"
    assert seconds(world, 6) == [1000 * rps for rps in expected]
    world.run_for(60 * SECOND_US)
    assert bool(world.kernel.timers) is repeat


def test_load_scales_what_is_declared() -> None:
    world = mesh("a>b", load=DeclaredLoad(rps=100))
    world.schedule(0, "traffic.load", 1333)
    world.run_for(10 * SECOND_US)
    assert seconds(world, 2) == [133_300, 133_300]


def test_a_trace_may_be_noisy() -> None:
    found = seconds(mesh("a>b", load=DeclaredLoad(trace=[200, 0], repeat=True, arrivals="poisson")), 40)
    assert {*found[1::2]} == {0}
    assert len({*found[0::2]}) > 10


def test_a_trace_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "day.csv").write_text("0,10\n1,20\n")
    (tmp_path / "topology.yaml").write_text("load: {trace: day.csv}")
    traffic = read_traffic(load_topology(tmp_path / "topology.yaml"), Names((), {}, ()))
    assert traffic.load.trace == (10, 20)


@pytest.mark.parametrize("load", [None, DeclaredLoad(rps=100), DeclaredLoad(rps=100, arrivals="poisson")])
def test_a_spike_is_of_one_entry_and_ends_when_it_is_switched_off(load: DeclaredLoad | None) -> None:
    world = mesh("a>c", "b>c", entrypoints=("a", "b"), load=load)
    fault, target = find("load-spike"), key("a", "Service")
    assert fault.targets(world) == [target, key("b", "Service")]
    assert not fault.evident(world, target)
    inject.schedule(world, 0, fault.name, target)
    world.run_for(2 * SECOND_US)
    before = totals(world).entries
    world.run_for(60 * SECOND_US)
    came = [totals(world).entries[name].tried - before[name].tried for name in ("default/a", "default/b")]
    assert came == pytest.approx([60 * 100_000, 60 * 50_000], rel=0.05)
    assert [fault.evident(world, one) for one in fault.targets(world)] == [True, False]
    world.schedule(0, "fault.heal", fault.name, target)
    world.run_for(2 * SECOND_US)
    assert not fault.evident(world, target)
    assert not world.traffic.spikes
