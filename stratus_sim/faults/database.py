"""Faults inside a database: an account, a right, a lock, an index; and TLS that only the server knows of.

What lies in a database's data no manifest expresses: such a fault strikes the server's memory. It ends as it would
elsewhere: with the process (a lock), with the data (accounts, rights, indexes), or by a command at the console.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from stratus_sim.application import epochs
from stratus_sim.application.behaviours.access import shown
from stratus_sim.application.behaviours.database import SCAN_US, Server
from stratus_sim.application.behaviours.images import main
from stratus_sim.application.behaviours.memory import recall, remember
from stratus_sim.cluster.merge import strategic_merge
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.faults.catalogue import SERVER_FAULTS, Fault, Writes, register
from stratus_sim.faults.servers import calls_to, clients, engine_of, known_logins, logins, remembering, told

if TYPE_CHECKING:
    from stratus_sim.world import World

_ENGINES = {"mongodb": ("mongo",), "postgres": ("postgres",), "mysql": ("mysql", "mariadb")}
"""The engines meant by the name problems of the benchmarks give a database."""
_TLS_ONLY = {
    "mongodb": ["--tlsMode=requireTLS", "--tlsCertificateKeyFile=/etc/ssl/mongodb.pem"],
    "mysql": ["--require-secure-transport=ON"],
}


def _called(name: str) -> Callable[[World], list[ObjectKey]]:
    """The databases of these engines that somebody calls, once they stand."""

    def targets(world: World) -> list[ObjectKey]:
        found = [key for key in remembering(world, Server) if calls_to(world, key)]
        return [key for key in found if engine_of(world, key) in _ENGINES[name]]

    return targets


def _logged_in(name: str) -> Callable[[World], list[ObjectKey]]:
    return lambda world: [key for key in _called(name)(world) if known_logins(world, key)]


def _unencrypted(name: str) -> Callable[[World], list[ObjectKey]]:
    """Servers with a client that would not use TLS by itself."""

    def plain(world: World, key: ObjectKey) -> bool:
        used = [shown(call, pod) for call, pod in clients(world, key)]
        asked = [one.encrypted if one is not None else None for one in used]
        return any(one is False or (one is None and name == "mongodb") for one in asked)

    return lambda world: [key for key in _called(name)(world) if plain(world, key)]


def _change(world: World, target: ObjectKey, **fields: Any) -> None:
    server: Server | None = recall(world, target)
    if server is not None:
        remember(world, target, server._replace(**fields))


def _drop_user(world: World, target: ObjectKey) -> None:
    for _, login in known_logins(world, target)[:1]:
        _change(world, target, accounts=recall(world, target).accounts.delete(login.user))


def _create_user(world: World, target: ObjectKey) -> None:
    """Give back the accounts that clients look for and that are not there."""
    accounts = recall(world, target).accounts
    missing = {one.user: one.password for one in logins(world, target) if one.user not in (accounts or ())}
    if accounts is not None:
        _change(world, target, accounts=accounts.update(missing))


def _revoke(world: World, target: ObjectKey) -> None:
    for _, login in known_logins(world, target)[:1]:
        _change(world, target, revoked=(*recall(world, target).revoked, login.user))


def _with_tls(name: str) -> Callable[[World, ObjectKey], Writes]:
    def writes(world: World, target: ObjectKey) -> Writes:
        manifest = world.store.state.objects[target].manifest
        container = world.application.workloads[f"{target.namespace}/{target.name}"].container
        found = main(manifest["spec"]["template"], container)
        changed = {"name": container, "args": [*(found.get("args") or ()), *_TLS_ONLY[name]]}
        return [(target, strategic_merge(manifest, {"spec": {"template": {"spec": {"containers": [changed]}}}}))]

    return writes


def _scans(world: World, target: ObjectKey) -> bool:
    flow = epochs.current(world).workloads[f"{target.namespace}/{target.name}"]
    return flow.pods > 0 and flow.latency_us >= SCAN_US


def _server_fault(fault: Fault) -> None:
    register(fault, SERVER_FAULTS)


for _name in _ENGINES:
    _server_fault(
        Fault(
            f"{_name}-user-missing", "the account that clients of a database log in with is dropped",
            _logged_in(_name), lambda world, target: told(world, target, "login"), strike=_drop_user, mend=_create_user,
        )
    )  # fmt: skip
    _server_fault(
        Fault(
            f"{_name}-auth-revoked", "the account that clients of a database log in with loses its rights",
            _logged_in(_name), lambda world, target: told(world, target, "forbidden"), strike=_revoke,
            mend=lambda world, target: _change(world, target, revoked=()),
        )
    )  # fmt: skip
    _server_fault(
        Fault(
            f"{_name}-lock-held", "a transaction that does not end holds a lock others need",
            _called(_name), lambda world, target: told(world, target, "locked"),
            strike=lambda world, target: _change(world, target, locked=True),
            mend=lambda world, target: _change(world, target, locked=False),
        )
    )  # fmt: skip
    _server_fault(
        Fault(
            f"{_name}-index-missing", "an index is dropped: queries read the whole table", _called(_name), _scans,
            strike=lambda world, target: _change(world, target, unindexed=True),
            mend=lambda world, target: _change(world, target, unindexed=False),
        )
    )  # fmt: skip
for _name in _TLS_ONLY:
    _server_fault(
        Fault(
            f"{_name}-tls-required", "a database takes connections by TLS only, which its clients do not use",
            _unencrypted(_name), lambda world, target: told(world, target, "plain"), _with_tls(_name),
        )
    )  # fmt: skip
