"""The accounts of a database server: made when its data directory is first set up, and kept with the data.

As the official images do (hub.docker.com/_/postgres, /_/mysql, /_/mongo: "Initialization"): the variables for user and
password count only where the data directory is empty. Changing them, or the Secret they come from, changes no account
that is there; losing the data makes the accounts anew from the environment of that day.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from stratus_sim.application.behaviours.images import main, place
from stratus_sim.cluster import container_status
from stratus_sim.cluster.objects import ObjectKey, Resource

if TYPE_CHECKING:
    from stratus_sim.world import World

_DATA = {
    "postgres": "/var/lib/postgresql",
    "mysql": "/var/lib/mysql",
    "mariadb": "/var/lib/mysql",
    "mongo": "/data/db",
    "redis": "/data",
    "kafka": "/var/lib/kafka",
    "rabbitmq": "/var/lib/rabbitmq",
    "nats": "/data",
}
"""Where an engine keeps its data, unless `PGDATA` says otherwise."""


def first_accounts(engine: str, env: Mapping[str, str]) -> dict[str, str]:
    """Password by user as the image's entry point makes them from its environment; empty for one that lets all in."""
    if engine == "postgres":
        open_to_all = env.get("POSTGRES_HOST_AUTH_METHOD") == "trust" or not env.get("POSTGRES_PASSWORD")
        return {} if open_to_all else {env.get("POSTGRES_USER") or "postgres": env["POSTGRES_PASSWORD"]}
    if engine == "mongo":
        user = env.get("MONGO_INITDB_ROOT_USERNAME")
        return {user: env.get("MONGO_INITDB_ROOT_PASSWORD", "")} if user else {}
    return _of_mysql(env, ("MARIADB", "MYSQL") if engine == "mariadb" else ("MYSQL",))


def _of_mysql(env: Mapping[str, str], prefixes: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for prefix in prefixes:
        root, user = env.get(f"{prefix}_ROOT_PASSWORD"), env.get(f"{prefix}_USER")
        found |= {"root": root} if root else {}
        found |= {user: env.get(f"{prefix}_PASSWORD", "")} if user else {}
    return found


def data_of(world: World, pod: Resource, container: str, engine: str) -> tuple[str, ...]:
    """What tells the data of a server apart from any other: the data is lost when this changes.

    A claim's volume outlives the pod, an `emptyDir` the container; what is in no volume outlives neither.
    """
    directory = pod.status.env.get(container, {}).get("PGDATA") or _DATA.get(engine, "")
    mounts = main(pod.manifest, container).get("volumeMounts") or () if directory else ()
    name = next((m["name"] for m in mounts if _covers(str(m.get("mountPath") or ""), directory)), "")
    volume = next((v for v in pod.manifest["spec"].get("volumes") or () if v["name"] == name), None)
    return _identity(world, pod, volume, container)


def _covers(mounted: str, directory: str) -> bool:
    inner, outer = f"{mounted.rstrip('/')}/", f"{directory.rstrip('/')}/"
    return inner.startswith(outer) or outer.startswith(inner)


def process_of(pod: Resource, container: str) -> tuple[int, int]:
    """What tells a process in a pod apart from any other."""
    return pod.uid, container_status.of(pod, place(pod, container)).restarts


def _identity(world: World, pod: Resource, volume: Mapping[str, Any] | None, container: str) -> tuple[str, ...]:
    if volume is None:
        uid, run = process_of(pod, container)
        return "container", str(uid), str(run)
    claim = (volume.get("persistentVolumeClaim") or {}).get("claimName")
    if claim:
        bound = world.store.get(ObjectKey("PersistentVolumeClaim", pod.key.namespace, claim))
        return "claim", claim, str(bound.uid if bound is not None else 0)
    path = (volume.get("hostPath") or {}).get("path")
    return ("host", pod.status.node, path) if path else ("pod", str(pod.uid))
