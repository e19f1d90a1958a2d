"""Databases: accounts kept with the data, TLS, connections, locks and missing indexes, as clients meet them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from stratus_sim.application.behaviours.console import run
from stratus_sim.application.behaviours.database import Server
from stratus_sim.application.behaviours.memory import recall, remember
from stratus_sim.cluster import pods
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.topology import Profile, Topology
from stratus_sim.world import World
from tests.application.backends import (
    act,
    behind,
    call,
    claim,
    config_map,
    crash,
    from_secret,
    front,
    key,
    on_claim,
    pod_of,
    secret,
    stand,
    users,
)

URL = "{scheme}://$(DB_USER):$(DB_PASSWORD)@db:{port}/shop{options}"
ENGINES = {
    "postgres": ("postgres:16", 5432, "POSTGRES_USER", "POSTGRES_PASSWORD", "/var/lib/postgresql/data"),
    "mysql": ("mysql:8.4", 3306, "MYSQL_USER", "MYSQL_PASSWORD", "/var/lib/mysql"),
    "mongodb": ("mongo:7", 27017, "MONGO_INITDB_ROOT_USERNAME", "MONGO_INITDB_ROOT_PASSWORD", "/data/db"),
}
LOGIN = {"DB_USER": from_secret("login", "user"), "DB_PASSWORD": from_secret("login", "password")}


def store(
    scheme: str = "postgres", *, kept: bool = True, options: str = "", args: list[str] | None = None, **more: Any
) -> World:
    """`api` before a database, both with their login from one Secret; its data on a claim, or in the pod."""
    image, port, user, password, place = ENGINES[scheme]
    url = URL.format(scheme=scheme, port=port, options=options)
    given = {user: from_secret("login", "user"), password: from_secret("login", "password")}
    data = on_claim(place, "data") if kept else (place, {"emptyDir": {}})
    return stand(
        secret("login", user="ann", password="safe"),
        *(claim("data") if kept else ()),
        *front({**LOGIN, "DB_URL": url}, **more),
        *behind("db", image, port, given, data=data, args=args),
    )  # fmt: skip


def change_password(world: World, to: str, *restarted: str) -> None:
    act(world, "patch", "secret/login", {"patch": {"stringData": {"password": to}}}, wait_s=1)
    for name in restarted:
        act(world, "rollout-restart", f"deployment/{name}")


def error(world: World) -> str:
    return call(world, "api", "db").error


def accounts(world: World) -> Mapping[str, str]:
    found: Server = recall(world, key("db"))
    assert found.accounts is not None
    return dict(found.accounts)


@pytest.mark.parametrize("scheme", ENGINES)
def test_who_is_given_the_same_login_is_let_in(scheme: str) -> None:
    world = store(scheme)
    assert (users(world), error(world), accounts(world)) == (1000, "", {"ann": "safe"})


@pytest.mark.parametrize(
    ("scheme", "text"),
    [
        ("postgres", 'FATAL: password authentication failed for user "ann" (SQLSTATE 28P01)'),
        ("mysql", "Error 1045 (28000): Access denied for user 'ann'@'{ip}' (using password: YES)"),
        (
            "mongodb",
            "connection() error occurred during connection handshake: auth error: sasl conversation error: unable to "
            'authenticate using mechanism "SCRAM-SHA-256": (AuthenticationFailed) Authentication failed.',
        ),
    ],
)
def test_a_secret_changed_later_changes_no_account(scheme: str, text: str) -> None:
    world = store(scheme)
    change_password(world, "better", "api", "db")
    assert accounts(world) == {"ann": "safe"}
    assert users(world) == 0
    assert error(world) == text.format(ip=pod_of(world, "api").status.ip)
    change_password(world, "safe", "api")
    assert (users(world), error(world)) == (1000, "")


def test_data_that_goes_with_its_pod_is_set_up_anew() -> None:
    world = store(kept=False)
    change_password(world, "better", "api")
    assert users(world) == 0
    act(world, "rollout-restart", "deployment/db")
    assert (users(world), accounts(world)) == (1000, {"ann": "better"})


def test_a_container_that_starts_again_finds_its_data() -> None:
    world = store(kept=False)
    pod = pod_of(world, "db")
    assert run(world, pod.key, "psql -c \"CREATE USER bob PASSWORD 'new'\"").code == 0
    crash(world, "db")
    world.run_for(60 * SECOND_US)
    assert pod_of(world, "db").status.restarts == 1
    assert (users(world), accounts(world)) == (1000, {"ann": "safe", "bob": "new"})
    pods.terminate(world, pod.key)
    world.run_for(60 * SECOND_US)
    assert accounts(world) == {"ann": "safe"}


def test_members_of_a_stateful_set_share_what_they_hold() -> None:
    given = {"POSTGRES_USER": "ann", "POSTGRES_PASSWORD": "safe"}
    one, address = behind("db", "postgres:16", 5432, given, data=("/var/lib/postgresql/data", {"emptyDir": {}}))
    members = {**one, "kind": "StatefulSet", "spec": {**one["spec"], "replicas": 2, "serviceName": "db"}}
    world = stand(*front({"DB_URL": "postgres://ann:safe@db:5432/shop"}), members, address)
    state = key("db", "StatefulSet")
    remember(world, state, recall(world, state)._replace(unindexed=True))
    for name in ("db-0", "db-1"):
        pods.terminate(world, key(name, "Pod"))
        world.run_for(60 * SECOND_US)
        assert recall(world, state).unindexed, name
    act(world, "scale", "statefulset/db", {"replicas": 0})
    act(world, "scale", "statefulset/db", {"replicas": 1})
    assert not recall(world, state).unindexed


def test_a_further_pod_of_a_deployment_has_data_of_its_own() -> None:
    world = store(kept=False)
    first = pod_of(world, "db").key
    remember(world, key("db"), recall(world, key("db"))._replace(unindexed=True))
    act(world, "scale", "deployment/db", {"replicas": 2})
    assert recall(world, key("db")).unindexed
    pods.terminate(world, first)
    world.run_for(60 * SECOND_US)
    assert not recall(world, key("db")).unindexed


def test_clients_that_were_not_restarted_go_on() -> None:
    world = store()
    change_password(world, "better")
    world.run_for(60 * SECOND_US)
    assert users(world) == 1000


def test_half_of_the_clients_know_the_new_password() -> None:
    world = store(replicas=2)
    act(world, "patch", "secret/login", {"patch": {"stringData": {"password": "better"}}}, wait_s=1)
    pods.terminate(world, pod_of(world, "api").key)
    world.run_for(60 * SECOND_US)
    assert call(world, "api", "db").success_permille == 500


def test_a_user_the_server_does_not_have() -> None:
    world = store()
    act(world, "set-env", "deployment/api", {"env": {"DB_USER": "bob"}})
    assert error(world) == 'FATAL: password authentication failed for user "bob" (SQLSTATE 28P01)'


@pytest.mark.parametrize(
    ("scheme", "text"),
    [
        ("postgres", "ERROR: permission denied for schema public (SQLSTATE 42501)"),
        ("mysql", "Error 1044 (42000): Access denied for user 'ann'@'%' to database 'shop'"),
        ("mongodb", "(Unauthorized) not authorized on shop to execute command"),
    ],
)
def test_a_user_without_rights(scheme: str, text: str) -> None:
    world = store(scheme)
    remember(world, key("db"), recall(world, key("db"))._replace(revoked=("ann",)))
    world.run_for(2 * SECOND_US)
    assert (error(world), users(world)) == (text, 0)


def test_a_login_taken_away() -> None:
    world = store()
    act(world, "set-env", "deployment/api", {"env": {"DB_URL": "db:5432", "DB_USER": None, "DB_PASSWORD": None}})
    assert error(world) == "fe_sendauth: no password supplied"


def test_who_never_showed_a_login_has_it_built_in() -> None:
    db = behind("db", "postgres:16", 5432, {"POSTGRES_PASSWORD": "safe"})
    assert users(stand(*front({"DB_ADDR": "db:5432"}), *db)) == 1000


def test_users_that_scripts_of_the_image_make() -> None:
    """An image built on the engine's own knows users its environment does not; the engine's own image does not."""
    given, url = {"POSTGRES_USER": "root", "POSTGRES_PASSWORD": "x"}, {"DB_URL": "postgres://ann:safe@db:5432/shop"}
    built = stand(*front(url), *behind("db", "registry.example/demo:1-postgresql", 5432, given))
    stock = stand(*front(url), *behind("db", "postgres:16", 5432, given))
    assert (users(built), accounts(built)) == (1000, {"root": "x", "ann": "safe"})
    assert (users(stock), accounts(stock)) == (0, {"root": "x"})
    act(built, "rollout-restart", "deployment/db")
    assert accounts(built) == {"root": "x", "ann": "safe"}
    act(built, "set-env", "deployment/api", {"env": {"DB_URL": "postgres://bob:safe@db:5432/shop"}})
    assert users(built) == 0


def test_scripts_in_a_mounted_directory() -> None:
    given, url = {"POSTGRES_PASSWORD": "x"}, {"DB_URL": "postgres://ann:safe@db:5432/shop"}
    scripts = ("/docker-entrypoint-initdb.d", {"configMap": {"name": "init"}})
    init = config_map("init", **{"init.sql": "CREATE USER ann PASSWORD 'safe'"})
    assert users(stand(init, *front(url), *behind("db", "postgres:16", 5432, given, data=scripts))) == 1000


@pytest.mark.parametrize(
    ("scheme", "argument", "options", "text"),
    [
        (
            "mongodb", "--tlsMode=requireTLS", "",
            "connection() error occurred during connection handshake: connection(db:27017[-1]) incomplete read of "
            "message header: EOF",
        ),
        ("mongodb", "--tlsMode=requireTLS", "?tls=true", ""),
        (
            "mysql", "--require-secure-transport=ON", "?tls=false",
            "Error 3159 (HY000): Connections using insecure transport are prohibited while "
            "--require_secure_transport=ON.",
        ),
        ("mysql", "--require-secure-transport=ON", "", ""),
        ("mysql", "--require-secure-transport=OFF", "?tls=false", ""),
    ],
)  # fmt: skip
def test_tls_that_one_side_asks_for(scheme: str, argument: str, options: str, text: str) -> None:
    world = store(scheme, args=[argument], options=options)
    assert (error(world), users(world)) == (text, 0 if text else 1000)


def test_postgresql_lets_in_by_its_own_rules() -> None:
    world = store(options="?sslmode=disable")
    remember(world, key("db"), recall(world, key("db"))._replace(tls_only=True))
    world.run_for(2 * SECOND_US)
    ip = pod_of(world, "api").status.ip
    rule = f'FATAL: no pg_hba.conf entry for host "{ip}", user "ann", database "shop", no encryption (SQLSTATE 28000)'
    assert error(world) == rule
    act(world, "set-env", "deployment/api", {"env": {"DB_URL": "postgres://ann:safe@db:5432/shop?sslmode=require"}})
    assert users(world) == 1000


def test_a_server_in_a_container_of_another_name() -> None:
    db = behind("db", "postgres:16", 5432, {"POSTGRES_PASSWORD": "safe"})
    declared = Topology(profiles={"db": Profile(behaviour="database")})
    world = stand(*front({"DB_ADDR": "db:5432"}), *db, topology=declared)
    container = {"name": "other", "image": "postgres:16", "ports": [{"containerPort": 5432}]}
    patch = [{"op": "replace", "path": "/spec/template/spec/containers", "value": [container]}]
    act(world, "patch", "deployment/db", {"patch": patch, "type": "json"})
    assert recall(world, key("db")).run[0] == pod_of(world, "db").uid
    assert users(world) == 1000


def test_an_idle_database_causes_no_epochs() -> None:
    world = store()
    timers, before = len(world.kernel.timers), world.traffic.memory
    world.run_for(300 * SECOND_US)
    assert not world.traffic.scheduled
    assert (len(world.kernel.timers), world.traffic.memory) == (timers, before)
