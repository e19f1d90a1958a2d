"""Where the time of a figure goes: the five functions with the most time of their own."""

from __future__ import annotations

import cProfile
import gc
import pstats
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_SHOWN = 5


def cpu_s(body: Callable[[], object]) -> float:
    """CPU seconds of one call: what else the machine does should not count."""
    with _alone():
        start = time.process_time()
        body()
        return time.process_time() - start


@contextmanager
def _alone() -> Iterator[None]:
    """Keep the collector of cyclic garbage from walking over what was there before: the worlds of other figures."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def top_five(body: Callable[[], object]) -> tuple[str, ...]:
    """`file:function share` of the functions in which `body` spends most, under a profiler and so without ratios."""
    profile = cProfile.Profile()
    with _alone():
        profile.runcall(body)
    stats = pstats.Stats(profile).stats.items()  # type: ignore[attr-defined]  # documented, but not typed
    total = sum(own for _, (_, _, own, _, _) in stats)
    first = sorted(stats, key=lambda item: -item[1][2])[:_SHOWN]
    return tuple(f"{_name(place)} {100 * own / total:.0f} %" for place, (_, _, own, _, _) in first)


def _name(place: tuple[str, int, str]) -> str:
    file, _, function = place
    return function if file == "~" else f"{Path(file).stem}:{function}"
