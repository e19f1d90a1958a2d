"""Faults of databases, caches, queues and flags: each shows, can be repaired from inside, and can be switched off."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping

import pytest

from stratus_sim.cluster.actions import Action, InvalidAction, effects
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.faults import FAULTS, SERVER_FAULTS, find, inject
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.application import describe
from stratus_sim.manifests.topology import Topology
from stratus_sim.manifests.traffic_shapes import DeclaredLoad
from stratus_sim.telemetry.severity import measure
from stratus_sim.testing.execution import Unprotected
from stratus_sim.world import World
from tests.application import backends, test_flags
from tests.application.backends import act, call, key, pod_of, stand
from tests.application.test_database import store
from tests.conftest import SHARED, stage
from tests.faults.cases import CASES, DENIED, WORLDS, Case, hotel


def struck(case: Case) -> tuple[World, ObjectKey]:
    world = case.world()
    assert measure(world).scalar == 0
    target = next(key for key in find(case.fault).targets(world) if key.name == case.target)
    assert not find(case.fault).evident(world, target)
    inject.schedule(world, 0, case.fault, target)
    world.run_for(60 * SECOND_US)
    assert find(case.fault).evident(world, target)
    return world, target


def printed(world: World, pair: tuple[str, str]) -> str:
    return call(world, *pair).error


def heard(world: World, pair: tuple[str, str]) -> Iterator[str]:
    """What a client prints over two minutes: one that crashes prints nothing in between."""
    for _ in range(60):
        yield printed(world, pair)
        world.run_for(2 * SECOND_US)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.fault}-{case.target}")
def test_a_client_prints_what_a_real_one_would_until_somebody_repairs_it(case: Case) -> None:
    world, target = struck(case)
    assert any(text.startswith(case.error) for text in heard(world, case.pair))
    case.repair(world)
    world.run_for(300 * SECOND_US)
    assert printed(world, case.pair) == ""
    assert not find(case.fault).evident(world, target)
    assert measure(world).scalar == 0


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.fault}-{case.target}")
def test_switched_off_it_is_as_it_was(case: Case) -> None:
    world, target = struck(case)
    world.schedule(0, "fault.heal", case.fault, target)
    world.run_for(400 * SECOND_US)
    assert printed(world, case.pair) == ""
    assert not find(case.fault).evident(world, target)
    assert measure(world).scalar == 0
    assert not world.traffic.scheduled, "nothing moves any more"


@pytest.mark.parametrize("name", sorted(SERVER_FAULTS))
def test_each_has_a_target_somewhere_shows_there_and_ends(name: str) -> None:
    fault = find(name)
    world, target = next((world, targets[0]) for make in WORLDS if (targets := fault.targets(world := make())))
    inject.schedule(world, 0, name, target)
    fork = world.fork()
    for one in (world, fork):
        one.run_for(60 * SECOND_US)
    assert world.traffic == fork.traffic
    assert fault.evident(world, target)
    world.schedule(0, "fault.heal", name, target)
    world.run_for(2_000 * SECOND_US)
    assert not fault.evident(world, target)
    assert (measure(world).scalar, world.traffic.scheduled) == (0, False)


@pytest.mark.parametrize("case", [case for case in CASES if case.fault != "kafka-poison-pill"], ids=lambda c: c.fault)
def test_left_alone_it_stays(case: Case) -> None:
    world, target = struck(case)
    world.run_for(600 * SECOND_US)
    assert find(case.fault).evident(world, target)
    assert printed(world, case.pair).startswith(case.error)


@pytest.mark.parametrize("case", [case for case in CASES if case.world is not hotel], ids=lambda case: case.fault)
def test_the_same_where_traffic_is_in_motion(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """Epochs of a second with queues and retries ask behaviours as flows at rest do."""
    moving = Topology(load=DeclaredLoad(rps=50, arrivals="poisson"))
    monkeypatch.setattr(backends, "describe", lambda manifests, _: describe(manifests, moving))
    world, target = struck(case)
    assert world.application.traffic is not None
    assert any(text.startswith(case.error) for text in heard(world, case.pair))
    case.repair(world)
    world.run_for(300 * SECOND_US)
    assert printed(world, case.pair) == ""
    assert not find(case.fault).evident(world, target)


def test_an_agent_on_its_own_runs_commands_and_one_in_a_transaction_does_not() -> None:
    world, target = struck(next(case for case in CASES if case.fault == "postgres-lock-held"))
    command = {"command": 'psql -U ann -c "SELECT pg_terminate_backend(7)"'}
    action = Action("exec", f"pod/{pod_of(world, 'db').key.name}", command)
    with pytest.raises(InvalidAction, match="never run"):
        effects(world, action)
    alone = Unprotected(world)
    alone.begin()
    assert alone.act(action).startswith("done: exec pod/db-")
    world.run_for(60 * SECOND_US)
    assert not find("postgres-lock-held").evident(world, target)
    wrong = Action("exec", action.target, {"command": 'psql -c "DROP USER eve"'})
    assert alone.act(wrong).endswith('ERROR:  role "eve" does not exist')
    assert alone.act(Action("exec", "pod/gone", command)).startswith("failed: ")


def test_a_poison_message_kills_its_consumer_again_and_again() -> None:
    world, _ = struck(next(case for case in CASES if case.fault == "kafka-poison-pill"))
    world.run_for(120 * SECOND_US)
    consumer = pod_of(world, "mailer")
    assert (consumer.status.restarts >= 3, consumer.status.reason) == (True, "CrashLoopBackOff")
    assert pod_of(world, "bus").status.restarts == pod_of(world, "api").status.restarts == 0


def test_a_cold_cache_warms_by_itself() -> None:
    world = hotel()
    fault = find("cache-restarted-cold")
    target = fault.targets(world)[0]
    inject.schedule(world, 0, fault.name, target)
    world.run_for(10 * SECOND_US)
    assert fault.evident(world, target)
    world.run_for(120 * SECOND_US)
    assert not fault.evident(world, target)
    assert measure(world).scalar == 0


def test_a_cold_cache_can_be_switched_off() -> None:
    world = hotel()
    fault = find("cache-restarted-cold")
    target = fault.targets(world)[0]
    inject.schedule(world, 0, fault.name, target)
    world.schedule(15 * SECOND_US, "fault.heal", fault.name, target)
    world.run_for(20 * SECOND_US)
    assert not fault.evident(world, target)


def test_a_password_that_stands_in_the_deployment_itself() -> None:
    url = {"DB_URL": "postgres://ann:safe@db:5432/shop"}
    given = {"POSTGRES_USER": "ann", "POSTGRES_PASSWORD": "safe"}
    world = stand(*backends.front(url), *backends.behind("db", "postgres:16", 5432, given))
    assert find("secret-rotation-stale-env").targets(world) == [], "a new template starts new clients"
    inject.schedule(world, 0, "secret-credentials-corrupted", key("db"))
    world.run_for(60 * SECOND_US)
    assert printed(world, ("api", "db")) == DENIED["postgres"]
    act(world, "rollout-undo", "deployment/api")
    assert printed(world, ("api", "db")) == ""


def test_an_encoded_secret_stays_one() -> None:
    world = store()
    act(
        world,
        "patch",
        "secret/login",
        {"patch": {"stringData": None, "data": {"user": "YW5u", "password": "c2FmZQ=="}}},
    )
    inject.schedule(world, 0, "secret-credentials-corrupted", key("db"))
    world.run_for(60 * SECOND_US)
    data: Mapping[str, str] = world.store.state.objects[key("login", "Secret")].manifest["data"]
    assert data["user"] == "YW5u"
    assert data["password"] != "c2FmZQ=="
    assert base64.b64decode(data["password"], validate=True).decode().startswith("safe")
    assert printed(world, ("api", "db")) == DENIED["postgres"]


def test_scenarios_are_drawn_from_the_other_faults() -> None:
    assert not SERVER_FAULTS.keys() & FAULTS.keys()
    assert not {fault for fault, _ in stage().strikes()} & SERVER_FAULTS.keys()


def test_the_names_are_those_of_the_problem_catalogue_where_it_has_one() -> None:
    path = SHARED / "problems.yaml"
    if not path.exists():
        pytest.skip("the shared problem catalogue is not beside this checkout")
    known = set(re.findall(r"^  fault: (\S+)$", path.read_text(), re.MULTILINE))
    engines = {name.partition("-")[0] for name in SERVER_FAULTS.keys() - known}
    assert engines == {"mongodb", "mysql", "postgres", "cache", "load"}
    assert len(SERVER_FAULTS.keys() & known) >= 16


def test_only_what_has_a_server_is_a_target() -> None:
    world = hotel()
    assert [k.name for k in find("mongodb-user-missing").targets(world)] == ["mongodb-user"]
    assert find("kafka-poison-pill").targets(world) == []
    assert find("mysql-tls-required").targets(store("mysql")) == [], "its drivers use TLS when it is offered"
    assert find("mongodb-tls-required").targets(store("mongodb", options="?tls=true")) == []
    assert find("feature-flag-ad-failure").targets(world) == []
    on = test_flags.demo(text=test_flags.definition(productCatalogFailure="on"))
    assert find("feature-flag-product-catalog-failure").targets(on) == [], "it is on already"
    assert find("feature-flag-cart-failure").targets(on) == [], "nobody knows this flag"
    assert json.loads(test_flags.definition())["flags"]["paymentUnreachable"]
    assert find("feature-flag-payment-unreachable").targets(on) == [], "nobody does anything about it"
