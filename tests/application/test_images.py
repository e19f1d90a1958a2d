"""Which software a container runs."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_sim.application.behaviours.images import UNKNOWN, Software, software


def of(image: str, **container: Any) -> Software:
    return software({"spec": {"containers": [{"name": "c", "image": image, **container}]}}, "c")


@pytest.mark.parametrize(
    ("image", "role", "engine"),
    [
        ("postgres:16.4", "database", "postgres"),
        ("docker.io/bitnami/postgresql:16@sha256:abc", "database", "postgres"),
        ("localhost:5000/mysql", "database", "mysql"),
        ("mariadb:11", "database", "mariadb"),
        ("docker.io/library/mongo:4.4.6", "database", "mongo"),
        ("valkey/valkey:8.1.3-alpine", "cache", "redis"),
        ("memcached", "cache", "memcached"),
        ("confluentinc/cp-kafka:7.6", "queue", "kafka"),
        ("rabbitmq:3-management", "queue", "rabbitmq"),
        ("ghcr.io/open-feature/flagd:v0.12.8", "flags", "flagd"),
    ],
)
def test_the_name_of_the_image(image: str, role: str, engine: str) -> None:
    assert of(image) == Software(role, engine)


def test_the_tag_of_an_image_that_holds_many() -> None:
    assert of("registry.example/demo:2.1.3-postgresql") == Software("database", "postgres", stock=False)
    assert of("registry.example/demo:2.1.3-postgresql-ui") == UNKNOWN


def test_what_only_sounds_like_it() -> None:
    assert (
        of("prom/mysqld-exporter:v1") == of("mongo-express:1") == of("registry.example/postgres-tools/web:1") == UNKNOWN
    )


def test_what_it_is_set_up_with() -> None:
    ports, given = [{"containerPort": 5432}], [{"name": "POSTGRES_PASSWORD", "value": "x"}]
    assert of("registry.example/ledger-db:1", ports=ports, env=given) == Software("database", "postgres", stock=False)
    assert of("registry.example/ledger-db:1", ports=ports, envFrom=[{"configMapRef": {"name": "c"}}]).role == "database"
    assert of("registry.example/ledger-db:1", ports=ports) == UNKNOWN
    assert of("registry.example/ledger-db:1", ports=[{"containerPort": 80}], env=given) == UNKNOWN
