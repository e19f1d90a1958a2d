"""Strategic merge patches: what k8s.io/apimachinery 1.33 makes of them for the types of k8s.io/api 1.33."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from stratus_sim.cluster.merge import strategic_merge
from stratus_sim.cluster.patch_errors import Malformed, PatchError, Unmergeable

Json = dict[str, Any]
A, B, C = {"name": "A", "value": "1"}, {"name": "B", "value": "2"}, {"name": "C", "value": "3"}
WEB, DNS = {"name": "web", "port": 80, "targetPort": 8080}, {"name": "dns", "port": 53}
UDP = {"name": "udp", "port": 53, "protocol": "UDP"}


def env(*items: Json, **more: Any) -> Json:
    """Of the container c of a pod."""
    return spec(containers=[{"name": "c", "env": [*items], **more}])


def order(*items: Json, field: str = "env", key: str = "name") -> Json:
    return {f"$setElementOrder/{field}": [{key: item[key]} for item in items]}


def spec(**fields: Any) -> Json:
    return {"spec": fields}


def finalizers(*names: str, **more: Any) -> Json:
    return {"metadata": {"finalizers": [*names], **more}}


def gone(name: str) -> Json:
    return {"name": name, "$patch": "delete"}


REFERENCE = {"fieldRef": {"fieldPath": "a"}}
ROLLING = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}
MERGES: list[tuple[str, Json, Json, Json]] = [
    # What is new comes first, unless the patch gives an order.
    ("Pod", env(A, B), env({"name": "B", "value": "9"}), env(A, {"name": "B", "value": "9"})),
    ("Pod", env(A, B), env(C), env(C, A, B)),
    ("Pod", env(A, B), env(C, **order(A, B, C)), env(A, B, C)),
    ("Pod", env(A, B), spec(containers=[{"name": "c", **order(B, A)}]), env(B, A)),
    ("Pod", env(A, B, C), spec(containers=[{"name": "c", **order(C, A)}]), env(B, C, A)),
    ("Pod", env(A, B), env(C, gone("A"), **order(C)), env(B, C)),
    # Items go by name, or all at once.
    ("Pod", env(A, B), env(gone("A")), env(B)),
    ("Pod", env(A, B), env(gone("Z")), env(A, B)),
    ("Pod", env(A, B), env(C, {"$patch": "replace"}), env(C)),
    ("Pod", env(A), env({"name": "A", "value": None, "valueFrom": {**REFERENCE, "secretKeyRef": None}}),
     env({"name": "A", "valueFrom": REFERENCE})),
    # The key is the one the type has, not any there is; of items with the same key the first is meant.
    ("Service", spec(ports=[WEB, DNS]), spec(ports=[{"name": "http", "port": 80}]),
     spec(ports=[{**WEB, "name": "http"}, DNS])),
    ("Service", spec(ports=[WEB]), spec(ports=[{"name": "web", "port": 81}]),
     spec(ports=[{"name": "web", "port": 81}, WEB])),
    ("Service", spec(ports=[DNS, UDP]), spec(ports=[{"port": 53, "targetPort": 5353}]),
     spec(ports=[{**DNS, "targetPort": 5353}, UDP])),
    ("Pod", spec(containers=[{"name": "c", "ports": [{"containerPort": 80, "name": "http"}]}]),
     spec(containers=[{"name": "c", "ports": [{"containerPort": 80, "name": "web"}]}]),
     spec(containers=[{"name": "c", "ports": [{"containerPort": 80, "name": "web"}]}])),
    ("Pod", spec(topologySpreadConstraints=[{"topologyKey": "zone", "maxSkew": 1, "minDomains": 3}]),
     spec(topologySpreadConstraints=[{"topologyKey": "zone", "maxSkew": 2}]),
     spec(topologySpreadConstraints=[{"topologyKey": "zone", "maxSkew": 2, "minDomains": 3}])),
    # Lists without a key are replaced.
    ("Pod", spec(tolerations=[{"key": "a"}]), spec(tolerations=[{"key": "b"}]), spec(tolerations=[{"key": "b"}])),
    ("Pod", env(A, args=["a", "b"]), spec(containers=[{"name": "c", "args": ["c"]}]), env(A, args=["c"])),
    ("RoleBinding", {"subjects": [{"name": "a", "kind": "User"}]}, {"subjects": [{"name": "b", "kind": "User"}]},
     {"subjects": [{"name": "b", "kind": "User"}]}),
    ("NetworkPolicy", spec(ingress=[{"ports": [{"port": 80}]}]), spec(ingress=[{"ports": [{"port": 81}]}]),
     spec(ingress=[{"ports": [{"port": 81}]}])),
    ("ServiceAccount", {"secrets": [{"name": "a"}], "imagePullSecrets": [{"name": "a"}]},
     {"secrets": [{"name": "b"}], "imagePullSecrets": [{"name": "b"}]},
     {"secrets": [{"name": "b"}, {"name": "a"}], "imagePullSecrets": [{"name": "b"}]}),
    # Lists of strings merge where the type says so, and strings are taken out of them.
    ("ConfigMap", finalizers("a", "b"), finalizers("c", "b"), finalizers("c", "a", "b")),
    ("ConfigMap", finalizers("a", "b"), {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}}, finalizers("b")),
    # Maps merge, but for one.
    ("PodDisruptionBudget", spec(selector={"matchLabels": {"a": "b"}}), spec(selector={"matchLabels": {"c": "d"}}),
     spec(selector={"matchLabels": {"c": "d"}})),
    ("Service", spec(selector={"a": "b"}), spec(selector={"c": "d"}), spec(selector={"a": "b", "c": "d"})),
    ("Service", spec(selector={"a": "b"}), spec(selector={"c": "d", "$patch": "replace"}), spec(selector={"c": "d"})),
    ("Service", spec(selector={"a": "b"}), spec(selector={"a": None, "z": None}), spec(selector={})),
    ("Service", spec(type="NodePort"), spec(selector={"a": {"$patch": "delete"}}), spec(type="NodePort", selector={})),
    ("Deployment", spec(strategy=ROLLING), spec(strategy={"type": "Recreate", "$retainKeys": ["type"]}),
     spec(strategy={"type": "Recreate"})),
    ("Deployment", spec(strategy=ROLLING), spec(strategy={"$patch": "delete"}), spec(strategy={})),
    ("Deployment", spec(replicas=1), spec(strategy={"$patch": "delete"}), spec(replicas=1)),
]  # fmt: skip
REFUSED: list[tuple[Json, Json, type[PatchError], str]] = [
    (spec(ports=[WEB]), spec(ports=[{"name": "web", "targetPort": 1}]), Unmergeable,
     "map: map[name:web targetPort:1] does not contain declared merge key: port"),
    (env(A), env({"$patch": "delete"}), Unmergeable, "map[$patch:delete] does not contain declared merge key: name"),
    (env(A), env({"name": "A", "$patch": "merge"}), Unmergeable, "merging lists cannot yet be specified in the patch"),
    (spec(type="a"), spec(**{"$patch": "odd"}), Unmergeable, "unknown patch type: odd in map: map[$patch:odd]"),
    (spec(ports=[WEB]), spec(ports=["x"]), Unmergeable, "list element types are not identical"),
    (spec(strategy=ROLLING), spec(strategy={"type": "Recreate", "$retainKeys": []}), Malformed, "retainKeys"),
    (env(A, B), env(B, A, **order(A, B)), Unmergeable, "The order in patch list"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "live", "patch", "merged"), MERGES)
def test_a_strategic_merge(kind: str, live: Json, patch: Json, merged: Json) -> None:
    document = {"kind": kind, **live}
    before = copy.deepcopy((document, patch))
    assert strategic_merge(document, patch) == {"kind": kind, **merged}
    assert (document, patch) == before


@pytest.mark.parametrize(("live", "patch", "error", "told"), REFUSED)
def test_a_patch_that_does_not_fit_is_refused(live: Json, patch: Json, error: type[PatchError], told: str) -> None:
    with pytest.raises(error) as caught:
        strategic_merge(live, patch)
    assert told in str(caught.value)


def test_what_is_not_patched_is_shared() -> None:
    document = {"metadata": {"labels": {"a": "b"}}, "spec": {"replicas": 1}}
    merged = strategic_merge(document, {"spec": {"replicas": 2}})
    assert merged["metadata"] is document["metadata"]
