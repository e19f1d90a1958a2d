"""What an application is, read off its manifests."""

from __future__ import annotations

import dataclasses
import json
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from stratus_sim.applications import embedded_names, embedded_path
from stratus_sim.errors import UserError
from stratus_sim.manifests.application import Application, describe
from stratus_sim.manifests.load import Manifests, load
from stratus_sim.manifests.sizing import DEFAULT_LOAD_RPS, HEADROOM
from stratus_sim.manifests.topology import load_topology

Write = Callable[..., Path]

STORES = {
    ("geo", "mongodb-geo", 27017),
    ("profile", "memcached-profile", 11211),
    ("profile", "mongodb-profile", 27017),
    ("rate", "memcached-rate", 11211),
    ("rate", "mongodb-rate", 27017),
    ("recommendation", "mongodb-recommendation", 27017),
    ("reservation", "memcached-reservation", 11211),
    ("reservation", "mongodb-reservation", 27017),
    ("user", "mongodb-user", 27017),
}
REQUESTS = {
    ("frontend", "search", 8082),
    ("frontend", "profile", 8081),
    ("frontend", "recommendation", 8085),
    ("frontend", "user", 8086),
    ("frontend", "reservation", 8087),
    ("search", "geo", 8083),
    ("search", "rate", 8084),
}
PLACES = {
    "profile": {"env"},
    "rate": {"env"},
    "reservation": {"configmap", "env"},
    "user": {"env"},
}


def fields(application: Application) -> list[object]:
    return [getattr(application, field.name) for field in dataclasses.fields(application)]


@pytest.fixture(scope="module")
def hotel() -> Application:
    return describe(load(embedded_path()))


def test_hotel_calls_are_exactly_these(hotel: Application) -> None:
    hard = {(c.source, c.target, c.port) for c in hotel.calls if c.hard}
    assert hard == REQUESTS | STORES
    traced = {c.source for c in hotel.calls if not c.hard}
    assert traced == {source for source, _, _ in REQUESTS | STORES}
    assert {(c.target, c.port) for c in hotel.calls if not c.hard} == {("jaeger", 4318)}
    assert len(hotel.calls) == len(REQUESTS | STORES) + len(traced)


def test_hotel_delivers_addresses_in_every_way(hotel: Application) -> None:
    for source, places in PLACES.items():
        assert {c.via.partition(":")[0] for c in hotel.calls_from(f"hotel/{source}")} == places


def test_hotel_loads_clean_and_is_complete(hotel: Application) -> None:
    manifests = load(embedded_path())
    assert manifests.warnings == ()
    assert len(manifests.of_kind("Node")) == 3
    assert all(selected for selected in hotel.services.values())
    assert hotel.entrypoints == ("hotel/frontend",) and hotel.generators == ()
    containers = [c for d in manifests.of_kind("Deployment") for c in d["spec"]["template"]["spec"]["containers"]]
    assert all({"readinessProbe", "livenessProbe", "resources"} <= c.keys() for c in containers)
    assert {w.replicas for w in hotel.workloads.values()} == {1, 2}


def test_every_called_port_leads_to_a_listening_process(hotel: Application) -> None:
    """Service port → target port → process: the embedded application works as written."""
    services = {s["metadata"]["name"]: s for s in load(embedded_path()).of_kind("Service")}
    for call in hotel.calls:
        targets = {p["port"]: p["targetPort"] for p in services[call.target]["spec"]["ports"]}
        assert targets[call.port] in hotel.workloads[f"hotel/{call.target}"].listens


def test_embedded_names() -> None:
    assert "hotel" in embedded_names()
    with pytest.raises(UserError, match="did you mean 'hotel'"):
        embedded_path("hotl")


def test_an_application_pickles(hotel: Application) -> None:
    assert fields(pickle.loads(pickle.dumps(hotel))) == fields(hotel)


