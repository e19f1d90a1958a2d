"""What a user declares, and how the mistakes in it are told."""

from __future__ import annotations

import pytest

from stratus_sim.applications import embedded_path
from stratus_sim.errors import UserError
from stratus_sim.manifests.application import describe
from stratus_sim.manifests.load import load
from stratus_sim.manifests.topology import compare, load_topology
from tests.manifests.declared import Write, assert_told, described

GOOD = """
calls:
  - {from: geo, to: memcached-rate, port: 11211, hard: false}
  - {from: hotel/search, to: geo, port: 9}
entrypoints: [search, user]
listens: {geo: [1, 2]}
profiles:
  geo: {memory_mib: 7, latency_us: 0, behaviour: rationed}
health:
  search: {/ready: [geo, rate], "": []}
"""


def test_what_is_declared_goes_before_what_is_inferred(write: Write) -> None:
    application = described(write(GOOD, "topology.yaml"))
    declared = {(c.source, c.target, c.port, c.hard) for c in application.calls if c.via == "declared"}
    assert declared == {("geo", "memcached-rate", 11211, False), ("search", "geo", 9, True)}
    assert [c.port for c in application.calls_from("hotel/search") if c.target == "geo"] == [9]
    assert application.entrypoints == ("hotel/search", "hotel/user")
    geo, derived = application.workloads["hotel/geo"], describe(load(embedded_path())).workloads["hotel/geo"]
    assert (geo.listens, geo.memory_mib, geo.latency_us, geo.behaviour) == ({1, 2}, 7, 0, "rationed")
    assert geo.cpu_us_per_request == derived.cpu_us_per_request
    assert list(application.health) == ["hotel/search"]
    asked = {path: [c.target_key for c in calls] for path, calls in application.health["hotel/search"].items()}
    assert asked == {"/ready": ["hotel/geo", "hotel/rate"], "": []}


def test_an_empty_topology_changes_nothing(write: Write) -> None:
    empty, none = described(write("{}", "topology.json")), describe(load(embedded_path()))
    assert (empty.workloads, empty.calls, empty.entrypoints) == (none.workloads, none.calls, none.entrypoints)


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("calls:", "edges:", ["topology.yaml: unknown key 'edges'", "calls"]),
        ("from: geo", "frm: geo", ["calls[0]", "unknown key 'frm'", "did you mean 'from'"]),
        ("memory_mib", "memory", ["profiles.geo", "unknown key 'memory'", "did you mean 'memory_mib'"]),
        ("from: geo", "from: zzz", ["calls[0].from", "unknown workload 'zzz': known: "]),
        ("from: geo", "from: goe", ["calls[0].from", "did you mean 'geo'"]),
        ("to: memcached-rate", "to: memcached-rat", ["calls[0].to", "did you mean 'memcached-rate'"]),
        ("[search, user]", "[search, users]", ["entrypoints[1]", "did you mean 'user'"]),
        ("listens: {geo", "listens: {gee", ["listens.gee", "did you mean 'geo'"]),
        ("profiles:\n  geo", "profiles:\n  gee", ["profiles.gee", "did you mean 'geo'"]),
        ("port: 11211", "port: http", ["calls[0].port", "Expected `int | null`"]),
        ("from: geo, ", "", ["calls[0]", "required field `from`"]),
        ("search: {/ready", "searhc: {/ready", ["health.searhc", "did you mean 'search'"]),
        ("[geo, rate]", "[goe]", ["health.search./ready", "did you mean 'geo'"]),
        ("[geo, rate]", "[user]", ["health.search./ready: hotel/search does not call hotel/user", "calls"]),
        ("[geo, rate]", "geo", ["health[...][...]", "Expected `array`"]),
        ("listens: {geo: [1, 2]}", "listens: [1]", ["listens", "Expected `object`"]),
    ],
)
def test_mistakes_name_file_and_field(write: Write, old: str, new: str, parts: list[str]) -> None:
    assert_told(write, GOOD, old, new, parts)


@pytest.mark.parametrize("text", ["", "- a\n", "a: 1\n---\nb: 2\n", "a: [\n"])
def test_what_is_no_mapping_is_refused(write: Write, text: str) -> None:
    with pytest.raises(UserError, match=r"topology\.yaml"):
        load_topology(write(text, "topology.yaml"))


def test_a_name_used_twice_must_say_which(write: Write) -> None:
    one = "apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: a}\nspec: {selector: {app: x}}\n"
    manifests = load(write(one + "---\n" + one.replace("namespace: a", "namespace: b")))
    with pytest.raises(UserError, match=r"a/s, b/s: write namespace/name"):
        describe(manifests, load_topology(write("entrypoints: [s]", "topology.yaml")))


def test_an_entry_nobody_can_reach(write: Write) -> None:
    batch = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: batch}
spec:
  selector: {matchLabels: {a: b}}
  template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c}]}}
"""
    with pytest.raises(UserError, match="no Service selects 'batch'"):
        describe(load(write(batch)), load_topology(write("entrypoints: [batch]", "topology.yaml")))


def test_scores() -> None:
    score = compare([("a", "b"), ("a", "c")], [("a", "b"), ("b", "c"), ("c", "d")])
    assert (score.precision, score.recall) == (1 / 2, 1 / 3)
    assert (score.extra, score.missing) == ((("a", "c"),), (("b", "c"), ("c", "d")))
    assert (compare([], []).precision, compare([], [("a", "b")]).recall) == (1.0, 0.0)
