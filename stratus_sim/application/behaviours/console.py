"""Commands a simulated server understands when somebody runs them in its container.

`psql -c`, `mysql -e` and `mongosh --eval` change accounts, end sessions and make indexes; `kafka-consumer-groups.sh`
moves a consumer group past a message. Answers are the tools' own words (postgresql.org/docs/16/sql-alterrole.html and
.../functions-admin.html, dev.mysql.com/doc/refman/8.4/en/account-management-statements.html,
mongodb.com/docs/manual/reference/method/js-user-management, kafka.apache.org/documentation/#basic_ops_consumer_group).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from stratus_sim.application.behaviours.database import Server
from stratus_sim.application.behaviours.images import software
from stratus_sim.application.behaviours.memory import recall, remember
from stratus_sim.application.behaviours.queue import Queue
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.cluster.pods import root_owner

if TYPE_CHECKING:
    from stratus_sim.world import World


class Answer(NamedTuple):
    """What a command printed, and its exit code."""

    text: str
    code: int = 0


_Change = Callable[[Server, re.Match[str]], tuple[Server | None, str]]
_Rule = tuple[re.Pattern[str], _Change]


def run(world: World, pod: ObjectKey, command: str) -> Answer:
    """Run a command in the container of a server, as `kubectl exec POD -- COMMAND` does.

    A pod that does not run, or a command its container does not have, ends with a code other than 0.
    """
    found = world.store.get(pod)
    workload = root_owner(world, found) if found is not None else None
    if found is None or workload is None or found.status.phase != "Running":
        return Answer(f"error: unable to upgrade connection: container not found in pod {pod.name}", 1)
    known = world.application.workloads.get(f"{workload.namespace}/{workload.name}")
    engine = software(found.manifest, known.container).engine if known is not None else ""
    tool = command.split(maxsplit=1)[0].rpartition("/")[2] if command.split() else ""
    memory = recall(world, workload)
    if isinstance(memory, Server) and tool in _SHELLS.get(engine, ()):
        return _statement(world, workload, memory, engine, command)
    if isinstance(memory, Queue) and tool.startswith("kafka-consumer-groups") and engine == "kafka":
        return _skip(world, workload, memory, command)
    return Answer(f'exec: "{tool}": executable file not found in $PATH', 127)


def _statement(world: World, workload: ObjectKey, server: Server, engine: str, command: str) -> Answer:
    for pattern, change in _RULES[engine]:
        match = pattern.search(command)
        if match is not None:
            after, text = change(server, match)
            if after is not None:
                remember(world, workload, after)
            return Answer(text, int(after is None))
    return Answer(_UNKNOWN[engine], 1)


def _skip(world: World, workload: ObjectKey, queue: Queue, command: str) -> Answer:
    """`--reset-offsets --shift-by 1 --execute` of one group puts its consumer past the message at the head."""
    group = re.search(r"--group[= ](\S+)", command)
    mine = [b for b in queue.backlogs if group is not None and b.consumer.partition("/")[2] == group[1]]
    if not mine:
        return Answer(f"Error: Consumer group '{group[1] if group else ''}' does not exist.", 1)
    backlog = mine[0].at(world.now_us)
    if "--reset-offsets" in command and "--execute" in command:
        backlog = backlog._replace(poison=False, taken=backlog.taken + 1000, behind=max(0, backlog.behind - 1000))
        after = tuple(backlog if b.consumer == backlog.consumer else b for b in queue.backlogs)
        remember(world, workload, queue._replace(backlogs=after))
    offset, lag = backlog.taken // 1000, backlog.behind // 1000
    return Answer(f"GROUP PARTITION CURRENT-OFFSET LAG\n{group[1] if group else ''} 0 {offset} {lag}")


def _alter(said: str, unknown: str) -> _Change:
    def change(server: Server, match: re.Match[str]) -> tuple[Server | None, str]:
        user, password = match["user"], match["password"]
        if server.accounts is None or user not in server.accounts:
            return None, unknown.format(user=user)
        return server._replace(accounts=server.accounts.set(user, password)), said

    return change


def _create(said: str, taken: str) -> _Change:
    def change(server: Server, match: re.Match[str]) -> tuple[Server | None, str]:
        if server.accounts is None or match["user"] in server.accounts:
            return None, taken.format(user=match["user"])
        return server._replace(accounts=server.accounts.set(match["user"], match["password"])), said

    return change


def _drop(said: str, unknown: str) -> _Change:
    def change(server: Server, match: re.Match[str]) -> tuple[Server | None, str]:
        if server.accounts is None or match["user"] not in server.accounts:
            return None, unknown.format(user=match["user"])
        return server._replace(accounts=server.accounts.delete(match["user"])), said

    return change


def _right(said: str, unknown: str, *, granted: bool) -> _Change:
    def change(server: Server, match: re.Match[str]) -> tuple[Server | None, str]:
        user = match["user"]
        if server.accounts is None or user not in server.accounts:
            return None, unknown.format(user=user)
        others = tuple(one for one in server.revoked if one != user)
        return server._replace(revoked=others if granted else (*others, user)), said

    return change


def _end_sessions(said: str) -> _Change:
    return lambda server, _: (server._replace(locked=False), said)


def _index(said: str, *, missing: bool) -> _Change:
    return lambda server, _: (server._replace(unindexed=missing), said)


def _rule(pattern: str, change: _Change) -> _Rule:
    return re.compile(pattern, re.IGNORECASE), change


_NO_ROLE = 'ERROR:  role "{user}" does not exist'
_PSQL = (
    _rule(
        r"ALTER\s+(?:USER|ROLE)\s+\"?(?P<user>[\w-]+)\"?\s+(?:WITH\s+)?(?:ENCRYPTED\s+)?PASSWORD\s+'(?P<password>[^']*)'",
        _alter("ALTER ROLE", _NO_ROLE),
    ),
    _rule(
        r"CREATE\s+(?:USER|ROLE)\s+\"?(?P<user>[\w-]+)\"?\s+(?:WITH\s+)?(?:LOGIN\s+)?PASSWORD\s+'(?P<password>[^']*)'",
        _create("CREATE ROLE", 'ERROR:  role "{user}" already exists'),
    ),
    _rule(
        r"DROP\s+(?:USER|ROLE)\s+\"?(?P<user>[\w-]+)", _drop("DROP ROLE", _NO_ROLE)
    ),
    _rule(r"GRANT\b.+\bTO\s+\"?(?P<user>[\w-]+)", _right("GRANT", _NO_ROLE, granted=True)),
    _rule(r"REVOKE\b.+\bFROM\s+\"?(?P<user>[\w-]+)", _right("REVOKE", _NO_ROLE, granted=False)),
    _rule(r"pg_(?:terminate|cancel)_backend\s*\(", _end_sessions(" pg_terminate_backend \n----------------------\n t")),
    _rule(r"CREATE\s+(?:UNIQUE\s+)?INDEX\b", _index("CREATE INDEX", missing=False)),
    _rule(r"DROP\s+INDEX\b", _index("DROP INDEX", missing=True)),
)  # fmt: skip
_AT = r"(?:@'[^']*')?"
_DENIED = "ERROR 1396 (HY000) at line 1: Operation {statement} failed for '{{user}}'@'%'"
_MYSQL = (
    _rule(
        rf"ALTER\s+USER\s+'(?P<user>[^']+)'{_AT}\s+IDENTIFIED\s+BY\s+'(?P<password>[^']*)'",
        _alter("", _DENIED.format(statement="ALTER USER")),
    ),
    _rule(
        rf"CREATE\s+USER\s+'(?P<user>[^']+)'{_AT}\s+IDENTIFIED\s+BY\s+'(?P<password>[^']*)'",
        _create("", _DENIED.format(statement="CREATE USER")),
    ),
    _rule(rf"DROP\s+USER\s+'(?P<user>[^']+)'{_AT}", _drop("", _DENIED.format(statement="DROP USER"))),
    _rule(
        rf"GRANT\b.+\bTO\s+'(?P<user>[^']+)'{_AT}",
        _right("", "ERROR 1410 (42000) at line 1: You are not allowed to create a user with GRANT", granted=True),
    ),
    _rule(
        rf"REVOKE\b.+\bFROM\s+'(?P<user>[^']+)'{_AT}",
        _right("", "ERROR 1141 (42000) at line 1: There is no such grant defined for user '{user}'", granted=False),
    ),
    _rule(r"\bKILL\s+\d+", _end_sessions("")),
    _rule(r"(?:CREATE\s+(?:UNIQUE\s+)?|ADD\s+)INDEX\b", _index("", missing=False)),
    _rule(r"DROP\s+INDEX\b", _index("", missing=True)),
)
_NO_USER = "MongoServerError: User '{user}@admin' not found"
_MONGOSH = (
    _rule(
        r"changeUserPassword\(\s*['\"](?P<user>[^'\"]+)['\"]\s*,\s*['\"](?P<password>[^'\"]*)['\"]",
        _alter("{ ok: 1 }", f"MongoServerError: Updating user failed: {_NO_USER.partition(': ')[2]}"),
    ),
    _rule(
        r"createUser\(\s*\{.*?user:\s*['\"](?P<user>[^'\"]+)['\"].*?pwd:\s*['\"](?P<password>[^'\"]*)['\"]",
        _create("{ ok: 1 }", 'MongoServerError: User "{user}@admin" already exists'),
    ),
    _rule(r"dropUser\(\s*['\"](?P<user>[^'\"]+)['\"]", _drop("{ ok: 1 }", _NO_USER)),
    _rule(r"grantRolesToUser\(\s*['\"](?P<user>[^'\"]+)['\"]", _right("{ ok: 1 }", _NO_USER, granted=True)),
    _rule(r"revokeRolesFromUser\(\s*['\"](?P<user>[^'\"]+)['\"]", _right("{ ok: 1 }", _NO_USER, granted=False)),
    _rule(r"killOp\(", _end_sessions("{ info: 'attempting to kill op', ok: 1 }")),
    _rule(r"createIndex(?:es)?\(", _index("{ ok: 1 }", missing=False)),
    _rule(r"dropIndex(?:es)?\(", _index("{ ok: 1 }", missing=True)),
)
_RULES = {"postgres": _PSQL, "mysql": _MYSQL, "mariadb": _MYSQL, "mongo": _MONGOSH}
_SHELLS = {
    "postgres": ("psql",),
    "mysql": ("mysql",),
    "mariadb": ("mariadb", "mysql"),
    "mongo": ("mongosh", "mongo"),
}
_UNKNOWN = {
    "postgres": "ERROR:  syntax error at or near the statement",
    "mysql": "ERROR 1064 (42000) at line 1: You have an error in your SQL syntax",
    "mariadb": "ERROR 1064 (42000) at line 1: You have an error in your SQL syntax",
    "mongo": "SyntaxError: Unexpected token",
}
