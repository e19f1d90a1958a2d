"""Queues: what is produced is consumed or waits, and a message that kills its consumer stays at the head."""

from __future__ import annotations

import pytest

from stratus_sim.application import epochs
from stratus_sim.application.behaviours.console import run
from stratus_sim.application.behaviours.memory import recall, remember
from stratus_sim.application.behaviours.queue import Backlog, lags
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.topology import Profile, Topology
from stratus_sim.manifests.traffic_shapes import DeclaredLoad, DeclaredRequest, DeclaredStep
from stratus_sim.world import World
from tests.application.backends import act, behind, call, config_map, front, key, pod_of, stand, users, workload

QUEUE = ("default/bus", "default/mailer")


def post(topology: Topology | None = None, **more: object) -> World:
    """`api` sends messages, `mailer` takes them."""
    return stand(
        *front({"BUS_ADDR": "bus:9092"}),
        *behind("bus", "apache/kafka:3.8", 9092),
        workload("mailer", "registry.example/mailer:1", 8081, {"BUS_ADDR": "bus:9092"}),
        *more.values(),
        topology=topology,
    )  # type: ignore[arg-type]


def backlog(world: World) -> Backlog:
    [found] = recall(world, key("bus")).backlogs
    return found.at(world.now_us)  # type: ignore[no-any-return]


def kept(world: World, since: Backlog) -> bool:
    """Whether what was produced has been consumed or waits, to within what a flow rounds off."""
    produced = 50 * (world.now_us - since.since_us) // 1_000
    now = backlog(world)
    return abs(now.taken + now.behind - since.taken - since.behind - produced) <= 10


def test_a_consumer_with_room_is_never_behind() -> None:
    world = post()
    assert lags(world) == {QUEUE: 0}
    before = backlog(world).taken
    world.run_for(100 * SECOND_US)
    assert (lags(world), backlog(world).taken - before) == ({QUEUE: 0}, 100 * 50_000)
    assert not world.traffic.scheduled


def test_a_backlog_grows_while_nobody_consumes_and_drains_at_the_consumers_rate() -> None:
    world = post()
    act(world, "scale", "deployment/mailer", {"replicas": 0}, wait_s=100)
    assert lags(world)[QUEUE] == pytest.approx(100 * 50, abs=3 * 50)
    assert not world.traffic.scheduled, "what grows evenly needs no epochs"
    assert users(world) == 1000
    waiting = backlog(world)
    act(world, "scale", "deployment/mailer", {"replicas": 1}, wait_s=10)
    draining = backlog(world)
    assert draining.growth < 0
    world.run_for(5 * SECOND_US)
    assert backlog(world).behind == draining.behind + 5 * draining.growth
    assert kept(world, waiting)
    begun = world.traffic.asked_us
    world.run_for(300 * SECOND_US)
    assert world.traffic.asked_us == begun, "what drains evenly needs no epochs either"
    assert lags(world)[QUEUE] == 0
    assert kept(world, waiting), "no message is lost, none is made up"
    assert not world.traffic.scheduled


def test_only_requests_that_call_the_queue_produce_messages() -> None:
    """One in ten books, which takes two messages."""
    requests = {
        "browse": DeclaredRequest("api", weight=9, calls=[]),
        "book": DeclaredRequest("api", calls=[DeclaredStep("bus", times=2)]),
    }
    world = post(Topology(requests=requests, load=DeclaredLoad(rps=100)))
    before = backlog(world).taken
    world.run_for(100 * SECOND_US)
    assert backlog(world).taken - before == 100 * 20_000


def test_a_consumer_takes_no_more_than_it_works_on_at_once() -> None:
    world = post(Topology(profiles={"mailer": Profile(latency_us=100_000, cpu_us_per_request=10, concurrency=4)}))
    before = lags(world)[QUEUE]
    world.run_for(100 * SECOND_US)
    assert lags(world)[QUEUE] - before == 100 * (50 - 4 * 10)


def test_while_the_broker_is_down_nobody_produces_and_nobody_consumes() -> None:
    world = post()
    act(world, "scale", "deployment/mailer", {"replicas": 0}, wait_s=100)
    act(world, "scale", "deployment/bus", {"replicas": 0}, wait_s=5)
    stopped = lags(world)
    world.run_for(100 * SECOND_US)
    assert stopped[QUEUE] > 0
    assert lags(world) == stopped
    assert users(world) == 0


def poisoned() -> World:
    world = post()
    [one] = recall(world, key("bus")).backlogs
    remember(world, key("bus"), recall(world, key("bus"))._replace(backlogs=(one._replace(poison=True),)))
    world.run_for(20 * SECOND_US)
    return world


