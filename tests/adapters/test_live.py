"""What of a live object is configuration, who owns it, and which images its status speaks of."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_sim.adapters.kubernetes.cluster import _described
from stratus_sim.adapters.kubernetes.live import (
    FENCE,
    REVISION,
    condition,
    configured,
    images_failing,
    images_seen,
    is_configured,
    owner_of,
)

ASSIGNED = {
    "uid": "u", "resourceVersion": "7", "generation": 2, "creationTimestamp": "t", "managedFields": [{}],
    "ownerReferences": [], "deletionTimestamp": "t", "deletionGracePeriodSeconds": 1, "selfLink": "/",
}  # fmt: skip
NOTES = {REVISION: "3", FENCE: "moved", "pv.kubernetes.io/bind-completed": "yes", "node.alpha.kubernetes.io/ttl": "0"}


def live(kind: str, spec: Any = None, annotations: dict[str, str] | None = None) -> dict[str, Any]:
    metadata = {**ASSIGNED, "name": "x", "namespace": None, "labels": {"a": "b"}, "annotations": annotations}
    return {"kind": kind, "apiVersion": "v1", "metadata": metadata, "spec": spec or {}, "status": {"phase": "Active"}}


def test_configuration_is_what_somebody_wrote() -> None:
    spec = {"a": None, "b": [{"c": None, "d": 0}, None], "e": {"f": None}, "taints": [{"key": "node.kubernetes.io/x"}]}
    metadata = {"name": "x", "labels": {"a": "b"}}
    written = {"b": [{"d": 0}, None], "e": {}, "taints": spec["taints"]}
    expected = {"kind": "Thing", "apiVersion": "v1", "metadata": metadata, "spec": written}
    assert configured(live("Thing", spec, NOTES)) == configured(live("Thing", spec)) == expected
    noted = configured(live("Thing", spec, NOTES | {"mine": "1"}))
    assert noted == {**expected, "metadata": {**metadata, "annotations": {"mine": "1"}}}


@pytest.mark.parametrize("own", [[], [{"key": "mine", "effect": "NoSchedule"}, {"effect": "NoExecute"}]])
def test_what_the_control_plane_says_of_a_node_is_no_configuration(own: list[dict[str, str]]) -> None:
    said = [{"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}, {"key": "node.kubernetes.io/not-ready"}]
    found = live("Node", {"unschedulable": True, "podCIDR": "10.0.0.0/24", "taints": [said[0], *own, said[1]]})
    kept = {"taints": own} if own else {}
    assert configured(found)["spec"] == {"unschedulable": True, "podCIDR": "10.0.0.0/24", **kept}
    assert found["spec"]["taints"] == [said[0], *own, said[1]], "what was read stays as it is"
    assert configured({**live("Node"), "spec": None})["spec"] == {}


def test_what_a_controller_made_or_keeps_is_environment() -> None:
    owner, other = {"kind": "Job", "name": "j", "controller": True}, {"kind": "Node", "name": "n"}
    made, kept = live("Pod"), live("Pod")
    made["metadata"]["ownerReferences"], kept["metadata"]["ownerReferences"] = [other, owner], [other]
    assert (owner_of(made), owner_of(kept), owner_of(live("Pod"))) == (("Job", "j"), None, None)
    assert (is_configured(made), is_configured(live("Endpoints"))) == (False, False)
    assert is_configured(live("ConfigMap"))


def container(name: str, *, before: str = "", **state: dict[str, str]) -> dict[str, Any]:
    return {"name": name, "state": state, "lastState": {before: {}} if before else {}}


def waiting(name: str, reason: str, before: str = "") -> dict[str, Any]:
    return container(name, before=before, waiting={"reason": reason})


def pod(images: dict[str, str], *statuses: dict[str, Any]) -> dict[str, Any]:
    containers = [{"name": name, "image": image} for name, image in images.items()]
    return live("Pod", {"containers": containers}) | {"status": {"containerStatuses": list(statuses)}}


def test_an_image_exists_that_a_node_has_or_a_container_ran_and_fails_where_it_was_not_pulled() -> None:
    found = [
        live("Node") | {"status": {"images": [{"names": ["cached", "cached@sha256:0"]}, {}]}},
        pod({"a": "runs", "b": "typo", "c": "again"}, container("a", running={}), waiting("b", "ErrImagePull"),
            waiting("c", "CrashLoopBackOff", before="terminated")),
        pod({"a": "gone", "b": "creating"}, waiting("a", "ImagePullBackOff"), waiting("b", "ContainerCreating")),
        pod({"a": "unheard"}),
        live("Pod", {"containers": [{"name": "a", "image": "new"}]}) | {"status": None},
    ]  # fmt: skip
    assert images_seen(found) == {"cached", "cached@sha256:0", "runs", "again"}
    assert images_failing(found) == {"typo", "gone"}


def test_an_image_that_is_named_exists_until_it_could_not_be_pulled() -> None:
    template = {"spec": {"containers": [{"name": "a", "image": "named"}, {"name": "b", "image": "typo"}]}}
    deployment = live("Deployment", {"selector": {}, "template": template}) | {"apiVersion": "apps/v1"}
    found = [deployment, pod({"a": "ran", "b": "typo"}, container("a", running={}), waiting("b", "ErrImagePull"))]
    assert _described(found).images == {"named", "ran"}


def test_a_condition_holds_when_it_is_true() -> None:
    conditions = [{"type": "Ready", "status": "True"}, {"type": "Other", "status": "Unknown"}]
    found = live("Node") | {"status": {"conditions": conditions}}
    assert [condition(found, name) for name in ("Ready", "Other", "None")] == [True, False, False]
    assert not condition(live("Node") | {"status": None}, "Ready")