POD = """
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web, tier: x}}
    spec:
      initContainers: [{name: init, image: "init:1"}]
      containers:
        - {name: helper, image: "helper:1", resources: {limits: {memory: 10Mi}}}
        - name: main
          image: main:1
          ports: [{name: http, containerPort: 8080}]
          resources: RESOURCES
          readinessProbe: {tcpSocket: {port: 8081}}
          livenessProbe: {httpGet: {path: /, port: http}}
          startupProbe: {exec: {command: ["true"]}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports:
    - {name: a, port: 80, targetPort: http}
    - {name: b, port: 81}
    - {name: c, port: 82, targetPort: 0}
    - {name: d, port: 83, targetPort: none}
---
apiVersion: v1
kind: Service
metadata: {name: other}
spec: {selector: {app: other}, ports: [{port: 99}]}
"""


def test_a_workload(write: Write) -> None:
    application = describe(load(write(POD.replace("RESOURCES", "{}"))))
    web = application.workloads["default/web"]
    assert (web.kind, web.replicas, web.labels) == ("StatefulSet", 1, {"app": "web", "tier": "x"})
    assert (web.container, web.container_ports, web.key) == ("main", (8080,), "default/web")
    assert web.listens == {8080, 8081, 81, 82}
    assert application.services == {"default/web": ("default/web",), "default/other": ()}
    assert application.images == {"init:1", "helper:1", "main:1"}


@pytest.mark.parametrize(
    ("resources", "memory_mib", "cpu_us"),
    [
        ("{}", 64, 500),
        ("{limits: {memory: 100Mi, cpu: 200m}, requests: {memory: 90Mi, cpu: 10m}}", 50, 1000),
        ("{requests: {memory: 90Mi, cpu: 10m}}", 90, 50),
        ("{limits: {memory: 1Mi, cpu: 64}}", 1, 2000),
    ],
)
def test_sizes(write: Write, resources: str, memory_mib: int, cpu_us: int) -> None:
    web = describe(load(write(POD.replace("RESOURCES", resources)))).workloads["default/web"]
    assert (web.memory_mib, web.cpu_us_per_request) == (memory_mib, cpu_us)


def test_malformed_quantity(write: Write) -> None:
    with pytest.raises(UserError, match=r"limits.*Expected a resource quantity, as 100m or 128Mi"):
        describe(load(write(POD.replace("RESOURCES", "{limits: {memory: lots}}"))))


def chain(*edges: str, services: str = "", types: str = "") -> Manifests:
    """A workload per letter; `ab` is a call from a to b; `services` are selected, `types` exposed."""
    objects = []
    for letter in sorted(set("".join(edges)) | set(services)):
        env = [{"name": f"{e[1]}_URL", "value": f"http://{e[1]}:80"} for e in edges if e[0] == letter]
        template = {
            "metadata": {"labels": {"app": letter}},
            "spec": {"containers": [{"name": "c", "env": env}]},
        }
        spec = {"selector": {"matchLabels": {"app": letter}}, "template": template}
        meta = {"name": letter, "namespace": "default"}
        objects.append({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec})
        if letter in services:
            ports = {"selector": {"app": letter}, "ports": [{"port": 80}]}
            kind = {"type": "NodePort"} if letter in types else {}
            objects.append({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {**ports, **kind}})
    return Manifests(tuple(objects))


@pytest.mark.parametrize(
    ("edges", "services", "types", "entrypoints", "generators"),
    [
        (["ab", "bc"], "abc", "", "a", ""),  # nobody calls a
        (["ab", "bc"], "abc", "b", "b", ""),  # b is exposed
        (["la", "ab", "bc"], "abc", "", "a", "l"),  # l has no Service: it makes the traffic
        (["la", "ab", "ma"], "ab", "", "a", "lm"),  # two of them
        (["ab", "wq", "aq"], "abq", "", "a", ""),  # w consumes from q, which a feeds
        (["wq", "ab"], "abq", "", "a", ""),  # a lone consumer of a store makes no traffic
        (["ab", "bc", "wb"], "abc", "", "a", ""),  # w calls what a calls too: a worker
        (["ab"], "abc", "", "a", ""),  # c is alone: it answers no request
        (["ab", "ba"], "ab", "", "ab", ""),  # a cycle: everything is an entry
        ([], "ab", "", "ab", ""),  # nothing is known: everything is an entry
    ],
)
def test_where_traffic_enters(edges: list[str], services: str, types: str, entrypoints: str, generators: str) -> None:
    application = describe(chain(*edges, services=services, types=types))
    assert application.entrypoints == tuple(f"default/{letter}" for letter in entrypoints)
    assert application.generators == tuple(f"default/{letter}" for letter in generators)


