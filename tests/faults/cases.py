"""What faults of servers make clients print, and what mends it from inside; worlds in which each finds a target."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from stratus_sim.application.behaviours.console import run
from stratus_sim.kernel import SECOND_US
from stratus_sim.world import World
from tests.application import test_flags, test_queue
from tests.application.backends import act, pod_of
from tests.application.test_cache import shop
from tests.application.test_database import store
from tests.conftest import standing

DENIED = {
    "mongodb": "connection() error occurred during connection handshake: auth error: sasl conversation error: unable "
    'to authenticate using mechanism "SCRAM-SHA-256": (AuthenticationFailed) Authentication failed.',
    "postgres": 'FATAL: password authentication failed for user "ann" (SQLSTATE 28P01)',
}


class Case(NamedTuple):
    """A fault on a target, what the client of that pair then prints, and what mends it."""

    fault: str
    world: Callable[[], World]
    target: str
    pair: tuple[str, str]
    error: str
    repair: Callable[[World], None]


def hotel() -> World:
    return World(standing())


def restarted(*deployments: str, namespace: str = "hotel") -> Callable[[World], None]:
    def repair(world: World) -> None:
        for name in deployments:
            act(world, "rollout-restart", f"deployment/{name}", namespace=namespace)

    return repair


def undone(name: str, namespace: str = "hotel") -> Callable[[World], None]:
    return lambda world: act(world, "rollout-undo", f"deployment/{name}", namespace=namespace)


def redis() -> World:
    return shop("valkey/valkey:8", 6379)


def encrypted(world: World) -> None:
    """Clients are told to use TLS."""
    url = "mysql://$(DB_USER):$(DB_PASSWORD)@db:3306/shop?tls=true"
    act(world, "set-env", "deployment/api", {"env": {"DB_URL": url}})


def at_console(server: str, command: str) -> Callable[[World], None]:
    def repair(world: World) -> None:
        assert run(world, pod_of(world, server).key, command).code == 0
        world.run_for(60 * SECOND_US)

    return repair


def read_again(world: World) -> None:
    """The clients' password is set back where it stands, and they start again."""
    act(world, "patch", "secret/login", {"patch": {"stringData": {"password": "safe"}}}, wait_s=1)
    act(world, "rollout-restart", "deployment/api")


def cleaned(world: World) -> None:
    """The account is given to the server again, with the password clients have."""
    at_console("db", "psql -c \"CREATE USER ann PASSWORD 'safe'\"")(world)


def flags_off(world: World) -> None:
    data = {"demo.flagd.json": test_flags.definition()}
    act(world, "patch", "configmap/flags", {"patch": {"data": data}}, wait_s=1)
    act(world, "rollout-restart", "deployment/flagd")


SKIP = "kafka-consumer-groups.sh --bootstrap-server bus:9092 --group mailer --all-topics --reset-offsets --shift-by 1"
CASES = [
    Case(
        "secret-credentials-corrupted", hotel, "mongodb-user", ("user", "mongodb-user"), DENIED["mongodb"],
        restarted("mongodb-user"),
    ),
    Case("secret-credentials-corrupted", store, "db", ("api", "db"), DENIED["postgres"], read_again),
    Case(
        "mongodb-user-missing", hotel, "mongodb-user", ("user", "mongodb-user"), DENIED["mongodb"],
        restarted("mongodb-user"),
    ),
    Case("postgres-user-missing", store, "db", ("api", "db"), DENIED["postgres"], cleaned),
    Case(
        "mongodb-tls-required", hotel, "mongodb-geo", ("geo", "mongodb-geo"),
        "connection() error occurred during connection handshake: connection(mongodb-geo:27017[-1]) incomplete read of "
        "message header: EOF", undone("mongodb-geo"),
    ),
    Case(
        "mysql-tls-required", lambda: store("mysql", options="?tls=false"), "db", ("api", "db"),
        "Error 3159 (HY000): Connections using insecure transport are prohibited while --require_secure_transport=ON.",
        encrypted,
    ),
    Case(
        "secret-rotation-stale-env", hotel, "mongodb-user", ("user", "mongodb-user"), DENIED["mongodb"],
        restarted("user"),
    ),
    Case(
        "secret-rotation-stale-env", store, "db", ("api", "db"), DENIED["postgres"],
        restarted("api", namespace="default"),
    ),
    Case(
        "mongodb-auth-revoked", hotel, "mongodb-user", ("user", "mongodb-user"),
        "(Unauthorized) not authorized on users to execute command", restarted("mongodb-user"),
    ),
    Case(
        "mysql-auth-revoked", lambda: store("mysql"), "db", ("api", "db"),
        "Error 1044 (42000): Access denied for user 'ann'@'%' to database 'shop'",
        at_console("db", "mysql -uroot -e \"GRANT ALL ON shop.* TO 'ann'@'%'\""),
    ),
    Case(
        "valkey-auth-password-mismatch", redis, "cache", ("api", "cache"), "NOAUTH Authentication required.",
        undone("cache", namespace="default"),
    ),
    Case(
        "mongodb-lock-held", hotel, "mongodb-rate", ("rate", "mongodb-rate"),
        "(MaxTimeMSExpired) operation exceeded time limit", restarted("mongodb-rate"),
    ),
    Case(
        "postgres-lock-held", store, "db", ("api", "db"),
        "ERROR: canceling statement due to user request (SQLSTATE 57014)",
        at_console("db", 'psql -c "SELECT pg_terminate_backend(7)"'),
    ),
    Case(
        "mongodb-index-missing", hotel, "mongodb-geo", ("geo", "mongodb-geo"), "503 from upstream",
        restarted("mongodb-geo"),
    ),
    Case(
        "postgres-index-missing", store, "db", ("api", "db"), "503 from upstream",
        at_console("db", 'psql -c "CREATE INDEX ON orders (customer)"'),
    ),
    Case(
        "kafka-poison-pill", test_queue.post, "bus", ("mailer", "bus"),
        "failed to process message: partition=0 offset=", at_console("bus", f"{SKIP} --execute"),
    ),
    Case(
        "kafka-poison-pill", test_queue.post, "bus", ("mailer", "bus"),
        "failed to process message: partition=0 offset=", restarted("bus", namespace="default"),
    ),
    Case(
        "feature-flag-product-catalog-failure", test_flags.demo, "flags", ("api", "product-catalog"),
        "rpc error: code = Internal", flags_off,
    ),
    Case(
        "feature-flag-payment-failure", lambda: test_flags.demo(copied=True), "flags", ("api", "payment"),
        "Payment request failed.", flags_off,
    ),
]  # fmt: skip

WORLDS = (
    hotel,
    store,
    lambda: store("mysql", options="?tls=false"),
    redis,
    test_queue.post,
    test_flags.demo,
    test_flags.rest,
)
