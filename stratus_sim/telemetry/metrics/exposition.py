"""Text exposition, as a target answers a scrape.

Source: prometheus.io/docs/instrumenting/exposition_formats, text format 0.0.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from stratus_sim.telemetry.metrics.table import METRICS, Labels, Metric, Moment, Sample, Scrape

if TYPE_CHECKING:
    from stratus_sim.world import World

_IN_HELP = str.maketrans({"\\": r"\\", "\n": r"\n"})
_IN_LABEL = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


def exposition(world: World, names: Iterable[str] | None = None, *, moved_s: int = 0) -> str:
    """Every metric of a world now (those of `names` only, if given); families without samples are left out.

    Instants are `moved_s` seconds later than the world has them, for who tells the time by another clock.

    Raises:
        KeyError: there is no metric of such a name.
    """
    scrape = Scrape(world)
    rows = METRICS.values() if names is None else [METRICS[name] for name in names]
    return "".join(f"{line}\n" for row in rows for line in _family(row, scrape, moved_s))


def _family(row: Metric, scrape: Scrape, moved_s: int) -> Iterator[str]:
    lines = [_sample(row, sample, moved_s) for sample in row.samples(scrape)]
    if lines:
        yield f"# HELP {row.name} {row.help.translate(_IN_HELP)}"
        yield f"# TYPE {row.name} {row.type}"
        yield from lines


def _sample(row: Metric, sample: Sample, moved_s: int) -> str:
    value = sample.value + moved_s if isinstance(sample.value, Moment) else sample.value
    return f"{row.name}{sample.suffix}{_labels(sample.labels)} {number(value)}"


def _labels(labels: Labels) -> str:
    pairs = [f'{name}="{value.translate(_IN_LABEL)}"' for name, value in labels.items()]
    return f"{{{','.join(pairs)}}}" if pairs else ""


def number(value: int | float) -> str:
    """Whole numbers without a point, others as short as they read back the same."""
    return str(int(value)) if value == int(value) else repr(value)
