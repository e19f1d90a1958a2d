"""CronJobs: when they are due, and what happens when the last one still runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stratus_sim.cluster import api
from stratus_sim.errors import UserError
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests import cron
from stratus_sim.world import World
from tests.cluster.workloads import change, cluster, get, key, reasons, template

KIND = "CronJob"
START = datetime(2025, 1, 1, tzinfo=UTC)


def cron_job(schedule: str = "*/5 * * * *", command: str = "sleep 5", seconds: int = 0, **spec: Any) -> World:
    job = {"spec": {"template": template(command=command, restartPolicy="Never"), "backoffLimit": 0}}
    body = {"schedule": schedule, "jobTemplate": job, **spec}
    manifest = {"apiVersion": "batch/v1", "kind": KIND, "metadata": {"name": "w", "namespace": "default"}, "spec": body}
    return cluster(manifest, seconds=seconds)


def began(world: World) -> list[int]:
    """Minutes since the world began at which Jobs came, oldest first."""
    return sorted(job.created_us // (60 * SECOND_US) for job in world.store.list("Job"))


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("*/20 * * * *", [20, 40, 60, 80]),
        ("@hourly", [60, 120, 180]),
        ("5,10-12/2 0 * * *", [5, 10, 12, 24 * 60 + 5]),
        ("0 0 3 * fri", [2 * 1440, 9 * 1440]),
        ("0 0 3 * *", [2 * 1440, 33 * 1440]),
        ("0 12 * jan SUN", [4 * 1440 + 720, 11 * 1440 + 720]),
        ("0 0 */10 * thu", [1440, 8 * 1440, 10 * 1440, 15 * 1440]),
        ("@every 1h30m", [90, 180]),
        ("0 0 29 2 *", [(datetime(2028, 2, 29, tzinfo=UTC) - START).days * 1440]),
        ("0 0 31 2 *", []),
    ],
)
def test_schedules_mean_what_cron_means(text: str, minutes: list[int]) -> None:
    schedule, now, found = cron.parse(text), START, []
    for _ in minutes:
        following = schedule.after(now)
        assert following is not None
        found.append((following - START) // timedelta(minutes=1))
        now = following
    assert found == minutes
    assert minutes or schedule.after(START) is None


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 59), st.integers(0, 23), st.integers(0, 6), st.integers(0, 10**7))
def test_no_due_time_lies_between_the_last_and_the_next(step: int, hour: int, weekday: int, second: int) -> None:
    schedule, now = cron.parse(f"*/{step} {hour} * * {weekday}"), START + timedelta(seconds=second)
    following = schedule.after(now)
    assert following is not None
    last, count = cron.missed(schedule, UTC, now, following + timedelta(minutes=step))
    assert last is not None
    assert now < following <= last
    assert (count == 1) == (last == following)
    assert (schedule.after(last) or last) > following + timedelta(minutes=step)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "expected exactly 5 fields, found 0"),
        ("* * * *", "expected exactly 5 fields, found 4"),
        ("61 * * * *", r"end of range \(61\) above maximum \(59\): 61"),
        ("* * 0 * *", r"beginning of range \(0\) below minimum \(1\): 0"),
        ("* * * * 7", r"end of range \(7\) above maximum \(6\): 7"),
        ("* * * * funday", "failed to parse int from funday"),
        ("*/0 * * * *", "step of range should be a positive number"),
        ("9-3 * * * *", "beyond end of range"),
        ("@every x", "invalid duration"),
        ("@every 1h x", "invalid duration"),
    ],
)
def test_what_is_no_schedule_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        cron.parse(text)


def test_a_job_comes_whenever_it_is_due_and_old_ones_are_forgotten() -> None:
    world = cron_job(seconds=27 * 60)
    assert began(world) == [15, 20, 25]
    assert get(world, KIND).status.last_us == 25 * 60 * SECOND_US
    failing = cron_job(command="exit 1", seconds=27 * 60, failedJobsHistoryLimit=2)
    assert began(failing) == [20, 25]


def test_one_timer_is_all_a_quiet_cron_job_costs() -> None:
    world = cron_job("0 0 1 * *", seconds=60)
    assert [timer.handler for timer in world.kernel.timers.values()] == ["cronjob.due"]


@pytest.mark.parametrize(("policy", "running", "minutes"), [("Allow", 3, [5, 10, 15]), ("Replace", 1, [15])])
def test_what_happens_while_the_last_one_runs(policy: str, running: int, minutes: list[int]) -> None:
    world = cron_job(command="sleep 5000", seconds=17 * 60, concurrencyPolicy=policy)
    assert began(world) == minutes
    assert len(get(world, KIND).status.active) == running
    assert len(world.store.list("Pod")) == running


def test_forbid_starts_late_when_the_last_one_is_done() -> None:
    world = cron_job(command="sleep 400", seconds=10 * 60, concurrencyPolicy="Forbid")
    assert began(world) == [5]
    assert "JobAlreadyActive" in reasons(world, KIND)
    world.run_for(3 * 60 * SECOND_US)
    assert began(world) == [5, 11]


def test_what_is_owed_after_a_pause_is_one_job_if_the_deadline_allows() -> None:
    world = cron_job(seconds=12 * 60, suspend=True)
    assert began(world) == []
    late = world.fork()
    change(world, KIND, suspend=None)
    world.run_for(60 * SECOND_US)
    assert began(world) == [12]
    change(late, KIND, suspend=None, startingDeadlineSeconds=60)
    late.run_for(60 * SECOND_US)
    assert began(late) == []
    late.run_for(180 * SECOND_US)
    assert began(late) == [15]


@pytest.mark.parametrize(("minutes", "warned"), [(100, False), (102, True)])
def test_too_many_missed_times_are_warned_of_and_the_latest_made_up_for(minutes: int, warned: bool) -> None:
    world = cron_job("* * * * *", seconds=minutes * 60 + 30, suspend=True)
    change(world, KIND, suspend=None)
    world.run_for(SECOND_US)
    assert began(world) == [minutes]
    assert ("TooManyMissedTimes" in reasons(world, KIND)) is warned


def test_a_deadline_bounds_what_counts_as_missed() -> None:
    world = cron_job("* * * * *", seconds=300 * 60 + 30, suspend=True, startingDeadlineSeconds=200)
    change(world, KIND, suspend=None)
    world.run_for(SECOND_US)
    assert (began(world), "TooManyMissedTimes" in reasons(world, KIND)) == ([300], False)


def test_another_schedule_counts_from_now_on() -> None:
    world = cron_job("0 * * * *", seconds=70 * 60)
    change(world, KIND, schedule="*/4 * * * *")
    world.run_for(60 * SECOND_US)
    assert began(world) == [60]
    world.run_for(3 * 60 * SECOND_US)
    assert began(world) == [60, 72]


def test_an_interval_is_counted_from_the_run_before() -> None:
    world = cron_job("@every 7m", seconds=30 * 60)
    assert began(world) == [14, 21, 28]
    assert {job.created_us % (60 * SECOND_US) for job in world.store.list("Job")} == {0}
    assert cron.parse("@every 100ms").after(START + timedelta(milliseconds=1500)) == START + timedelta(seconds=2)


def test_a_cron_job_on_its_way_out_starts_nothing() -> None:
    world = cron_job()
    found = get(world, KIND).manifest
    api.put(world, {**found, "metadata": {**found["metadata"], "finalizers": ["example.com/hold"]}}, "user")
    api.delete(world, key(KIND), "user")
    world.run_for(600 * SECOND_US)
    assert get(world, KIND).deleting
    assert began(world) == []


def test_a_schedule_that_never_comes_round_starts_nothing_and_says_so() -> None:
    world = cron_job("0 0 31 2 *", seconds=600)
    assert world.store.list("Job") == []
    told = "invalid schedule: 0 0 31 2 * : time difference between two schedules is less than 1 second"
    said = [(e.reason, e.message) for e in world.cluster.events.values() if e.involved == key(KIND)]
    assert said == [("InvalidSchedule", told)]


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ({"timeZone": "Mars/Base"}, 'timeZone: Invalid value: "Mars/Base": unknown time zone Mars/Base'),
        ({"timeZone": "../etc"}, 'timeZone: Invalid value: "../etc": unknown time zone ../etc'),
        ({"timeZone": ""}, 'timeZone: Invalid value: "": unknown time zone'),
        ({"schedule": "every day"}, 'schedule: Invalid value: "every day": expected exactly 5 fields, found 2'),
        ({"schedule": "CRON_TZ=UTC * * * * *"}, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"),
    ],
)
def test_the_api_server_takes_no_schedule_that_means_nothing(spec: dict[str, Any], problem: str) -> None:
    with pytest.raises(UserError) as refused:
        cron_job(**spec)
    assert problem in str(refused.value)
    world = cron_job()
    with pytest.raises(UserError):
        change(world, KIND, **spec)
    assert get(world, KIND).generation == 1


def test_a_name_leaves_room_for_those_of_the_jobs() -> None:
    world = cron_job()
    found = get(world, KIND).manifest
    api.put(world, {**found, "metadata": {**found["metadata"], "name": "n" * 52}}, "user")
    with pytest.raises(UserError, match="must be no more than 52 characters"):
        api.put(world, {**found, "metadata": {**found["metadata"], "name": "n" * 53}}, "user")


def test_clocks_of_another_zone() -> None:
    world = cron_job("30 1 * * *", timeZone="Asia/Kolkata", seconds=21 * 3600)
    assert began(world) == [20 * 60]
    stamp = world.store.list("Job")[0].manifest["metadata"]["annotations"]
    assert stamp["batch.kubernetes.io/cronjob-scheduled-timestamp"] == "2025-01-02T01:30:00+05:30"
    assert world.store.list("Job")[0].key.name == f"w-{(20 * 3600 + int(START.timestamp())) // 60}"


@pytest.mark.parametrize(
    ("text", "zone", "after", "times"),
    [
        ("30 2 * * *", "Europe/Berlin", "03-29T12:00", ["03-31T00:30", "04-01T00:30"]),
        ("30 2 * * *", "Europe/Berlin", "10-25T12:00", ["10-26T00:30", "10-26T01:30", "10-27T01:30"]),
        ("0 * * * *", "America/New_York", "03-09T06:30", ["03-09T07:00", "03-09T08:00"]),
        ("0 0 * * 1", "America/New_York", "11-01T12:00", ["11-03T05:00", "11-10T05:00"]),
        ("0 2 * * *", "Australia/Lord_Howe", "10-04T12:00", ["10-05T15:00"]),
        ("*/45 * * * *", "Australia/Lord_Howe", "04-05T14:00", ["04-05T14:45", "04-05T15:15", "04-05T15:30"]),
    ],
)
def test_hours_the_clocks_skip_are_not_due_and_those_they_repeat_are_twice(
    text: str, zone: str, after: str, times: list[str]
) -> None:
    """2025, in UTC; the figures of the first four are those of the library the controller uses."""
    schedule, now, found = cron.parse(text), datetime.fromisoformat(f"2025-{after}+00:00"), []
    for _ in times:
        now = schedule.after(now, ZoneInfo(zone)) or now
        found.append(f"{now:%m-%dT%H:%M}")
    assert found == times


def test_a_job_that_somebody_took_away_is_missed() -> None:
    world = cron_job(command="sleep 5000", seconds=6 * 60)
    (name,) = get(world, KIND).status.active
    api.delete(world, key("Job", name), "user")
    world.run_for(SECOND_US)
    assert get(world, KIND).status.active == ()
    assert "MissingJob" in reasons(world, KIND)


def test_jobs_the_controller_removes_are_not_missed() -> None:
    for policy in ("Replace", "Allow"):
        world = cron_job(
            seconds=30 * 60, command="sleep 400" if policy == "Replace" else "exit 0", concurrencyPolicy=policy
        )
        assert "SuccessfulDelete" in reasons(world, KIND)
        assert "MissingJob" not in reasons(world, KIND)


def test_a_job_the_api_server_refuses_is_tried_again() -> None:
    world = cron_job()
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q", "namespace": "default"}}
    api.put(world, {**quota, "spec": {"hard": {"count/jobs.batch": "0"}}}, "user")
    world.run_for(310 * SECOND_US)
    assert world.store.list("Job") == []
    (said,) = {e.message for e in world.cluster.events.values() if e.reason == "FailedCreate"}
    assert said.startswith('Error creating job: jobs.batch "w-28928165" is forbidden: exceeded quota: q, requested: ')
    api.delete(world, key("ResourceQuota", "q"), "user")
    world.run_for(60 * SECOND_US)
    assert [job.key.name for job in world.store.list("Job")] == ["w-28928165"]
