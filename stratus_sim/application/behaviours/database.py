"""A database: who may log in, how many at a time, what a held lock and a missing index cost.

Follows the engines' manuals: postgresql.org/docs/16/auth-pg-hba-conf.html and .../explicit-locking.html,
dev.mysql.com/doc/refman/8.4 ("Access Control", "InnoDB Locking", `max_connections`),
mongodb.com/docs/manual/reference/configuration-options (`net.tls.mode`, `security.authorization`).
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, NamedTuple

from immutables import Map

from stratus_sim.application.behaviours import access
from stratus_sim.application.behaviours.accounts import data_of, first_accounts, process_of
from stratus_sim.application.behaviours.complaints import complaint
from stratus_sim.application.behaviours.images import main, software
from stratus_sim.application.behaviours.registry import Offered, Served, behaviour
from stratus_sim.cluster.objects import Resource

if TYPE_CHECKING:
    from stratus_sim.world import World

PATIENCE_US = 1_000_000
"""How long a client waits for a row that somebody else has locked."""
CONTENDED = 0.5
"""The share of requests that need what a long transaction has locked."""
SCAN_CPU_PERMILLE, SCAN_US = 8_000, 150_000
"""What a request takes that has to read the whole table: CPU against the indexed one, and time for the reading."""
_IDLE_CONNECTIONS = 2
_CONNECTIONS = {"postgres": 100, "mysql": 151, "mariadb": 151, "mongo": 65_536}
_LIMIT = re.compile(r"max[_-]?conn(?:ection)?s[= ](\d+)", re.IGNORECASE)
_ALL = 0.999
"""The share of a caller's pods that is all of them, whatever their sum rounds to."""
_SCRIPTS = "/docker-entrypoint-initdb.d"


class Server(NamedTuple):
    """A database server as it stands.

    `data` tells the data of its members apart from any other, `run` its process. `accounts` are passwords by user, None
    when everybody is let in; `scripted` those of them that scripts in the image make at every first start. `met` are
    callers that have logged in with a name, `revoked` users without a right to anything. `tls_only` is PostgreSQL's,
    whose access rules lie with the data, as an index does; a `locked` row is free again when the process ends. Callers
    in `refusing` are turned away, all of their pods.
    """

    data: tuple[tuple[str, ...], ...]
    run: tuple[int, int]
    accounts: Map[str, str] | None
    scripted: Map[str, str] = Map()
    met: tuple[str, ...] = ()
    revoked: tuple[str, ...] = ()
    tls_only: bool = False
    locked: bool = False
    unindexed: bool = False
    refusing: tuple[str, ...] = ()


@behaviour("database")
def database(world: World, offered: Offered, memory: Server | None) -> Served:
    """Refuses who may not log in; what is left waits for locks, reads whole tables, and fills the connections."""
    if not offered.pods:
        return _gone(offered, memory)
    pod, engine = primary(offered.pods), engine_of(offered)
    server = _introduced(_standing(world, pod, offered, engine, memory), pod, offered)
    started_with = access.words(pod, offered.workload.container)
    tls_only = server.tls_only or access.demands_tls(started_with)
    door = access.Door(engine, server.accounts, tls_only, server.met, server.revoked)
    waiting_us = round(CONTENDED * PATIENCE_US) * server.locked + SCAN_US * server.unindexed
    refused = access.refusals(door, offered.callers)
    server = _refusing(server, tuple(name for name, lines in refused.items() if sum(lines.values()) > _ALL))
    errors = _errors(engine, offered, server, waiting_us, _limit(started_with, engine))
    return Served(
        success=1.0 - sum(errors.values()),
        latency_us=waiting_us,
        errors=errors,
        refused=refused,
        cpu_permille=SCAN_CPU_PERMILLE if server.unindexed else 1000,
        memory=server,
        restless=memory is not None and server.refusing != memory.refusing,
    )


def _gone(offered: Offered, server: Server | None) -> Served:
    """A server that does not run serves nobody."""
    if server is None:
        return Served()
    now = _refusing(server, tuple(caller.call.source_key for caller in offered.callers))
    return Served(memory=now, restless=now is not server)


def _refusing(server: Server, callers: tuple[str, ...]) -> Server:
    return server if server.refusing == callers else server._replace(refusing=callers)


def primary(pods: tuple[Resource, ...]) -> Resource:
    """The pod that holds the data everybody writes to: the oldest that serves."""
    return min(pods, key=lambda pod: (pod.created_us, pod.key))


def engine_of(offered: Offered) -> str:
    """The engine by the image; an image nobody knows, annotated as a database, is taken for PostgreSQL."""
    found = software(offered.pods[0].manifest, offered.workload.container)
    return found.engine if found.role == "database" else "postgres"


def _standing(world: World, pod: Resource, offered: Offered, engine: str, server: Server | None) -> Server:
    """The server as this epoch finds it: set up if its data is new, started again if its process is.

    A member that joins a StatefulSet has the data of the others; a further pod of a Deployment has its own.
    """
    container = offered.workload.container
    members = offered.pods if offered.workload.kind == "StatefulSet" else (pod,)
    data = tuple(data_of(world, member, container, engine) for member in members)
    run = process_of(pod, container)
    if server is None or set(server.data).isdisjoint(data):
        scripted: Map[str, str] = server.scripted if server is not None else Map()
        accounts = first_accounts(engine, pod.status.env.get(container, {}))
        known = Map({**accounts, **scripted}) if accounts else None
        return Server(data, run, known, scripted, server.met if server is not None else ())
    if not set(server.data).issuperset(data):
        server = server._replace(data=tuple(sorted({*server.data, *data})))
    return server if server.run == run else server._replace(run=run, locked=False)


def _introduced(server: Server, pod: Resource, offered: Offered) -> Server:
    """Who comes for the first time under a name the environment does not make has it from the image's own scripts."""
    if server.accounts is None:
        return server
    new = [caller for caller in offered.callers if caller.pods and caller.call.source_key not in server.met]
    shown = [(c.call.source_key, found) for c in new if (found := access.shown(c.call, c.pods[0])) is not None]
    if not shown:
        return server
    scripts = _set_up_by_scripts(pod, offered.workload.container)
    made = {found.user: found.password for _, found in shown if scripts and found.user not in server.accounts}
    accounts, scripted = server.accounts.update(made), server.scripted.update(made)
    return server._replace(accounts=accounts, scripted=scripted, met=(*server.met, *(name for name, _ in shown)))


def _set_up_by_scripts(pod: Resource, container: str) -> bool:
    mounts = main(pod.manifest, container).get("volumeMounts") or ()
    scripts = any(str(m.get("mountPath") or "").startswith(_SCRIPTS) for m in mounts)
    return scripts or not software(pod.manifest, container).stock


def _errors(engine: str, offered: Offered, server: Server, waiting_us: int, limit: int) -> dict[str, float]:
    """What befalls those who may log in: no connection left, or a lock that is not given free in time."""
    idle = _IDLE_CONNECTIONS * sum(len(caller.pods) for caller in offered.callers)
    used = idle + math.ceil(offered.rate * waiting_us / 1e9)
    crowded = max(0.0, 1.0 - limit / used) if used else 0.0
    found = {complaint(engine, "connections", access.NOBODY): crowded} if crowded else {}
    if server.locked:
        found[complaint(engine, "locked", access.NOBODY)] = CONTENDED * (1.0 - crowded)
    return found


def _limit(started_with: str, engine: str) -> int:
    found = _LIMIT.search(started_with)
    return max(1, int(found[1])) if found else _CONNECTIONS[engine]
