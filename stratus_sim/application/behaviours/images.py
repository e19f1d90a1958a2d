"""Which server software an image holds: told by its name, by its tag, or by the variables that set it up.

`registry/bitnami/postgresql:16` is PostgreSQL by its name, `shop/demo:2.1-kafka` is Kafka by its tag, and what listens
on 5432 and is given `POSTGRES_PASSWORD` is PostgreSQL under whatever name it was built.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from stratus_sim.cluster import container_status
from stratus_sim.cluster.objects import Resource
from stratus_sim.cluster.reading import once


class Software(NamedTuple):
    """`role` names what it does for others (database, cache, queue, flags; empty: nothing known), `engine` which it is.

    `stock` is false for an image built on top of the engine's own, which may bring set-up scripts.
    """

    role: str = ""
    engine: str = ""
    stock: bool = True


UNKNOWN = Software()
_ENGINES: Mapping[str, tuple[str, frozenset[str]]] = {
    "postgres": ("database", frozenset({"postgres", "postgresql", "postgis", "timescaledb", "pgvector"})),
    "mysql": ("database", frozenset({"mysql", "mysql-server", "percona", "percona-server"})),
    "mariadb": ("database", frozenset({"mariadb"})),
    "mongo": ("database", frozenset({"mongo", "mongodb", "mongodb-community-server"})),
    "redis": ("cache", frozenset({"redis", "redis-stack-server", "valkey", "keydb"})),
    "memcached": ("cache", frozenset({"memcached"})),
    "kafka": ("queue", frozenset({"kafka", "cp-kafka", "kafka-native"})),
    "rabbitmq": ("queue", frozenset({"rabbitmq"})),
    "nats": ("queue", frozenset({"nats"})),
    "flagd": ("flags", frozenset({"flagd"})),
}
_SET_UP = {
    5432: ("POSTGRES_PASSWORD", "postgres"),
    3306: ("MYSQL_ROOT_PASSWORD", "mysql"),
    27017: ("MONGO_INITDB_ROOT_USERNAME", "mongo"),
}
"""The variable that tells what listens on a well-known port, where the image does not."""


@once
def software(template: Mapping[str, Any], container: str) -> Software:
    """What the container of this name in a pod template runs."""
    found = main(template, container)
    known = _of_image(str(found.get("image") or ""))
    return known if known.role else _of_set_up(found)


def main(template: Mapping[str, Any], container: str) -> Mapping[str, Any]:
    """The container of this name in a pod template or a pod, empty when it has none."""
    return next((c for c in template["spec"]["containers"] if c["name"] == container), {})


def place(pod: Resource, container: str) -> int:
    """The place of a container of this name among all of its pod, in the order they start; the first if none is."""
    return next((at for at, c in enumerate(container_status.all_of(pod.spec)) if c.name == container), 0)


@lru_cache(maxsize=4096)
def _of_image(image: str) -> Software:
    """By the last part of the repository, else by what follows the version in the tag."""
    name, _, tag = image.partition("@")[0].rpartition("/")[2].partition(":")
    for engine, (role, names) in _ENGINES.items():
        if name in names:
            return Software(role, engine)
        if tag.partition("-")[2] in names:
            return Software(role, engine, stock=False)
    return UNKNOWN


def _of_set_up(container: Mapping[str, Any]) -> Software:
    ports = [port.get("containerPort") for port in container.get("ports") or ()]
    for port in ports:
        variable, engine = _SET_UP.get(port, ("", ""))
        given = variable and any(e["name"] == variable for e in container.get("env") or ())
        if given or (engine and container.get("envFrom")):
            return Software(_ENGINES[engine][0], engine, stock=False)
    return UNKNOWN
