"""One object of every kind the catalogue lists, and for every row of it the actions it stands for."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from hypothesis import strategies as st

from stratus_sim.cluster import api
from stratus_sim.cluster.actions import Action
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.kinds import CLUSTER_SCOPED, SERVED
from stratus_sim.snapshot import Snapshot
from stratus_sim.world import World
from stratus_spec.catalogue import CUSTOM, Row
from tests.application.mesh import deployment, mesh

Json = dict[str, Any]
Actions = st.SearchStrategy[Action]

CUSTOM_KIND = "Widget"
SPECS: dict[str, Json] = {
    "ConfigMap": {"data": {"a": "1", "b": "2"}},
    "Secret": {"type": "Opaque", "data": {"a": "MQ=="}},
    "HorizontalPodAutoscaler": {"spec": {"scaleTargetRef": {"kind": "Deployment", "name": "far"}, "maxReplicas": 3}},
    "Ingress": {"spec": {"rules": [{"host": "x", "http": {"paths": []}}]}},
    "LimitRange": {"spec": {"limits": [{"type": "Container"}]}},
    "NetworkPolicy": {"spec": {"podSelector": {}}},
    "PodDisruptionBudget": {"spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "b"}}}},
    "ResourceQuota": {"spec": {"hard": {"pods": "100"}}},
    "Role": {"rules": [{"verbs": ["get"], "resources": ["pods"], "apiGroups": [""]}]},
    "RoleBinding": {"roleRef": {"kind": "Role", "name": "x"}, "subjects": [{"kind": "User", "name": "u"}]},
    "ServiceAccount": {"secrets": [{"name": "s"}]},
    "Namespace": {},
    "PersistentVolume": {"spec": {"capacity": {"storage": "1Gi"}}},
    "PersistentVolumeClaim": {"spec": {"resources": {"requests": {"storage": "1Gi"}}}},
    "CustomResourceDefinition": {"spec": {"group": "example.org"}},
    CUSTOM_KIND: {"spec": {"size": 1, "parts": [{"name": "p", "n": 1}]}},
}
NAMES = {"Deployment": "b", "Service": "b", "ReplicaSet": "set", "StatefulSet": "db", "DaemonSet": "ds"}


def kind_of(row: Row) -> str:
    """The kind of the object a row is tried on."""
    return CUSTOM_KIND if row.kind == CUSTOM else row.kind


def manifest(kind: str, name: str = "x") -> Json:
    """An object of a kind as a user would write it."""
    if kind in NAMES and kind != "Service":
        found = deployment(name, 3, kind=kind)
        found["spec"]["template"]["spec"]["containers"][0]["image"] = "b:1"
        return found
    metadata = {"name": name} if kind in CLUSTER_SCOPED else {"name": name, "namespace": "default"}
    version = SERVED.get(kind, "example.org/v1")
    spec = {"spec": {"selector": {"app": "b"}, "ports": [{"port": 80}]}} if kind == "Service" else SPECS[kind]
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **spec}


@cache
def standing(paused: bool) -> Snapshot:
    """Everything there, ready, with one earlier revision; a pause of the Deployment where asked for."""
    plain = [manifest(kind) for kind in SPECS]
    workloads = [manifest(kind, NAMES[kind]) for kind in ("ReplicaSet", "StatefulSet", "DaemonSet")]
    world = mesh("a>b", replicas=3, extra=[*plain, *workloads])
    key = ObjectKey("Deployment", "default", "b")
    world.run_for(120 * SECOND_US)
    api.put(world, _changed(world, key, env=[{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]), "test")
    world.run_for(120 * SECOND_US)
    found = world.store.state.objects[key].manifest
    if paused:
        api.put(world, {**found, "spec": {**found["spec"], "paused": True}}, "test")
    return world.snapshot()


def _changed(world: World, key: ObjectKey, **container: Any) -> Json:
    found = world.store.state.objects[key].manifest
    template = found["spec"]["template"]
    first = {**template["spec"]["containers"][0], **container}
    pod = {**template["spec"], "containers": [first]}
    return {**found, "spec": {**found["spec"], "template": {**template, "spec": pod}}}


def world_for(row: Row) -> World:
    """A world in which the row's actions find what they need."""
    return World(standing(row.verb == "rollout-resume"))


WORDS = st.text("abc./{}[]\\", min_size=1, max_size=4)
TREES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | WORDS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(WORDS, inner, max_size=3)
        | st.lists(st.sampled_from("uvw"), unique=True, max_size=3).map(
            lambda names: [{"name": n, "z": 1} for n in names]
        )
    ),
    max_leaves=8,
)
MARKS = st.dictionaries(st.sampled_from(["m", "n", "example.org/o"]), st.sampled_from(["1", "2"]), max_size=3)
CHANGES = st.dictionaries(
    st.sampled_from(["m", "n", "example.org/o"]), st.none() | st.sampled_from(["1", "3"]), min_size=1, max_size=3
)


