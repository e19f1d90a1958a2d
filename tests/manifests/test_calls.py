"""Who calls whom, by every way a container is told an address."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from stratus_sim.manifests.calls import Call, infer_calls
from stratus_sim.manifests.current import current_address
from stratus_sim.manifests.load import Manifests, load
from stratus_sim.manifests.settings import argument_settings, read_settings

Write = Callable[..., Path]


def workload(name: str, container: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    pod = {"containers": [{"name": name, **(container or {})}], **spec}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": pod},
        },
    }


def service(name: str, namespace: str = "shop") -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": {"app": name}, "ports": [{"port": 80}]},
    }


def config(name: str, **data: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "shop"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


SERVICES = [service(name) for name in ("web", "cart", "db", "queue", "jaeger", "a", "b")]


def inferred(*objects: dict[str, Any]) -> tuple[Call, ...]:
    return infer_calls(Manifests((*objects, *SERVICES, service("cart", "ops"))))


def edges(*objects: dict[str, Any]) -> list[tuple[str, int | None, str]]:
    return [(call.target, call.port, call.via) for call in inferred(*objects)]


def with_env(**env: str) -> dict[str, Any]:
    return workload("web", {"env": [{"name": name, "value": value} for name, value in env.items()]})


def test_env_forms() -> None:
    assert edges(with_env(CART_ADDR="cart:8080", DB_HOST="db", DB_PORT="5432")) == [
        ("cart", 8080, "env:CART_ADDR"),
        ("db", 5432, "env:DB_HOST"),
    ]
    assert edges(with_env(NAME="cart", CART_URL="http://$(NAME):81")) == [("cart", 81, "env:CART_URL")]
    assert edges(with_env(CART_ADDR="cart.ops:80")) == [("cart.ops", 80, "env:CART_ADDR")]


def test_a_word_that_equals_a_service_is_no_call() -> None:
    assert edges(with_env(POSTGRES_DB="cart", GREETING="the cart, the db", IMAGE="cart:1")) == []


def test_nobody_calls_itself() -> None:
    assert edges(with_env(ADVERTISED="http://web:80", SELF_HOST="web")) == []


def test_env_through_config_maps() -> None:
    shared = config("shared", CART_ADDR="cart:1", DB_ADDR="db:2")
    container = {
        "envFrom": [{"configMapRef": {"name": "shared"}}],
        "env": [{"name": "Q_ADDR", "valueFrom": {"configMapKeyRef": {"name": "one", "key": "k"}}}],
    }
    assert edges(workload("web", container), shared, config("one", k="queue:3")) == [
        ("cart", 1, "env:CART_ADDR"),
        ("db", 2, "env:DB_ADDR"),
        ("queue", 3, "env:Q_ADDR"),
    ]


def test_arguments() -> None:
    container = {
        "command": ["run", "--db-host", "db"],
        "args": ["--cart=http://cart:1/x", "queue:2", "cart", "-v"],
    }
    assert edges(workload("web", container)) == [
        ("cart", 1, "args:0"),
        ("db", None, "command:2"),
        ("queue", 2, "args:1"),
    ]


def test_arguments_see_the_environment() -> None:
    container = {"env": [{"name": "PEER", "value": "cart"}], "args": ["--peer=$(PEER):9"]}
    assert edges(workload("web", container)) == [("cart", 9, "args:0")]


def mounting(name: str, config_map: str, **mount: str) -> dict[str, Any]:
    container = {"volumeMounts": [{"name": "v", "mountPath": "/etc/x", **mount}]}
    return workload(name, container, volumes=[{"name": "v", "configMap": {"name": config_map}}])


@pytest.mark.parametrize(
    "text",
    [
        '{"store": {"addr": "db", "port": 5432}}',
        "store:\n  addr: db\n  port: 5432\n",
        "stores:\n- address: db:5432\n",
        "# cart:80 is not used\nspring.url = jdbc:postgresql://db:5432/x\n",
        "db.host=db\ndb.port=5432\n",
        "location / {\n  proxy_pass http://db:5432;  # once cart:80\n}\n",
    ],
)
def test_mounted_files(text: str) -> None:
    assert edges(mounting("web", "c"), config("c", file=text)) == [("db", 5432, "configmap:c/file")]


def test_only_what_is_mounted_counts() -> None:
    files = config("c", one="db:1", two="cart:2")
    assert edges(mounting("web", "c", subPath="two"), files) == [("cart", 2, "configmap:c/two")]
    unused = workload("web", volumes=[{"name": "v", "configMap": {"name": "c"}}])
    assert edges(unused, files) == []


def test_a_file_that_lists_everything_is_no_evidence() -> None:
    everything = "\n".join(f"{name}: {name}:80" for name in ("web", "cart", "db", "queue", "a", "b"))
    readers = [mounting("web", "c"), mounting("batch", "c")]
    assert edges(*readers, config("c", services=everything)) == []


def test_a_gateway_may_name_everything_but_itself() -> None:
    backends = "\n".join(f"server {name}:80;" for name in ("cart", "db", "queue", "a", "b"))
    assert len(edges(mounting("web", "c"), config("c", conf=backends))) == 5


def test_a_file_that_names_itself_and_few_others_counts() -> None:
    assert edges(mounting("web", "c"), config("c", conf="web:80 db:1")) == [("db", 1, "configmap:c/conf")]


def test_the_place_closest_to_the_process_wins() -> None:
    web = mounting("web", "c")
    web["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "DB_ADDR", "value": "db:1"}]
    assert edges(web, config("c", conf="db:1 cart:2")) == [
        ("cart", 2, "configmap:c/conf"),
        ("db", 1, "env:DB_ADDR"),
    ]


def test_an_address_without_a_port_yields_to_one_with() -> None:
    assert edges(with_env(DB_HOST="db", X_URL="tcp://db:5")) == [("db", 5, "env:X_URL")]


def test_init_containers_are_no_part_of_a_request() -> None:
    init = [{"name": "wait", "env": [{"name": "DB_ADDR", "value": "db:1"}]}]
    assert edges(workload("web", initContainers=init)) == []


def test_telemetry_is_soft() -> None:
    hard = {(c.target, c.port): c.hard for c in inferred(with_env(A="cart:80", B="jaeger:16686", C="db:4317"))}
    assert hard == {("cart", 80): True, ("jaeger", 16686): False, ("db", 4317): False}
    assert not inferred(workload("prometheus", {"args": ["--scrape=cart:80"]}))[0].hard


def test_order_of_objects_changes_nothing() -> None:
    objects = [with_env(A="cart:1", B="db:2"), workload("x", {"args": ["queue:3"]}), *SERVICES]
    assert infer_calls(Manifests(tuple(objects))) == infer_calls(Manifests(tuple(reversed(objects))))


def test_settings_of_files_and_arguments() -> None:
    assert [(s.name, s.value) for s in read_settings("# x\na = 'b'\nfree text // c\n")] == [
        ("a", "b"),
        ("", "free text // c"),
    ]
    assert [(s.name, s.value) for s in argument_settings(["run", "--a=b", "--c", "d", "-e", "-f"])] == [
        ("", "run"),
        ("a", "b"),
        ("", "--c"),
        ("c", "d"),
        ("", "-e"),
        ("", "-f"),
    ]


def now(call: Call, *objects: dict[str, Any], env: dict[str, str] | None = None) -> tuple[str, int | None] | None:
    table = {(o["kind"], o["metadata"]["name"]): o for o in objects}
    container = objects[0]["spec"]["template"]["spec"]["containers"][0] if objects else {}
    return current_address(call, container, env or {}, lambda kind, _, name: table.get((kind, name)))


def test_a_changed_variable_is_read_again() -> None:
    call = inferred(with_env(DB_HOST="db", DB_PORT="5432"))[0]
    assert now(call, env={"DB_HOST": "db", "DB_PORT": "5432"}) == ("db", 5432)
    assert now(call, env={"DB_HOST": "elsewhere", "DB_PORT": "1"}) == ("elsewhere", 1)
    assert now(call, env={"DB_HOST": ""}) is None
    assert now(call, env={}) is None


def test_of_several_addresses_the_calls_own_is_read() -> None:
    call = next(c for c in inferred(with_env(BROKERS="queue:1,db:2")) if c.target == "db")
    assert now(call, env={"BROKERS": "queue:1,db:3"}) == ("db", 3)
    assert now(call, env={"BROKERS": "queue:1,nowhere:2"}) == ("queue", 1)


def test_changed_arguments_and_files_are_read_again() -> None:
    web = workload("web", {"args": ["-v", "--cart=cart:1"]})
    assert now(inferred(web)[0], workload("web", {"args": ["-v", "--cart=other:2"]})) == ("other", 2)
    reader = mounting("web", "c")
    call = inferred(reader, config("c", conf="db:1 cart:2"))[1]
    assert now(call, reader, config("c", conf="cart:2 db:7")) == ("db", 7)
    assert now(call, reader, config("c", conf="cart:2")) is None
    assert now(call, reader) is None


def test_a_declared_call_stays() -> None:
    assert now(Call("shop", "web", "db", 5, "declared", "web")) == ("db", 5)


def test_calls_from_yaml(write: Write) -> None:
    file = write(yaml.safe_dump_all([with_env(CART_ADDR="cart:8080"), *SERVICES]))
    calls = infer_calls(load(file))
    assert calls == (Call("shop", "web", "cart", 8080, "env:CART_ADDR", "web"),)
    assert (calls[0].source_key, calls[0].target_key) == ("shop/web", "shop/cart")
