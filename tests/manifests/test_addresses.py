"""The forms an address takes in text, and words that only look like one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratus_sim.manifests.addresses import addresses_of, parse_address, resolve_host

SERVICES = frozenset({"shop/cart", "shop/db", "shop/redis", "ops/cart", "ops/otel-collector", "shop/my-db"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cart:80", [("shop/cart", 80)]),
        ("CART:80", [("shop/cart", 80)]),
        ("http://cart", [("shop/cart", 80)]),
        ("https://cart/path?x=db", [("shop/cart", 443)]),
        ("http://cart:8080/db:1/x", [("shop/cart", 8080)]),
        ("grpc://cart:1", [("shop/cart", 1)]),
        ("tcp://cart", [("shop/cart", None)]),
        ("postgresql://user:pw@db:5432/cart", [("shop/db", 5432)]),
        ("postgresql://user:p%40w@db/cart", [("shop/db", 5432)]),
        ("jdbc:postgresql://db:5432/postgresdb", [("shop/db", 5432)]),
        ("jdbc:mysql://db/cart", [("shop/db", 3306)]),
        ("mongodb://a:b@db:27017,cart:27018/x", [("shop/db", 27017), ("shop/cart", 27018)]),
        ("user:pw@tcp(db:3306)/cart", [("shop/db", 3306)]),
        ("Host=db;Port=5433;Username=cart", [("shop/db", 5433)]),
        ("Host=db;Username=cart;Password=x", [("shop/db", None)]),
        ("Server=tcp:db,1433;Database=cart", [("shop/db", 1433)]),
        ("host=db port=5432 dbname=cart", [("shop/db", 5432)]),
        ("cart:1,db:2", [("shop/cart", 1), ("shop/db", 2)]),
        ("1@cart:9093", [("shop/cart", 9093)]),
        ("PLAINTEXT://cart:9092,CONTROLLER://:9093", [("shop/cart", 9092)]),
        ("cart.ops:80", [("ops/cart", 80)]),
        ("cart.ops.svc:80", [("ops/cart", 80)]),
        ("cart.ops.svc.cluster.local:80", [("ops/cart", 80)]),
        ("cart.ops.svc.cluster.local.:80", [("ops/cart", 80)]),
        ("call cart.ops.svc.cluster.local first", [("ops/cart", None)]),
        ("db-0.db:5432", [("shop/db", 5432)]),
        ("db-0.db.shop.svc.cluster.local:5432", [("shop/db", 5432)]),
        ("my-db:1", [("shop/my-db", 1)]),
        ("proxy_pass http://cart:8080;", [("shop/cart", 8080)]),
        ("server db:1; server cart:2;", [("shop/db", 1), ("shop/cart", 2)]),
    ],
)
def test_addresses_in_text(text: str, expected: list[tuple[str, int | None]]) -> None:
    assert parse_address(text, SERVICES, "shop") == expected


@pytest.mark.parametrize(
    "text",
    [
        "cart",
        "the cart is full",
        "waiting for cart",
        "cart: 80",
        "cart:",
        "cart:latest",
        "cart:99999",
        "cart:0",
        "cart:80@sha256",
        "registry.io/cart:80",
        "/etc/cart:80",
        "mycart:80",
        "cart.io:80",
        "my-cart:80",
        "cart-x:80",
        "cart.ops.example.com:80",
        "cart.none.svc",
        "x.cart.ops.svc:80",
        "$cart:80",
        "${env:cart}:80",
        "user=cart;port=5432",
        "cart/db",
        "",
    ],
)
def test_words_that_only_look_like_addresses(text: str) -> None:
    assert parse_address(text, SERVICES, "shop") == []


@pytest.mark.parametrize("name", ["CART_HOST", "cartAddr", "db-url", "seed.hosts", "DB_HOST_NAME", "CART_SERVICE"])
def test_a_bare_host_counts_where_the_name_says_address(name: str) -> None:
    assert parse_address("cart", SERVICES, "shop", name) == [("shop/cart", None)]


@pytest.mark.parametrize("name", ["POSTGRES_DB", "DB_USER", "OTEL_SERVICE_NAME", "HOSTED_BY", "", "ADDR_KIND"])
def test_a_bare_word_counts_nowhere_else(name: str) -> None:
    assert parse_address("cart", SERVICES, "shop", name) == []


def test_an_image_is_no_address() -> None:
    assert parse_address("redis:7", SERVICES, "shop", "SIDECAR_IMAGE") == []
    assert parse_address("redis:7", SERVICES, "shop", "SIDECAR_ADDR") == [("shop/redis", 7)]


def test_a_list_of_bare_hosts() -> None:
    assert parse_address("cart, db", SERVICES, "shop", "HOSTS") == [("shop/cart", None), ("shop/db", None)]


@pytest.mark.parametrize(
    ("value", "name", "siblings", "expected"),
    [
        ("nowhere:80", "", {}, ("nowhere", 80)),
        ("http://nowhere.example:81/x", "", {}, ("nowhere.example", 81)),
        ("nowhere", "DB_HOST", {"DB_PORT": "5432"}, ("nowhere", 5432)),
        ("nowhere", "DB_HOST", {"OTHER_PORT": "5432"}, ("nowhere", None)),
        ("nowhere", "DB_HOST", {"DB_PORT": "tcp"}, ("nowhere", None)),
        ("nowhere", "addr", {"port": "9090"}, ("nowhere", 9090)),
        ("nowhere:1", "DB_HOST", {"DB_PORT": "5432"}, ("nowhere", 1)),
        ("10.0.0.1:80", "", {}, ("10.0.0.1", 80)),
        ("cart.wrong-ns.svc:80", "", {}, ("cart.wrong-ns.svc", 80)),
        ("", "", {}, None),
        ("two words", "", {}, None),
        ("8080", "", {}, None),
        ("cart:eighty", "", {}, None),
    ],
)
def test_the_address_a_variable_holds(
    value: str, name: str, siblings: dict[str, str], expected: tuple[str, int | None] | None
) -> None:
    assert addresses_of(value, name, siblings)[:1] == ([expected] if expected else [])


def test_every_address_a_variable_holds() -> None:
    assert addresses_of("a:1,b:2") == [("a", 1), ("b", 2)]


def test_resolution_starts_in_the_callers_namespace() -> None:
    assert resolve_host("cart", "ops", SERVICES) == "ops/cart"
    assert resolve_host("db", "ops", SERVICES) is None
    assert resolve_host("db.shop", "ops", SERVICES) == "shop/db"


HOSTS = st.from_regex(r"[a-z]([-a-z0-9]{0,8}[a-z0-9])?", fullmatch=True)


@given(HOSTS, st.integers(1, 65535))
def test_every_service_is_found_by_every_name_it_has(host: str, port: int) -> None:
    for suffix in ("", ".ns", ".ns.svc", ".ns.svc.cluster.local"):
        for form in (f"{host}{suffix}:{port}", f"http://{host}{suffix}:{port}/x"):
            assert parse_address(form, {f"ns/{host}"}, "ns") == [(f"ns/{host}", port)]


@given(st.text(max_size=60))
def test_any_text_is_read_without_error(text: str) -> None:
    assert all(key in SERVICES for key, _ in parse_address(text, SERVICES, "shop", "X_URL"))
