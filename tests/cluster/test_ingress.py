"""Requests that enter through an Ingress: which rule they meet, and what users see where it leads nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from stratus_agents.kubectl.tables import columns
from stratus_sim.application import epochs
from stratus_sim.cluster import api, ingress
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.errors import UserError
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.doors import Door
from stratus_sim.serve import tables
from stratus_sim.telemetry.render import render
from stratus_sim.world import World
from tests.application.mesh import mesh, scale

HOST = "shop.example.com"
WEB = Door("", HOST, "/", tls=False)


def backend(service: str, port: int | str = 80) -> dict[str, Any]:
    return {"service": {"name": service, "port": {"number" if isinstance(port, int) else "name": port}}}


def rule(
    host: str = HOST, path: str = "/", kind: str = "Prefix", to: str = "a", port: int | str = 80
) -> dict[str, Any]:
    found = {"path": path, "pathType": kind, "backend": backend(to, port)}
    return {**({"host": host} if host else {}), "http": {"paths": [found]}}


def way(
    *rules: Mapping[str, Any], name: str = "way", marks: Mapping[str, str] | None = None, **spec: Any
) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default", "annotations": dict(marks or {})}
    body = {**({"rules": list(rules)} if rules else {}), **spec}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": body}


def ingress_class(name: str, *, default: bool = False) -> dict[str, Any]:
    marks = {"ingressclass.kubernetes.io/is-default-class": "true"} if default else {}
    metadata = {"name": name, "annotations": marks}
    spec = {"controller": "k8s.io/ingress-nginx"}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": metadata, "spec": spec}


def certificate(*keys: str) -> dict[str, Any]:
    data = dict.fromkeys(keys, "eA==")
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "cert"},
        "type": "kubernetes.io/tls",
        "data": data,
    }


def entered(world: World, *manifests: Mapping[str, Any]) -> str:
    """What users of the first entry point see after these were applied; empty when all goes well."""
    for manifest in manifests:
        api.put(world, manifest, "test")
    world.run_for(5 * SECOND_US)
    (flow,) = epochs.current(world).entries
    assert (flow.success_permille == 1000) is (flow.error == "")
    return flow.error


def led(world: World, path: str, host: str = HOST) -> str:
    """The Service a request comes to, or what is answered."""
    found = ingress.route(world, Door("", host, path, tls=False))
    return found.error or found.service.partition("/")[2]


def test_users_come_through_the_ingress_of_the_manifests_and_without_one_straight_to_the_service() -> None:
    world = mesh(extra=[way(rule())])
    assert world.application.doors == {"default/a": WEB}
    assert entered(world) == ""
    api.delete(world, ObjectKey("Ingress", "default", "way"), "test")
    assert entered(world) == "404 Not Found"
    plain = mesh()
    assert plain.application.doors == {} and entered(plain) == ""


@pytest.mark.parametrize(
    ("changed", "seen"),
    [
        (rule(to="nobody"), "503 Service Temporarily Unavailable"),
        (rule(port=81), "503 Service Temporarily Unavailable"),
        (rule(port="http"), "503 Service Temporarily Unavailable"),
        (rule(host="other.example.com"), "404 Not Found"),
        (rule(path="/elsewhere"), "404 Not Found"),
        (rule(path="/", kind="Exact"), ""),
        (rule(to="b"), "404 Not Found"),
        (rule(host="*.example.com"), ""),
        (rule(host=""), ""),
    ],
)
def test_what_users_see_when_a_rule_is_changed(changed: dict[str, Any], seen: str) -> None:
    """`b` is another application's Service, which knows nothing of this path."""
    world = mesh("a>c", "b>c", extra=[way(rule())])
    assert entered(world) == ""
    assert entered(world, way(changed)) == seen
    assert entered(world, way(rule())) == ""


def test_who_is_behind_the_service_decides_what_the_controller_answers() -> None:
    world = mesh(extra=[way(rule())])
    scale(world, "a", 0)
    assert entered(world) == "503 Service Temporarily Unavailable"
    scale(world, "a", 1)
    world.run_for(20 * SECOND_US)
    assert entered(world) == ""
    found = world.store.get(ObjectKey("Service", "default", "a"))
    assert found is not None
    astray = {"selector": {"app": "a"}, "ports": [{"port": 80, "targetPort": 9}]}
    assert entered(world, {**found.manifest, "spec": astray}) == "502 Bad Gateway"


def test_the_most_specific_host_and_the_longest_path_win_and_the_oldest_ingress_of_equals() -> None:
    world = mesh("a>b", "b>c", "c>d")
    for name, made in {
        "one": [rule(to="a"), rule(path="/api", to="b"), rule("*.example.com", "/deep/er", to="d")],
        "two": [rule(path="/api", to="d"), rule(path="/api", kind="Exact", to="c"), rule("", "/deep/er/still", to="d")],
    }.items():
        api.put(world, way(*made, name=name), "test")
    assert [led(world, path) for path in ("/", "/api", "/api/x", "/apis", "/deep/er")] == ["a", "c", "b", "a", "a"]
    assert led(world, "/deep/er", "www.example.com") == "d"
    assert led(world, "/deep/er/still", "elsewhere.org") == "d"
    assert led(world, "/deep/er", "x.www.example.com") == "404 Not Found"


