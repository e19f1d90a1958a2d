"""What clients print when a server turns them away, by engine: the server's words as its usual driver wraps them.

Sources: postgresql.org/docs/16/errcodes-appendix.html and .../client-authentication-problems.html; MySQL 8.4 Error
Message Reference (dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html: 1040, 1044, 1045, 1205, 3159);
mongodb.com/docs/manual/reference/error-codes and the Go driver's handshake errors; redis.io/docs/latest/commands/auth,
.../develop/reference/clients ("Maximum concurrent connected clients"). PostgreSQL and MySQL say the same of a user
they do not know as of a wrong password; only their own log tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from stratus_sim.application.behaviours.credentials import Login

Problem = Literal["login", "anonymous", "forbidden", "plain", "connections", "locked"]

_HANDSHAKE = "connection() error occurred during connection handshake: "
_MYSQL: Mapping[Problem, str] = {
    "login": "Error 1045 (28000): Access denied for user '{user}'@'{ip}' (using password: YES)",
    "anonymous": "Error 1045 (28000): Access denied for user '{user}'@'{ip}' (using password: NO)",
    "forbidden": "Error 1044 (42000): Access denied for user '{user}'@'%' to database '{database}'",
    "plain": "Error 3159 (HY000): Connections using insecure transport are prohibited "
    "while --require_secure_transport=ON.",
    "connections": "Error 1040 (08004): Too many connections",
    "locked": "Error 1205 (HY000): Lock wait timeout exceeded; try restarting transaction",
}
_TEXTS: Mapping[str, Mapping[Problem, str]] = {
    "postgres": {
        "login": 'FATAL: password authentication failed for user "{user}" (SQLSTATE 28P01)',
        "anonymous": "fe_sendauth: no password supplied",
        "forbidden": "ERROR: permission denied for schema public (SQLSTATE 42501)",
        "plain": 'FATAL: no pg_hba.conf entry for host "{ip}", user "{user}", database "{database}", no encryption '
        "(SQLSTATE 28000)",
        "connections": "FATAL: sorry, too many clients already (SQLSTATE 53300)",
        "locked": "ERROR: canceling statement due to user request (SQLSTATE 57014)",
    },
    "mysql": _MYSQL,
    "mariadb": _MYSQL,
    "mongo": {
        "login": _HANDSHAKE + 'auth error: sasl conversation error: unable to authenticate using mechanism '
        '"SCRAM-SHA-256": (AuthenticationFailed) Authentication failed.',
        "anonymous": "(Unauthorized) Command find requires authentication",
        "forbidden": "(Unauthorized) not authorized on {database} to execute command",
        "plain": _HANDSHAKE + "connection({host}[-1]) incomplete read of message header: EOF",
        "connections": _HANDSHAKE + "connection({host}[-1]) incomplete read of message header: EOF",
        "locked": "(MaxTimeMSExpired) operation exceeded time limit",
    },
    "redis": {
        "login": "WRONGPASS invalid username-password pair or user is disabled.",
        "anonymous": "NOAUTH Authentication required.",
        "forbidden": "NOPERM User default has no permissions to run the command",
        "plain": "EOF",
        "connections": "ERR max number of clients reached",
        "locked": "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
    },
}  # fmt: skip


def complaint(engine: str, problem: Problem, login: Login, ip: str = "", host: str = "") -> str:
    """The line a client at `ip` prints that dialled `host` (`name:port`) with `login`."""
    text = _TEXTS[engine][problem]
    database = login.database or login.user
    return text.format(user=login.user, ip=ip, database=database, host=host)
