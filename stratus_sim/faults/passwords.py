"""Faults of passwords that two sides no longer share: in a Secret, in a process's environment, on a server."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from stratus_sim.application.behaviours.access import shown
from stratus_sim.application.behaviours.cache import Cache
from stratus_sim.application.behaviours.database import Server
from stratus_sim.application.behaviours.images import main
from stratus_sim.application.behaviours.memory import recall, remember
from stratus_sim.cluster.merge import strategic_merge
from stratus_sim.cluster.objects import Manifest, ObjectKey
from stratus_sim.faults.catalogue import SERVER_FAULTS, Fault, Writes, register
from stratus_sim.faults.secrets import rewritten
from stratus_sim.faults.servers import (
    calls_to,
    clients,
    engine_of,
    known_logins,
    owner_of,
    remembering,
    restart,
    told,
)

if TYPE_CHECKING:
    from stratus_sim.world import World


def _with_logins(world: World) -> list[ObjectKey]:
    return [key for key in remembering(world, Server) if known_logins(world, key)]


def _with_shared_logins(world: World) -> list[ObjectKey]:
    """Databases whose clients have their password from a Secret or ConfigMap, which they read when they start."""
    workloads = {"Deployment", "StatefulSet", "DaemonSet"}
    found = [(key, _changed(world, key)) for key in _with_logins(world)]
    return [key for key, writes in found if writes and not workloads & {written.kind for written, _ in writes}]


def _suffix(target: ObjectKey) -> str:
    """What makes another password of one, and can be taken off again."""
    return hashlib.sha256(str(target).encode()).hexdigest()[:8]


def _changed(world: World, target: ObjectKey) -> Writes:
    """Another password where the clients have theirs from."""
    found: dict[ObjectKey, Manifest | None] = {}
    for call, login in known_logins(world, target):
        new = login.password + _suffix(target)
        found |= dict(rewritten(world, owner_of(world, call), call.container, login.password, new))
    return list(found.items())


def _restart_clients(world: World, target: ObjectKey) -> None:
    for call in calls_to(world, target):
        restart(world, owner_of(world, call))


def _change_on_server(world: World, target: ObjectKey) -> None:
    server: Server = recall(world, target)
    new = {login.user: login.password + _suffix(target) for _, login in known_logins(world, target)}
    if server.accounts is not None:
        remember(world, target, server._replace(accounts=server.accounts.update(new)))


def _as_before(world: World, target: ObjectKey) -> None:
    """The password as it was, on the server and, once they have started again, with the clients."""
    server: Server = recall(world, target)
    if server.accounts is not None:
        old = {user: password.removesuffix(_suffix(target)) for user, password in server.accounts.items()}
        remember(world, target, server._replace(accounts=server.accounts.update(old)))
    _restart_clients(world, target)


def _open_caches(world: World) -> list[ObjectKey]:
    """Redis and Valkey without a password, with clients that use none."""
    found = [key for key in remembering(world, Cache) if calls_to(world, key) and engine_of(world, key) == "redis"]
    open_ = [key for key in found if recall(world, key).strangers]
    return [key for key in open_ if any(shown(call, pod) is None for call, pod in clients(world, key))]


def _guarded(world: World, target: ObjectKey) -> Writes:
    manifest = world.store.state.objects[target].manifest
    container = world.application.workloads[f"{target.namespace}/{target.name}"].container
    given = main(manifest["spec"]["template"], container).get("args") or ()
    changed = {"name": container, "args": [*given, "--requirepass", _suffix(target)]}
    return [(target, strategic_merge(manifest, {"spec": {"template": {"spec": {"containers": [changed]}}}}))]


register(
    Fault(
        "secret-credentials-corrupted", "clients of a database are given a password its server does not have",
        _with_logins, lambda world, target: told(world, target, "login"), _changed, _restart_clients, _as_before,
    ),
    SERVER_FAULTS,
)  # fmt: skip
register(
    Fault(
        "secret-rotation-stale-env", "a database and a Secret get a new password, clients that run keep the old one",
        _with_shared_logins, lambda world, target: told(world, target, "login"), _changed, _change_on_server,
        _as_before,
    ),
    SERVER_FAULTS,
)  # fmt: skip
register(
    Fault(
        "valkey-auth-password-mismatch", "a cache asks for a password that its clients do not have", _open_caches,
        lambda world, target: told(world, target, "anonymous"), _guarded,
    ),
    SERVER_FAULTS,
)  # fmt: skip
