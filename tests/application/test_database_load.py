"""Databases under pressure: connections, locks and missing indexes, as clients meet them."""

from __future__ import annotations

from stratus_sim.application import epochs
from stratus_sim.application.behaviours.console import run
from stratus_sim.application.behaviours.database import SCAN_US
from stratus_sim.application.behaviours.memory import recall, remember
from stratus_sim.kernel import SECOND_US
from stratus_sim.world import World
from tests.application.backends import act, call, key, pod_of, users
from tests.application.test_database import error, store


def test_more_clients_than_connections() -> None:
    world = store(args=["-c", "max_connections=3"], replicas=3)
    flow = call(world, "api", "db")
    assert (flow.success_permille, flow.error) == (500, "FATAL: sorry, too many clients already (SQLSTATE 53300)")
    act(world, "scale", "deployment/api", {"replicas": 1})
    assert users(world) == 1000


def locked(world: World) -> None:
    remember(world, key("db"), recall(world, key("db"))._replace(locked=True))
    world.run_for(2 * SECOND_US)


def test_a_lock_lasts_as_long_as_the_process() -> None:
    world = store()
    locked(world)
    flow = call(world, "api", "db")
    assert flow.error == "ERROR: canceling statement due to user request (SQLSTATE 57014)"
    assert flow.success_permille == 500
    assert flow.latency_us >= 500_000
    act(world, "rollout-restart", "deployment/db")
    assert (users(world), error(world)) == (1000, "")


def test_waiting_clients_use_up_the_connections() -> None:
    world = store(args=["-c", "max_connections=8"])
    assert users(world) == 1000
    locked(world)
    assert error(world) == "FATAL: sorry, too many clients already (SQLSTATE 53300)"
    answer = run(world, pod_of(world, "db").key, 'psql -U ann -c "SELECT pg_terminate_backend(42)"')
    world.run_for(2 * SECOND_US)
    assert (answer.code, users(world)) == (0, 1000)


def test_a_missing_index_costs_cpu_and_time() -> None:
    world = store()
    quick = epochs.current(world).workloads["default/db"]
    remember(world, key("db"), recall(world, key("db"))._replace(unindexed=True))
    world.run_for(2 * SECOND_US)
    slow = epochs.current(world).workloads["default/db"]
    assert slow.load_permille == 8 * quick.load_permille
    assert slow.latency_us >= quick.latency_us + SCAN_US
    act(world, "rollout-restart", "deployment/db")
    assert epochs.current(world).workloads["default/db"].load_permille == slow.load_permille, "the data was kept"
