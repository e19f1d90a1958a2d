"""When a CronJob is due: by which clocks, since when, and how many runs it has missed.

Follows kubernetes.io/docs/concepts/workloads/controllers/cron-jobs ("Deadline for delayed Job start", "Time zones",
"CronJob limitations") and the controller of Kubernetes 1.33, which starts the latest of the runs it missed, however
many these are. The rules of time zones are those of the package tzdata: what a machine brings along differs.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from stratus_sim.cluster.calendar import instant_us, moment
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.objects import Resource
from stratus_sim.cluster.workloads import cron
from stratus_sim.kernel import SECOND_US

if TYPE_CHECKING:
    from stratus_sim.world import World

_MANY = 100
"""More missed times than this are worth a warning."""


class Calendar(NamedTuple):
    """A schedule, and the zone whose clocks it goes by."""

    schedule: cron.Schedule | cron.Every
    zone: ZoneInfo


def read(world: World, found: Resource) -> Calendar | None:
    """When a CronJob is due; None for one that is suspended, or that does not say so in words that mean something."""
    name = found.spec.time_zone or "UTC"
    zone = _zone(name)
    if zone is None:
        told = f'invalid timeZone: "{name}": unknown time zone {name}'
        emit(world, found.key, "UnknownTimeZone", told, warning=True)
        return None
    if found.spec.suspend or found.deleting:
        return None
    try:
        return Calendar(cron.parse(found.spec.schedule), zone)
    except ValueError as error:
        told = f'unparseable schedule: "{found.spec.schedule}" : {error}'
        emit(world, found.key, "UnparseableSchedule", told, warning=True)
        return None


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo | None:
    if name not in _zones():
        return None
    with files("tzdata.zoneinfo").joinpath(*name.split("/")).open("rb") as rules:
        return ZoneInfo.from_file(rules, key=name)


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(files("tzdata").joinpath("zones").read_text().split())


def latest_due_us(world: World, found: Resource, calendar: Calendar) -> int | None:
    """The latest due time that is over, not too long ago, and has no Job yet."""
    earliest_us, deadline = _since_us(found), found.spec.starting_deadline_seconds
    if deadline is not None:
        earliest_us = max(earliest_us, world.now_us - deadline * SECOND_US)
    try:
        latest, count = cron.missed(*calendar, moment(earliest_us), moment(world.now_us))
    except ValueError as error:
        told = f"invalid schedule: {found.spec.schedule} : {error}"
        emit(world, found.key, "InvalidSchedule", told, warning=True)
        return None
    if latest is not None and count > _MANY:
        told = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew"
        emit(world, found.key, "TooManyMissedTimes", told, warning=True)
    return None if latest is None else instant_us(latest)


def _since_us(found: Resource) -> int:
    """The last due time that had its Job, or when the CronJob came."""
    last_us: int | None = found.status.last_us if found.status is not None else None
    return found.created_us if last_us is None else last_us


def next_due_us(world: World, found: Resource, calendar: Calendar) -> int | None:
    """The next time due, counted from the last one where the schedule says how long after it that is."""
    now, since = moment(world.now_us), moment(_since_us(found))
    try:
        latest, count = cron.missed(*calendar, since, now)
    except ValueError:
        return None
    following = calendar.schedule.after(latest or (now if count else since), calendar.zone)
    return None if following is None else instant_us(following)