def decorated(draw: st.DrawFn, found: Json) -> Json:
    """An object with marks, references to owners and fields nobody knows of."""
    metadata = {**found["metadata"], "labels": draw(MARKS), "annotations": draw(MARKS)}
    if draw(st.booleans()):
        owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "far", "uid": "1"}
        metadata["ownerReferences"] = [owner, {**owner, "name": "further"}]
    unknown = {"unknown": draw(TREES)} if draw(st.booleans()) else {}
    return {**found, **unknown, "metadata": metadata}


def _probe(draw: st.DrawFn) -> Json | None:
    handler = st.sampled_from([{"tcpSocket": {"port": 80}}, {"httpGet": {"port": 80, "path": "/"}}])
    return draw(st.none() | handler)


def _patch(draw: st.DrawFn, found: Json) -> Json:
    kind = draw(st.sampled_from(["strategic", "merge", "json"]))
    if kind == "json":
        operation = st.sampled_from(["/unknown", "/metadata/annotations"]).map(lambda path: {"op": "add", "path": path})
        values = st.just({"p": "q"}) if draw(st.booleans()) else st.just({})
        return {"type": kind, "patch": [{**draw(operation), "value": draw(values)}]}
    patch = {"metadata": {"annotations": draw(CHANGES)}, "unknown": draw(TREES)}
    if found["kind"] in ("ConfigMap", "Secret"):
        patch["data"] = draw(st.dictionaries(st.sampled_from("abc"), st.none() | st.sampled_from("xy")))
    return {"type": kind, "patch": patch}


def _whole(draw: st.DrawFn, found: Json) -> Json:
    return {"manifest": decorated(draw, {k: v for k, v in found.items() if k != "unknown"})}


def _new(draw: st.DrawFn, found: Json) -> Json:
    return {"manifest": decorated(draw, manifest(found["kind"], "new"))}


_TAINTS = ["a=1:NoSchedule", "a=2:NoSchedule", "b:NoExecute", "a:NoSchedule-", "c:PreferNoSchedule"]
ARGUMENTS: dict[str, Callable[[st.DrawFn, Json], Json]] = {
    "scale": lambda draw, _: {"replicas": draw(st.integers(2, 5))},
    "set-image": lambda draw, _: {"image": draw(st.sampled_from(["b:1", "b:2", "other"]))},
    "set-env": lambda draw, _: {
        "env": draw(st.dictionaries(st.sampled_from("ABC"), st.none() | st.just("9"), min_size=1))
    },
    "set-resources": lambda draw, _: {draw(st.sampled_from(["limits", "requests"])): {"cpu": "50m", "memory": "8Mi"}},
    "set-probes": lambda draw, _: {draw(st.sampled_from(["readiness", "liveness", "startup"])): _probe(draw)},
    "patch": _patch,
    "apply": lambda draw, found: (_new if found["kind"] != "Node" and draw(st.booleans()) else _whole)(draw, found),
    "replace": _whole,
    "create": _new,
    "label": lambda draw, _: {"labels": draw(CHANGES)},
    "annotate": lambda draw, _: {"annotations": draw(CHANGES)},
    "taint": lambda draw, _: {"taints": draw(st.lists(st.sampled_from(_TAINTS), min_size=1, max_size=3))},
    "expose": lambda draw, _: {"port": draw(st.integers(1, 99)), "name": "exposed"},
    "autoscale": lambda draw, _: {"min": 3, "max": draw(st.integers(3, 9)), "name": "scaler"},
}


def target_of(world: World, kind: str) -> ObjectKey:
    """The object of a kind that a row is tried on."""
    if kind in ("Node", "Pod"):
        found = [r.key for r in world.store.list(kind) if kind == "Node" or r.key.name.startswith("b-")]
        return found[0]
    return ObjectKey(kind, "" if kind in CLUSTER_SCOPED else "default", NAMES.get(kind, "x"))


def actions(draw: st.DrawFn, row: Row, world: World) -> Action:
    """An action of a row, on an object of its kind that has been decorated first."""
    kind = kind_of(row)
    key = target_of(world, kind)
    if kind != "Pod":
        api.put(world, decorated(draw, dict(world.store.state.objects[key].manifest)), "test")
    found = dict(world.store.state.objects[key].manifest)
    arguments = ARGUMENTS[row.verb](draw, found) if row.verb in ARGUMENTS else {}
    return Action(row.verb, f"{key.kind}/{key.name}", arguments, key.namespace or "default")
