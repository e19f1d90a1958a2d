"""Instant queries: the samples of one metric whose labels fit, in the shape of Prometheus' HTTP API.

Source: prometheus.io/docs/prometheus/latest/querying/api ("Instant queries"), and of basics ("Instant vector
selectors") the matchers for equal and not equal. There are no functions and no ranges: what a counter rises by is
asked for twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import TYPE_CHECKING, NamedTuple

from stratus_sim.cluster.calendar import moment
from stratus_sim.telemetry.metrics.exposition import number
from stratus_sim.telemetry.metrics.table import METRICS, Labels, Metric, Scrape
from stratus_sim.telemetry.render import Json

if TYPE_CHECKING:
    from stratus_sim.world import World

_MATCHER = re.compile(r'\s*([a-zA-Z_]\w*)\s*(=|!=)\s*"((?:[^"\\]|\\.)*)"\s*(,|$)')
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_SUFFIXES = ("_bucket", "_sum", "_count")


class Malformed(ValueError):
    """A query that cannot be answered; the message says what is expected."""


class Matcher(NamedTuple):
    """A label a sample has to have, or not to have; an absent label is an empty one."""

    label: str
    value: str
    equal: bool = True

    def fits(self, labels: Labels) -> bool:
        return (labels.get(self.label, "") == self.value) == self.equal


def matchers(text: str) -> tuple[Matcher, ...]:
    r"""The matchers of a selector, with or without its braces.

    >>> matchers('{namespace="hotel", reason!="OOMKilled"}')[1]
    Matcher(label='reason', value='OOMKilled', equal=False)

    Raises:
        Malformed: it is no list of matchers.
    """
    rest, found = text.strip().removeprefix("{").removesuffix("}").strip(), []
    while rest:
        match = _MATCHER.match(rest)
        if match is None:
            raise Malformed(f'selector {rest[:60]!r}: expected label="value" or label!="value", with commas between')
        label, sign, value, _ = match.groups()
        found.append(Matcher(label, re.sub(r"\\(.)", r"\1", value), sign == "="))
        rest = rest[match.end() :]
    return tuple(found)


def query(world: World, name: str, wanted: Iterable[Matcher] = ()) -> list[Json]:
    """The samples of a metric now: its labels with `__name__`, and [seconds since 1970, value as text].

    A histogram is asked for by the names of its samples, with `_bucket`, `_sum` or `_count`.

    Raises:
        Malformed: there is no metric of this name.
    """
    row, suffix = _row(name)
    at_s, chosen = moment(world.now_us).timestamp(), tuple(wanted)
    return [
        {"metric": {"__name__": name, **sample.labels}, "value": [at_s, number(sample.value)]}
        for sample in row.samples(Scrape(world))
        if sample.suffix == suffix and all(matcher.fits(sample.labels) for matcher in chosen)
    ]


def _row(name: str) -> tuple[Metric, str]:
    if not _NAME.fullmatch(name):
        raise Malformed(
            f"{name[:60]!r} is no metric's name: functions, operators and ranges are not evaluated; "
            "ask for one metric with a selector, and twice for what a counter rises by"
        )
    if name in METRICS and METRICS[name].type != "histogram":
        return METRICS[name], ""
    for suffix in _SUFFIXES:
        row = METRICS.get(name.removesuffix(suffix))
        if row is not None and name.endswith(suffix) and row.type == "histogram":
            return row, suffix
    known = [n + s for n, row in METRICS.items() for s in (_SUFFIXES if row.type == "histogram" else ("",))]
    near = ", ".join(_near(name, known))
    raise Malformed(f"no metric is called {name!r}" + (f"; there is {near}" if near else ""))


def _near(name: str, known: Iterable[str]) -> list[str]:
    """The names most like one, first those that lack the fewest of its words."""
    words, found = {*name.split("_")}, get_close_matches(name, known, n=10, cutoff=0.5)
    return sorted(found, key=lambda one: len(words - {*one.split("_")}))[:5]