def test_an_exposed_dashboard_is_no_entry() -> None:
    manifests = load(embedded_path())
    opened = [
        {**item, "spec": {**item["spec"], "type": "NodePort"}}
        if (item["kind"], item["metadata"]["name"]) == ("Service", "jaeger")
        else item
        for item in manifests.objects
    ]
    assert describe(Manifests(tuple(opened))).entrypoints == ("hotel/frontend",)


def test_a_generators_own_pages_are_not_needed(shared: Path) -> None:
    calls = describe(load(shared / "manifests" / "otel-demo")).calls_from("otel-demo/frontend-proxy")
    assert {c.target: c.hard for c in calls}["load-generator"] is False
    assert {c.target: c.hard for c in calls}["frontend"] is True


def test_ingress_exposes() -> None:
    manifests = chain("ab", services="ab")
    path = {"backend": {"service": {"name": "b", "port": {"number": 80}}}}
    ingress = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "i", "namespace": "default"},
        "spec": {"rules": [{"http": {"paths": [path]}}]},
    }
    assert describe(Manifests((*manifests.objects, ingress))).entrypoints == ("default/b",)


def test_one_replica_carries_well_over_its_share_of_the_load(hotel: Application) -> None:
    """Even the most visited process: d is reached twice per request."""
    workloads = describe(chain("ab", "ac", "bd", "cd", services="abcd", types="a")).workloads
    visits = {"a": 1, "b": 1, "c": 1, "d": 2}
    for letter, count in visits.items():
        capacity_us = 100 * 1000
        used_us = workloads[f"default/{letter}"].cpu_us_per_request * count * DEFAULT_LOAD_RPS
        assert used_us * HEADROOM == capacity_us


@pytest.mark.parametrize(
    ("name", "workloads", "entrypoints", "generators"),
    [
        ("bank-of-anthos", 9, ["frontend"], ["loadgenerator"]),
        ("k8s-examples-wordpress", 2, ["wordpress"], []),
        ("online-boutique", 12, ["frontend", "frontend-external"], ["loadgenerator"]),
        ("otel-demo", 25, ["frontend-proxy"], ["load-generator"]),
    ],
)
def test_public_applications(
    shared: Path, name: str, workloads: int, entrypoints: list[str], generators: list[str]
) -> None:
    application = describe(load(shared / "manifests" / name))
    assert len(application.workloads) == workloads
    assert [key.partition("/")[2] for key in application.entrypoints] == entrypoints
    assert [key.partition("/")[2] for key in application.generators] == generators
    listened = {w.key for w in application.workloads.values() if w.listens}
    assert {key for keys in application.services.values() for key in keys} <= listened


@pytest.mark.parametrize(("name", "entry"), [("hotel-reservation", "frontend"), ("social-network", "nginx-thrift")])
def test_a_topology_supplies_what_manifests_hide(shared: Path, write: Write, name: str, entry: str) -> None:
    edges = json.loads((shared / "call-edges.json").read_text())[name]
    calls = [{"from": e["src"], "to": e["dst"], "port": e["port"]} for e in edges]
    file = write(yaml.safe_dump({"calls": calls, "entrypoints": [entry]}), "topology.yaml")
    application = describe(load(shared / "manifests" / name), load_topology(file))
    known = {(c.source, c.target) for c in application.calls}
    assert {(e["src"], e["dst"]) for e in edges} <= known
    assert [key.partition("/")[2] for key in application.entrypoints] == [entry]
