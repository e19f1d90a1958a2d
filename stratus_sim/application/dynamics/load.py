"""How many requests users make: as many whether or not they are answered."""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING

from stratus_sim.application.behaviours.flags import load_permille
from stratus_sim.application.dynamics.plan import Plan, types_of
from stratus_sim.application.dynamics.queueing import split
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.application import Application
from stratus_sim.manifests.sizing import DEFAULT_LOAD_RPS
from stratus_sim.manifests.traffic import STANDING_S, Load

if TYPE_CHECKING:
    from stratus_sim.world import World

MILLI = 1000
_BITS = 64
_TAIL = 1 << 96
"""The most likely count is given this weight; what is less likely by more never happens."""


def arrivals(world: World, plan: Plan) -> tuple[int, ...]:
    """Thousandths of requests of each type that users have made in the second that ends now."""
    expected = means(world, plan, world.now_us)
    if not world.application.traffic.load.poisson:
        return expected
    return tuple(_drawn(world, one.name, mean) for one, mean in zip(plan.types, expected, strict=True))


def means(world: World, plan: Plan, until_us: int) -> tuple[int, ...]:
    """Thousandths of requests of each type to be expected in a second, spikes included."""
    found, spikes = declared_means(world, until_us), world.traffic.spikes
    if not spikes:
        return found
    return tuple([mean * spikes.get(one.service, MILLI) // MILLI for one, mean in zip(plan.types, found, strict=True)])


def declared_means(world: World, until_us: int) -> tuple[int, ...]:
    """The same of users as the topology has them, spikes aside."""
    application, declared = world.application, world.application.traffic.load
    asked = _total(application, declared, until_us) - _total(application, declared, until_us - SECOND_US)
    return _by_type(application, asked * load_permille(world) // 1000)


@lru_cache(maxsize=1024)
def _by_type(application: Application, asked: int) -> tuple[int, ...]:
    return tuple(split(asked, [one.weight for one in types_of(application)]))


def restless(application: Application, now_us: int) -> bool:
    """Whether the load changes by itself."""
    load = application.traffic.load
    going_on = load.repeat or now_us < (STANDING_S + len(load.trace)) * SECOND_US
    return load.poisson or (len(load.trace) > 1 and going_on)


def poisson(mean: int, bits: int) -> int:
    """The count that 64 random bits stand for, of a Poisson distribution with a mean in thousandths.

    >>> [poisson(2500, bits << 60) for bits in range(16)]
    [0, 0, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5]
    """
    first, steps = _distribution(mean)
    return first + bisect_right(steps, bits * steps[-1] >> _BITS)


@lru_cache(maxsize=1024)
def _distribution(mean: int) -> tuple[int, tuple[int, ...]]:
    """The least count with any weight, and the cumulative weights from there on, in whole numbers.

    Weights follow from their neighbours: p(k + 1) = p(k) * mean / (k + 1).
    """
    mode = mean // MILLI
    below, above = [], [_TAIL]
    weight, count = _TAIL, mode
    while weight := weight * MILLI * count // mean if count else 0:
        below.append(weight)
        count -= 1
    weight, top = _TAIL, mode
    while weight := weight * mean // (MILLI * (top + 1)):
        above.append(weight)
        top += 1
    return count, tuple(accumulate([*reversed(below), *above]))


def _drawn(world: World, name: str, mean: int) -> int:
    return MILLI * poisson(mean, world.draw(f"traffic/{name}", "arrivals", 0, (1 << _BITS) - 1)) if mean else 0


def _total(application: Application, load: Load, time_us: int) -> int:
    """Thousandths of requests of all types since the world began, at full load."""
    if load.trace:
        return _traced(load, time_us)
    rate = MILLI * (load.rps if load.rps is not None else DEFAULT_LOAD_RPS * len(application.entrypoints))
    return rate * time_us // SECOND_US


def _traced(load: Load, time_us: int) -> int:
    """The integral of a trace: its first figure holds before it begins, its last when it has ended."""
    rates, begun_us = load.trace, STANDING_S * SECOND_US
    if time_us < begun_us:
        return MILLI * rates[0] * time_us // SECOND_US
    rounds, second = divmod((time_us - begun_us) // SECOND_US, len(rates))
    before = MILLI * rates[0] * STANDING_S
    if rounds and not load.repeat:
        end_us = begun_us + len(rates) * SECOND_US
        return before + MILLI * sum(rates) + MILLI * rates[-1] * (time_us - end_us) // SECOND_US
    part = MILLI * rates[second] * (time_us % SECOND_US) // SECOND_US
    return before + MILLI * (rounds * sum(rates) + _sums(rates)[second]) + part


@lru_cache(maxsize=64)
def _sums(rates: tuple[int, ...]) -> tuple[int, ...]:
    """What came before each second of a trace."""
    return (0, *accumulate(rates))
