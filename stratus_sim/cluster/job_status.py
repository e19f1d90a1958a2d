"""What the Job and CronJob controllers found out. Times are microseconds since the world began."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
from immutables import Map

from stratus_sim.kernel.timers import Timer


class IndexFailures(NamedTuple):
    """Failed pods of one index: those that count against its limit, those that do not, and when the next may come."""

    counted: int = 0
    ignored: int = 0
    retry_us: int = 0


class JobStatus(msgspec.Struct, frozen=True, gc=False):
    """Counts of a Job's pods, and how it ends.

    `target` is Complete or Failed once that is decided, at `target_us`, and empty before; `finished` is the same once
    its last pod is gone. `reason` and `message` say why. `fatal` is what a rule of its failure policy ends it with.
    `suspended_us` is when it last was suspended or resumed, None if it never was.

    `single` says that it came with neither `completions` nor `parallelism`, which makes both of them one.
    `done` are the completed indexes of an Indexed job, `failed_indexes` those given up, `failures` the failed pods of
    each index where each has a limit of its own. `released` are the uids of pods that count for nothing, as the
    controller itself took them away. `retry_us` is when the back-off after a failed pod ends. `deadline` is a timer.
    """

    active: int = 0
    ready: int = 0
    terminating: int = 0
    succeeded: int = 0
    failed: int = 0
    failed_in_a_row: int = 0
    retry_us: int = 0
    started_us: int | None = None
    suspended: bool = False
    suspended_us: int | None = None
    target: str = ""
    target_us: int = 0
    finished: str = ""
    finished_us: int | None = None
    reason: str = ""
    message: str = ""
    fatal: str = ""
    done: frozenset[int] = frozenset()
    failed_indexes: frozenset[int] = frozenset()
    failures: Map[int, IndexFailures] = Map()
    released: frozenset[int] = frozenset()
    deadline: Timer | None = None
    single: bool = False


class CronJobStatus(msgspec.Struct, frozen=True, gc=False):
    """`last_us` is the latest due time for which a CronJob made its Job, `success_us` when one last completed.

    `active` are names of unfinished Jobs; `timer` is set for the next time it is due.
    """

    active: tuple[str, ...] = ()
    last_us: int | None = None
    success_us: int | None = None
    timer: Timer | None = None
