"""When a CronJob is due: by which clocks, since when, and how many runs it has missed.

Follows kubernetes.io/docs/concepts/workloads/controllers/cron-jobs ("Deadline for delayed Job start", "Time zones",
"CronJob limitations") and the controller of Kubernetes 1.33, which starts the latest of the runs it missed, however
many these are. Schedules and zones are known to mean something: the API server takes no others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from stratus_sim.cluster.calendar import instant_us, moment
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.objects import Resource
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests import cron, time_zones

if TYPE_CHECKING:
    from stratus_sim.world import World

_MANY = 100
"""More missed times than this are worth a warning."""


class Calendar(NamedTuple):
    """A schedule, and the zone whose clocks it goes by."""

    schedule: cron.Schedule | cron.Every
    zone: ZoneInfo


def read(found: Resource) -> Calendar | None:
    """When a CronJob is due; None for one that is suspended, or on its way out."""
    if found.spec.suspend or found.deleting:
        return None
    return Calendar(cron.parse(found.spec.schedule), time_zones.zone(found.spec.time_zone or "UTC"))


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
