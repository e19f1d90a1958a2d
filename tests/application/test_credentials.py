"""What a client logs in with, in every form its environment may give it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from stratus_sim.application.behaviours.credentials import Login, login
from stratus_sim.manifests.calls import Call


def used(via: str, **env: str) -> Login | None:
    return login(env, Call("default", "api", "db", None, via, "api"))


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({"URL": "postgres://ann:s%40fe@db:5432/shop"}, Login("ann", "s@fe", "shop")),
        ({"URL": "mongodb://ann:safe@db:27017/shop?tls=true"}, Login("ann", "safe", "shop", encrypted=True)),
        ({"URL": "postgresql://ann:safe@db/shop?sslmode=disable"}, Login("ann", "safe", "shop", encrypted=False)),
        ({"URL": "postgresql://ann:safe@db/shop?sslmode=prefer"}, Login("ann", "safe", "shop")),
        ({"URL": "rediss://:safe@db:6379/0"}, Login("", "safe", "0", encrypted=True)),
        ({"URL": "Host=db;Username=ann;Password=safe;Database=shop"}, Login("ann", "safe", "shop")),
        ({"URL": "host=db user=ann password=safe dbname=shop sslmode=require"}, Login("ann", "safe", "shop", True)),
        ({"URL": "ann:safe@tcp(db:3306)/shop?tls=skip-verify"}, Login("ann", "safe", "shop", encrypted=True)),
        ({"URL": "db:5432", "PGUSER": "ann", "PGPASSWORD": "safe", "PGDATABASE": "shop"}, Login("ann", "safe", "shop")),
        ({"URL": "db:5432", "PGPASSWORD": "safe", "PGSSLMODE": "disable"}, Login("postgres", "safe", "", False)),
    ],
)  # fmt: skip
def test_one_text(env: Mapping[str, str], expected: Login) -> None:
    assert used("env:URL", **env) == expected


def test_variables_beside_the_address_go_before_those_of_other_servers() -> None:
    env = {"BLOG_DB_HOST": "db", "BLOG_DB_USER": "ann", "BLOG_DB_PASSWORD": "safe", "REDIS_PASSWORD": "other"}
    assert used("env:BLOG_DB_HOST", **env) == Login("ann", "safe")


def test_variables_of_the_driver() -> None:
    env = {
        "SPRING_DATASOURCE_URL": "jdbc:postgresql://db:5432/shop?sslmode=disable",
        "SPRING_DATASOURCE_USERNAME": "ann",
        "SPRING_DATASOURCE_PASSWORD": "safe",
    }
    assert used("env:SPRING_DATASOURCE_URL", **env) == Login("ann", "safe", "", encrypted=False)


def test_an_address_in_a_file_and_a_login_in_a_url_to_that_host() -> None:
    assert used(
        "configmap:settings/app.json", STORE="mysql://ann:safe@db/shop", OTHER="x://no:body@elsewhere"
    ) == Login("ann", "safe", "shop")


def test_nothing_tells() -> None:
    assert used("env:STORE_ADDR", STORE_ADDR="db:5432", LOG_LEVEL="info") is None
