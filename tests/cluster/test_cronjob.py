"""CronJobs: when they are due, and what happens when the last one still runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stratus_sim.cluster import api
from stratus_sim.cluster.workloads import cron
from stratus_sim.kernel import SECOND_US
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
        ("0 12 * jan 7", [4 * 1440 + 720, 11 * 1440 + 720]),
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
    last, following = schedule.before(now), schedule.after(now)
    assert last is not None
    assert following is not None
    assert last <= now < following
    assert schedule.after(last) == following
    assert schedule.before(following) == following


@pytest.mark.parametrize("text", ["", "* * * *", "61 * * * *", "* * * * funday", "*/0 * * * *", "9-3 * * * *"])
def test_what_is_no_schedule_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
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
    assert "MissSchedule" in reasons(late, KIND)


def test_other_zones_and_nonsense_start_nothing_and_say_so() -> None:
    for spec, reason in (({"timeZone": "Europe/Paris"}, "UnknownTimeZone"), ({}, "UnparseableSchedule")):
        world = cron_job("*/5 * * * *" if spec else "every day", seconds=600, **spec)
        assert world.store.list("Job") == []
        assert reason in reasons(world, KIND)
    assert get(world, KIND).key == key(KIND)


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
