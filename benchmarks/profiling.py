"""Where the time of a figure goes, or its memory: the five functions, or files, with the most of their own."""

from __future__ import annotations

import cProfile
import gc
import pstats
import time
import tracemalloc
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


def memory_top_five(body: Callable[[], object]) -> tuple[str, ...]:
    """`folder/file share` of the files whose lines made most of what is still there when `body` has ended."""
    tracemalloc.start()
    try:
        kept = body()
        found = tracemalloc.take_snapshot().statistics("filename")
    finally:
        tracemalloc.stop()
    del kept
    total = sum(one.size for one in found)
    return tuple(f"{_place(one.traceback[0].filename)} {100 * one.size / total:.0f} %" for one in found[:_SHOWN])


def _place(file: str) -> str:
    return "/".join(Path(file).with_suffix("").parts[-2:])


def _name(place: tuple[str, int, str]) -> str:
    file, _, function = place
    return function if file == "~" else f"{Path(file).stem}:{function}"
