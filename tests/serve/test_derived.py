"""Watchers hear of what nobody stores: it changes with what it follows from."""

from __future__ import annotations

from typing import Any

from stratus_sim.cluster import api
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.kernel import SECOND_US
from stratus_sim.serve.history import Change
from stratus_sim.serve.service import Service
from tests.application.mesh import mesh, scale
from tests.telemetry.manifests import budget


def heard(service: Service, since: int, *kinds: str) -> list[Change]:
    return [change for change in service.history.since(since) if change.kind in kinds]


def addresses(body: dict[str, Any] | None) -> int:
    return sum(len(subset.get("addresses", ())) for subset in (body or {}).get("subsets", ()))


def test_endpoints_and_budgets_follow_their_pods() -> None:
    service = Service(mesh("a>b", replicas=2, extra=[budget("b", 1)]))
    since = service.history.count
    with service.touching() as world:
        scale(world, "b", 3)
    service.advance(30 * SECOND_US)
    ends = heard(service, since, "Endpoints")
    assert {change.new["metadata"]["name"] for change in ends if change.new} == {"b"}, "nothing else has changed"
    assert (addresses(ends[0].old), addresses(ends[-1].new)) == (2, 3)
    budgets = [
        change.new["status"]["expectedPods"] for change in heard(service, since, "PodDisruptionBudget") if change.new
    ]
    assert budgets[-1] == 3
    assert len({change.version for change in ends}) == len(ends), "each once"


def test_a_namespace_nobody_declared_comes_with_what_is_in_it() -> None:
    service = Service(mesh("a>b"))
    since = service.history.count
    with service.touching() as world:
        metadata = {"name": "m", "namespace": "elsewhere"}
        api.put(world, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}, "test")
    service.advance(SECOND_US)
    came = [
        change.new for change in heard(service, since, "Namespace", "ConfigMap") if change.old is None and change.new
    ]
    assert {(body["kind"], body["metadata"]["name"]) for body in came} == {
        ("ConfigMap", "m"), ("ConfigMap", "kube-root-ca.crt"), ("Namespace", "elsewhere"),
    }  # fmt: skip


def test_a_budget_that_is_written_is_told_of_once() -> None:
    service = Service(mesh("a>b", extra=[budget("b", 1)]))
    since, key = service.history.count, ObjectKey("PodDisruptionBudget", "default", "b")
    with service.touching() as world:
        found = world.store.state.objects[key].manifest
        api.put(world, {**found, "spec": {**found["spec"], "minAvailable": 0}}, "test")
    assert [change.new["spec"]["minAvailable"] for change in heard(service, since, key.kind) if change.new] == [0]
