"""The table of metrics: name, type, help, and a plain function that yields samples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

from stratus_sim.application.dynamics.counters import Counts, totals
from stratus_sim.application.usage import carried, worked
from stratus_sim.application.work import Carried, Work
from stratus_sim.telemetry.listing import objects
from stratus_sim.telemetry.render import Json

if TYPE_CHECKING:
    from stratus_sim.world import World

Type = Literal["counter", "gauge", "histogram"]
Labels = Mapping[str, str]
_T = TypeVar("_T")


class Moment(int):
    """A value that is an instant, in seconds since 1970."""


class Sample(NamedTuple):
    """One value. `suffix` is what a histogram adds to its name: `_bucket`, `_sum` or `_count`."""

    labels: Labels
    value: int | float
    suffix: str = ""


class Scrape:
    """One look at a world by all exporters: objects as the API server shows them, each rendered once, and counts."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._rendered: dict[str, list[Json]] = {}
        self._read: dict[Callable[[Scrape], Any], Any] = {}

    def objects(self, kind: str) -> list[Json]:
        """The objects of a kind in order of namespace and name; readers do not change them."""
        if kind not in self._rendered:
            self._rendered[kind] = objects(self.world, kind)
        return self._rendered[kind]

    def once(self, read: Callable[[Scrape], Iterator[_T]]) -> list[_T]:
        """What several metrics read alike, read once."""
        if read not in self._read:
            self._read[read] = [*read(self)]
        found: list[_T] = self._read[read]
        return found

    @cached_property
    def counts(self) -> Counts:
        """What was counted of requests since the world began."""
        return totals(self.world)

    @cached_property
    def work(self) -> Mapping[str, Mapping[int, Work]]:
        """What serving containers have done since they started, by workload (`namespace/name`) and uid of the pod."""
        return {name: worked(self.world, name) for name in self.world.traffic.shares}

    @cached_property
    def carried(self) -> Mapping[str, Mapping[int, Carried]]:
        """What the network of pods has carried since they came, by workload (`namespace/name`) and uid of the pod."""
        return {name: carried(self.world, name) for name in self.world.traffic.shares}


Samples = Callable[[Scrape], Iterator[Sample]]
_S = TypeVar("_S", bound=Samples)


class Metric(NamedTuple):
    """A row: a family of samples under one name. Counters end in `_total`, units are those of the name."""

    name: str
    type: Type
    help: str
    samples: Samples


METRICS: dict[str, Metric] = {}
"""Every metric there is, by name, in the order they were registered."""


def register(row: Metric) -> Metric:
    """Add a row to the table.

    Raises:
        ValueError: another one has this name.
    """
    if METRICS.setdefault(row.name, row) is not row:
        raise ValueError(f"two metrics are called {row.name!r}: rename one")
    return row


def metric(name: str, type_: Type, help_: str) -> Callable[[_S], _S]:
    """Register `function(scrape)`, which yields samples, as the metric `name`.

    Raises:
        ValueError: another one has this name.
    """

    def add(samples: _S) -> _S:
        register(Metric(name, type_, help_, samples))
        return samples

    return add
