"""Cluster DNS: what a Corefile makes of names, and that calls fail by it."""

from __future__ import annotations

import pytest

from stratus_sim.application.epochs import current
from stratus_sim.application.errors import TIMEOUT_US, found_out_us
from stratus_sim.cluster import api
from stratus_sim.cluster.dns import COREDNS, MISBEHAVING, NO_SUCH_HOST, lookup
from stratus_sim.cluster.merge import strategic_merge
from tests.application.mesh import deployment, mesh

NAME = "b.default.svc.cluster.local"
WELL = """.:53 {
    errors
    health {
       lameduck 5s
    }
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
    }
    forward . /etc/resolv.conf  # upstream
    cache 30
}
"""


def template(*lines: str, head: str = "template ANY ANY svc.cluster.local") -> str:
    return WELL.replace("    cache 30\n", "\n".join((f"    {head} {{", *lines, "    }", "")))


@pytest.mark.parametrize(
    ("corefile", "error"),
    [
        (WELL, ""),
        ("", MISBEHAVING),
        (WELL.replace("cluster.local", "cluster.lokal"), NO_SUCH_HOST),
        (WELL.replace("cluster.local", "cluster.lokal").replace("forward", "log"), MISBEHAVING),
        (WELL.replace(".:53", "example.org:53"), MISBEHAVING),
        (WELL.replace(".:53", "cluster.local:53 .:53"), ""),
        (WELL.removesuffix("}\n"), MISBEHAVING),
        (WELL + "}\n", MISBEHAVING),
        (template("rcode NXDOMAIN"), NO_SUCH_HOST),
        (template("rcode SERVFAIL"), MISBEHAVING),
        (template('match "^a[.]"', "rcode SERVFAIL"), ""),
        (template('match "^b[.]"', "rcode SERVFAIL"), MISBEHAVING),
        (template("rcode SERVFAIL", head="template IN AAAA"), ""),
        (template("rcode SERVFAIL", head="template ANY ANY other.svc.cluster.local"), ""),
        (WELL + "default.svc.cluster.local {\n    forward . 10.0.0.1\n}\n", NO_SUCH_HOST),
    ],
)
def test_lookup(corefile: str, error: str) -> None:
    assert lookup(corefile, NAME) == error


def test_calls_fail_while_the_corefile_is_broken() -> None:
    world = mesh("a>b")
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "coredns", "namespace": "kube-system"}}
    errors = []
    for corefile in (WELL, template("rcode NXDOMAIN"), template("rcode SERVFAIL"), WELL):
        api.put(world, {**manifest, "data": {"Corefile": corefile}}, "user")
        errors.append(current(world).calls[0].error.partition(":")[0])
    assert errors == ["", NO_SUCH_HOST, MISBEHAVING, ""]
    api.put(world, {**manifest, "data": {"Corefile": ""}}, "user")
    world.run_for(5_000_000)
    assert "default/a" in world.traffic.erring  # an epoch has begun by itself
    api.delete(world, COREDNS, "user")
    assert current(world).calls[0].error == ""


def test_nobody_behind_the_service_of_names_is_nobody_who_answers() -> None:
    there = {"namespace": "kube-system", "name": "kube-dns"}
    found = deployment("coredns")
    pods = {**found, "metadata": {**found["metadata"], "namespace": "kube-system"}}
    labels = found["spec"]["selector"]["matchLabels"]
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": there,
        "spec": {"selector": labels, "ports": [{"port": 53}]},
    }
    world = mesh("a>b", extra=[pods, service])
    errors = []
    for replicas in (1, 0, 1):
        api.put(world, strategic_merge(pods, {"spec": {"replicas": replicas}}), "user")
        world.run_for(60_000_000)
        errors.append(current(world).calls[0].error)
    assert errors == ["", "i/o timeout: b", ""]
    assert found_out_us(errors[1]) == TIMEOUT_US
