"""Commands at a server's console: what they change, and what the tools answer."""

from __future__ import annotations

import pytest

from stratus_sim.application.behaviours.console import run
from stratus_sim.application.behaviours.database import Server
from stratus_sim.application.behaviours.memory import recall, remember
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.world import World
from tests.application.backends import behind, front, key, pod_of, stand

SERVERS = {
    "postgres": ("postgres:16", 5432, {"POSTGRES_USER": "ann", "POSTGRES_PASSWORD": "safe"}),
    "mysql": ("mysql:8.4", 3306, {"MYSQL_USER": "ann", "MYSQL_PASSWORD": "safe"}),
    "mongo": ("mongo:7", 27017, {"MONGO_INITDB_ROOT_USERNAME": "ann", "MONGO_INITDB_ROOT_PASSWORD": "safe"}),
}
COMMANDS = {
    "postgres": {
        "alter": "psql -U ann -c \"ALTER USER ann WITH PASSWORD 'new'\"",
        "create": "psql -c \"CREATE ROLE bob LOGIN PASSWORD 'new';\"",
        "drop": 'psql -c "DROP USER ann"',
        "grant": 'psql -c "GRANT ALL ON ALL TABLES IN SCHEMA public TO ann"',
        "revoke": 'psql -c "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM ann"',
        "kill": 'psql -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"',
        "index": 'psql -c "CREATE INDEX ON orders (customer)"',
        "unindex": 'psql -c "DROP INDEX orders_customer"',
    },
    "mysql": {
        "alter": "mysql -uroot -e \"ALTER USER 'ann'@'%' IDENTIFIED BY 'new'\"",
        "create": "mysql -e \"CREATE USER 'bob' IDENTIFIED BY 'new'\"",
        "drop": "mysql -e \"DROP USER 'ann'@'%'\"",
        "grant": "mysql -e \"GRANT ALL ON shop.* TO 'ann'@'%'\"",
        "revoke": "mysql -e \"REVOKE ALL ON shop.* FROM 'ann'@'%'\"",
        "kill": 'mysql -e "KILL 42"',
        "index": 'mysql -e "ALTER TABLE orders ADD INDEX customer (customer)"',
        "unindex": 'mysql -e "DROP INDEX customer ON orders"',
    },
    "mongo": {
        "alter": "mongosh admin --eval \"db.changeUserPassword('ann', 'new')\"",
        "create": "mongosh admin --eval \"db.createUser({user: 'bob', pwd: 'new', roles: []})\"",
        "drop": "mongosh admin --eval \"db.dropUser('ann')\"",
        "grant": "mongosh admin --eval \"db.grantRolesToUser('ann', ['readWrite'])\"",
        "revoke": "mongosh admin --eval \"db.revokeRolesFromUser('ann', ['readWrite'])\"",
        "kill": 'mongosh --eval "db.killOp(42)"',
        "index": 'mongosh --eval "db.orders.createIndex({customer: 1})"',
        "unindex": "mongosh --eval \"db.orders.dropIndex('customer_1')\"",
    },
}


def server(engine: str) -> World:
    image, port, env = SERVERS[engine]
    return stand(*front({"DB_ADDR": f"db:{port}"}), *behind("db", image, port, env))


def state(world: World) -> Server:
    found: Server = recall(world, key("db"))
    return found


def users(world: World) -> dict[str, str]:
    return dict(state(world).accounts or {})


@pytest.mark.parametrize("engine", SERVERS)
def test_accounts(engine: str) -> None:
    world, said = server(engine), COMMANDS[engine]
    db = pod_of(world, "db").key
    assert (run(world, db, said["alter"]).code, users(world)) == (0, {"ann": "new"})
    assert (run(world, db, said["create"]).code, users(world)) == (0, {"ann": "new", "bob": "new"})
    assert run(world, db, said["create"]).code == 1, "it is there already"
    assert (run(world, db, said["drop"]).code, users(world)) == (0, {"bob": "new"})
    for again in ("alter", "drop"):
        answer = run(world, db, said[again])
        assert answer.code == 1
        assert "ann" in answer.text
    assert users(world) == {"bob": "new"}


@pytest.mark.parametrize("engine", SERVERS)
def test_rights(engine: str) -> None:
    world, said = server(engine), COMMANDS[engine]
    db = pod_of(world, "db").key
    for _ in range(2):
        assert run(world, db, said["revoke"]).code == 0
        assert set(state(world).revoked) == {"ann"}
    assert run(world, db, said["grant"]).code == 0
    assert state(world).revoked == ()
    assert run(world, db, said["grant"].replace("ann", "eve")).code == 1


@pytest.mark.parametrize("engine", SERVERS)
def test_sessions_and_indexes(engine: str) -> None:
    world, said = server(engine), COMMANDS[engine]
    db = pod_of(world, "db").key
    remember(world, key("db"), state(world)._replace(locked=True))
    assert run(world, db, said["kill"]).code == 0
    assert not state(world).locked
    assert run(world, db, said["unindex"]).code == 0
    assert state(world).unindexed
    assert run(world, db, said["index"]).code == 0
    assert not state(world).unindexed


def test_words_of_the_tools() -> None:
    world = server("postgres")
    db = pod_of(world, "db").key
    assert run(world, db, COMMANDS["postgres"]["alter"]).text == "ALTER ROLE"
    assert run(world, db, "psql -c \"ALTER USER eve PASSWORD 'x'\"").text == 'ERROR:  role "eve" does not exist'


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("psql -c 'VACUUM AND MORE'", 1),
        ("mysql -e 'KILL 1'", 127),
        ("rm -rf /", 127),
        ("", 127),
        ("kafka-topics.sh", 127),
    ],
)
def test_what_it_does_not_know_changes_nothing(command: str, code: int) -> None:
    world = server("postgres")
    before = state(world)
    assert run(world, pod_of(world, "db").key, command).code == code
    assert state(world) == before


def test_there_must_be_a_container_to_run_in() -> None:
    world = server("postgres")
    assert run(world, ObjectKey("Pod", "default", "db-gone"), COMMANDS["postgres"]["drop"]).code == 1
    assert run(world, pod_of(world, "api").key, COMMANDS["postgres"]["drop"]).code == 127
    assert users(world) == {"ann": "safe"}
