"""Text exposition, as a target answers a scrape.

Source: prometheus.io/docs/instrumenting/exposition_formats, text format 0.0.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from stratus_sim.telemetry.metrics.table import METRICS, Labels, Metric, Sample, Scrape

if TYPE_CHECKING:
    from stratus_sim.world import World

_IN_HELP = str.maketrans({"\\": r"\\", "\n": r"\n"})
_IN_LABEL = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


def exposition(world: World, names: Iterable[str] | None = None) -> str:
    """Every metric of a world now (those of `names` only, if given); families without samples are left out.

    Raises:
        KeyError: there is no metric of such a name.
    """
    scrape = Scrape(world)
    rows = METRICS.values() if names is None else [METRICS[name] for name in names]
    return "".join(f"{line}\n" for row in rows for line in _family(row, scrape))


def _family(row: Metric, scrape: Scrape) -> Iterator[str]:
    lines = [_sample(row, sample) for sample in row.samples(scrape)]
    if lines:
        yield f"# HELP {row.name} {row.help.translate(_IN_HELP)}"
        yield f"# TYPE {row.name} {row.type}"
        yield from lines


def _sample(row: Metric, sample: Sample) -> str:
    return f"{row.name}{sample.suffix}{_labels(sample.labels)} {_number(sample.value)}"


def _labels(labels: Labels) -> str:
    pairs = [f'{name}="{value.translate(_IN_LABEL)}"' for name, value in labels.items()]
    return f"{{{','.join(pairs)}}}" if pairs else ""


def _number(value: int | float) -> str:
    """Whole numbers without a point, others as short as they read back the same."""
    return str(int(value)) if value == int(value) else repr(value)