def test_nothing_behind_a_poison_message_is_consumed() -> None:
    world = poisoned()
    assert lags(world)[QUEUE] == pytest.approx(20 * 50, abs=50)
    offset = backlog(world).taken // 1000
    text = f"failed to process message: partition=0 offset={offset}: proto: cannot parse invalid wire-format data"
    assert call(world, "mailer", "bus").error == text
    assert (call(world, "api", "bus").error, users(world)) == ("", 1000)


def test_an_offset_moved_past_it_lets_the_consumer_go_on() -> None:
    world = poisoned()
    command = "kafka-consumer-groups.sh --bootstrap-server bus:9092 --group mailer --topic mail --reset-offsets"
    before = backlog(world)
    assert run(world, pod_of(world, "bus").key, f"{command} --shift-by 1 --dry-run").code == 0
    assert backlog(world).poison
    assert run(world, pod_of(world, "bus").key, f"{command} --shift-by 1 --execute").code == 0
    assert (backlog(world).taken, backlog(world).behind) == (before.taken + 1000, before.behind - 1000)
    world.run_for(60 * SECOND_US)
    assert lags(world) == {QUEUE: 0}
    assert call(world, "mailer", "bus").error == ""
    assert run(world, pod_of(world, "bus").key, command.replace("mailer", "nobody")).code == 1


def test_data_that_is_lost_takes_the_messages_with_it() -> None:
    world = poisoned()
    act(world, "rollout-restart", "deployment/bus")
    assert lags(world) == {QUEUE: 0}
    assert not backlog(world).poison


@pytest.mark.parametrize("trouble", ["login", "no server"])
def test_a_consumer_without_its_database_acknowledges_nothing(trouble: str) -> None:
    url, given = {"DB_URL": "postgres://ann:safe@db:5432/mail"}, {"POSTGRES_USER": "ann", "POSTGRES_PASSWORD": "safe"}
    world = stand(
        *front({"BUS_ADDR": "bus:9092"}),
        *behind("bus", "apache/kafka:3.8", 9092),
        workload("mailer", "registry.example/mailer:1", 8081, {"BUS_ADDR": "bus:9092", **url}),
        *behind("db", "postgres:16", 5432, given),
    )
    before = backlog(world)
    assert lags(world) == {QUEUE: 0}
    if trouble == "login":
        run(world, pod_of(world, "db").key, "psql -c \"ALTER USER ann PASSWORD 'new'\"")
        world.run_for(60 * SECOND_US)
    else:
        act(world, "scale", "deployment/db", {"replicas": 0})
    assert lags(world)[QUEUE] == pytest.approx(60 * 50, abs=4 * 50)
    assert not world.traffic.scheduled
    if trouble == "login":
        run(world, pod_of(world, "db").key, "psql -c \"ALTER USER ann PASSWORD 'safe'\"")
        world.run_for(90 * SECOND_US)
    else:
        act(world, "scale", "deployment/db", {"replicas": 1}, wait_s=90)
    assert lags(world) == {QUEUE: 0}
    assert kept(world, before)


def test_looking_more_often_consumes_nothing() -> None:
    world = post()
    act(world, "scale", "deployment/mailer", {"replicas": 0}, wait_s=100)
    act(world, "scale", "deployment/mailer", {"replicas": 1}, wait_s=10)
    fork = world.fork()
    for _ in range(30):
        epochs.touch(fork)
        fork.run_for(SECOND_US)
    world.run_for(30 * SECOND_US)
    assert recall(fork, key("bus")) == recall(world, key("bus"))


def test_who_catches_up_takes_no_more_than_there_is() -> None:
    backlog = Backlog("default/mailer", since_us=0, behind=1_000, growth=-2_000, taken=7_000, taking=5_000)
    assert (backlog.at(250_000).behind, backlog.at(250_000).taken) == (500, 8_250)
    later = backlog.at(1_000_000)
    assert (later.behind, later.taken) == (0, 7_000 + 1_000 + 3_000)


def test_two_consumers_are_behind_each_on_its_own() -> None:
    world = post(second=workload("audit", "registry.example/audit:1", 8081, {"BUS_ADDR": "bus:9092"}))
    act(world, "scale", "deployment/audit", {"replicas": 0}, wait_s=20)
    assert lags(world)[QUEUE] == 0
    assert lags(world)["default/bus", "default/audit"] > 500


def test_a_configmap_is_no_consumer() -> None:
    world = post(more=config_map("bus-notes", text="bus:9092"))
    assert list(lags(world)) == [QUEUE]