def test_a_default_backend_takes_what_no_rule_matches() -> None:
    world = mesh("a>b")
    api.put(world, way(rule(path="/api", to="b"), defaultBackend=backend("a")), "test")
    assert [led(world, path) for path in ("/api", "/else")] == ["b", "a"]
    assert led(world, "/", "elsewhere.org") == "404 Not Found"
    api.put(world, way(name="last", defaultBackend=backend("b")), "test")
    assert led(world, "/", "elsewhere.org") == "b"


def test_a_path_may_be_a_pattern_where_the_controller_is_told_so() -> None:
    pattern = rule(path="/api(/|$)(.*)", kind="ImplementationSpecific")
    world = mesh(extra=[way(pattern, marks={"nginx.ingress.kubernetes.io/use-regex": "true"})])
    assert world.application.doors["default/a"].path == "/api"
    assert (entered(world), led(world, "/apis")) == ("", "404 Not Found")


def test_an_ingress_of_no_class_there_is_is_heeded_by_nobody() -> None:
    made = [ingress_class("nginx"), way(rule(), ingressClassName="nginx")]
    world = mesh(extra=made)
    assert entered(world) == ""
    assert entered(world, way(rule(), ingressClassName="ngnix")) == "404 Not Found"
    key = ObjectKey("Ingress", "default", "way")
    found = world.store.get(key)
    assert found is not None
    assert render(world, found)["status"] == {"loadBalancer": {}}
    assert entered(world, way(rule(), marks={"kubernetes.io/ingress.class": "nginx"})) == ""
    assert entered(world, way(rule())) == "404 Not Found"
    assert entered(world, ingress_class("nginx", default=True)) == ""


def test_a_controller_heeds_the_ingresses_of_its_class_alone() -> None:
    world = mesh(extra=[ingress_class("one"), ingress_class("two"), way(rule(), ingressClassName="one")])
    assert entered(world) == ""
    assert entered(world, way(rule(), ingressClassName="two")) == "404 Not Found"
    assert entered(world, way(rule(), ingressClassName="one")) == ""
    api.delete(world, ObjectKey("IngressClass", "", "one"), "test")
    assert entered(world) == "404 Not Found"


def test_what_users_see_is_noticed_without_anybody_looking() -> None:
    world = mesh(extra=[way(rule())])
    assert not world.traffic.erring
    api.delete(world, ObjectKey("Ingress", "default", "way"), "test")
    world.run_for(5 * SECOND_US)
    assert world.traffic.erring


def test_a_named_certificate_that_is_missing_is_no_certificate() -> None:
    tls = [{"hosts": [HOST], "secretName": "cert"}]
    world = mesh(extra=[way(rule(), tls=tls), certificate("tls.crt", "tls.key")])
    assert world.application.doors["default/a"].tls and entered(world) == ""
    wrong = f"x509: certificate is valid for ingress.local, not {HOST}"
    api.delete(world, ObjectKey("Secret", "default", "cert"), "test")
    assert entered(world) == wrong
    assert entered(world, certificate("tls.crt")) == wrong
    assert entered(world, certificate("tls.crt", "tls.key")) == ""
    assert entered(world, way(rule())) == wrong
    issued = {"cert-manager.io/cluster-issuer": "letsencrypt"}
    api.delete(world, ObjectKey("Secret", "default", "cert"), "test")
    assert entered(world, way(rule(), marks=issued, tls=tls)) == ""


def test_an_ingress_is_shown_with_class_hosts_address_and_ports() -> None:
    rules = [rule(f"{name}.example.com") for name in "abcd"]
    world = mesh(extra=[way(*rules, ingressClassName="nginx", tls=[{"secretName": "s"}])])
    found = world.store.get(ObjectKey("Ingress", "default", "way"))
    assert found is not None
    body = render(world, found)
    cells = ["nginx", "a.example.com,b.example.com,c.example.com,+ 1 more...", ingress.ADDRESS, "80, 443"]
    assert columns("Ingress", False)[1](body) == cells
    served = tables.table("Ingress", [body], "2025-01-01T01:00:00Z", "1", "None")
    assert [c["name"] for c in served["columnDefinitions"]][1:5] == ["Class", "Hosts", "Address", "Ports"]
    assert served["rows"][0]["cells"][1:5] == cells
    assert [e.message for e in world.cluster.events.values() if e.reason == "Sync"] == ["Scheduled for sync"]


def test_a_field_of_the_wrong_type_is_refused() -> None:
    world = mesh()
    bad = way({"host": HOST, "http": {"paths": [{"path": "/", "pathType": "Regex", "backend": backend("a")}]}})
    with pytest.raises(UserError, match="pathType"):
        api.put(world, bad, "test")
