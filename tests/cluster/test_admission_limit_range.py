"""Limit ranges: defaults reach pods of controllers and of users alike; bounds are held."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_sim.cluster import api
from stratus_sim.cluster.admission.registry import Denied
from stratus_sim.world import World
from tests.cluster.test_admission_quota import pod, quota
from tests.cluster.workloads import cluster, get, key, members, reasons, template, workload

Json = dict[str, Any]


def limits(**fields: Any) -> Json:
    metadata = {"name": "l", "namespace": "default"}
    limit = {"type": "Container", **fields}
    return {"apiVersion": "v1", "kind": "LimitRange", "metadata": metadata, "spec": {"limits": [limit]}}


def resources(found: Any) -> Json:
    return dict(found.manifest["spec"]["containers"][0].get("resources") or {})


def test_defaults_are_written_into_the_pod_and_its_typed_reading() -> None:
    world = cluster(limits(default={"memory": "256Mi"}, defaultRequest={"cpu": "50m"}), pod("a"))
    found = get(world, "Pod", "a")
    assert resources(found) == {"requests": {"cpu": "50m", "memory": "256Mi"}, "limits": {"memory": "256Mi"}}
    assert found.spec.containers[0].resources.requests == {"cpu": "50m", "memory": "256Mi"}


def test_what_a_container_states_stays() -> None:
    world = cluster(limits(default={"cpu": "1"}, defaultRequest={"cpu": "50m"}), pod("a", limits={"cpu": "300m"}))
    assert resources(get(world, "Pod", "a")) == {"limits": {"cpu": "300m"}, "requests": {"cpu": "300m"}}


def test_defaults_reach_the_pods_of_controllers_and_make_them_fit_a_quota() -> None:
    bare = template()
    del bare["spec"]["containers"][0]["resources"]
    ranged = cluster(limits(default={"cpu": "100m"}), quota(limits_cpu="1"), workload("ReplicaSet", template=bare))
    ranged.run_for(1)
    assert [resources(one)["limits"] for one in members(ranged, "ReplicaSet")] == [{"cpu": "100m"}]
    plain = cluster(quota(limits_cpu="1"), workload("ReplicaSet", template=bare), seconds=1)
    assert members(plain, "ReplicaSet") == []
    assert set(reasons(plain, "ReplicaSet")) == {"FailedCreate"}


@pytest.mark.parametrize(
    ("limit", "stated", "said"),
    [
        ({"max": {"memory": "1Gi"}}, {"limits": {"memory": "2Gi"}},
         "maximum memory usage per Container is 1Gi, but limit is 2Gi"),
        ({"min": {"cpu": "100m"}}, {"requests": {"cpu": "50m"}},
         "minimum cpu usage per Container is 100m, but request is 50m"),
        ({"maxLimitRequestRatio": {"cpu": "2"}}, {"requests": {"cpu": "100m"}, "limits": {"cpu": "300m"}},
         "cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000"),
        ({"min": {"cpu": "100m"}}, {"requests": {"cpu": "100m"}}, ""),
        ({"maxLimitRequestRatio": {"cpu": "2"}}, {"limits": {"memory": "1Gi"}},
         "cpu max limit to request ratio per Container is 2, but no request is specified or request is 0"),
        ({"maxLimitRequestRatio": {"cpu": "2"}}, {"requests": {"cpu": "1"}},
         "cpu max limit to request ratio per Container is 2, but no limit is specified or limit is 0"),
        ({"type": "Pod", "max": {"cpu": "1"}}, {"requests": {"cpu": "1"}},
         "maximum cpu usage per Pod is 1.  No limit is specified"),
    ],
)  # fmt: skip
def test_bounds_are_held_in_the_words_of_the_api_server(limit: Json, stated: Json, said: str) -> None:
    world = cluster(limits(**limit))
    assert refused(world, pod("a", **stated)) == (f'pods "a" is forbidden: {said}' if said else "")


def refused(world: World, manifest: Json) -> str:
    """What the API server says to a new object; "" when it lets it in."""
    try:
        api.put(world, manifest, "user")
    except Denied as denied:
        return str(denied)
    return ""


def test_a_pod_takes_as_much_as_its_largest_init_container() -> None:
    manifest = pod("a", limits={"cpu": "1"})
    large = {"name": "i", "image": "w:1", "resources": {"limits": {"cpu": "3"}}}
    manifest = {**manifest, "spec": {**manifest["spec"], "initContainers": [large]}}
    world = cluster(limits(type="Pod", max={"cpu": "2"}))
    assert refused(world, manifest) == 'pods "a" is forbidden: maximum cpu usage per Pod is 2, but limit is 3'


def test_a_pod_takes_its_sidecars_as_well_as_its_containers() -> None:
    side = {"name": "s", "image": "w:1", "restartPolicy": "Always", "resources": {"limits": {"cpu": "2"}}}
    manifest = pod("a", limits={"cpu": "1"})
    manifest = {**manifest, "spec": {**manifest["spec"], "initContainers": [side]}}
    world = cluster(limits(type="Pod", max={"cpu": "2"}))
    assert refused(world, manifest) == 'pods "a" is forbidden: maximum cpu usage per Pod is 2, but limit is 3'


def test_a_default_limit_below_a_request_makes_the_pod_invalid() -> None:
    """kubernetes.io/docs/concepts/policy/limit-range, "Constraints on resource limits and requests"."""
    world = cluster(limits(default={"cpu": "500m"}))
    problem = 'Invalid value: "700m": must be less than or equal to cpu limit of 500m'
    said = f'Pod "a" is invalid: spec.containers[0].resources.requests: {problem}'
    assert refused(world, pod("a", requests={"cpu": "700m"})) == said


def test_a_claim_has_bounds_too() -> None:
    world = cluster(limits(type="PersistentVolumeClaim", max={"storage": "1Gi"}))
    claim = {
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "d", "namespace": "default"},
        "spec": {"resources": {"requests": {"storage": "2Gi"}}},
    }  # fmt: skip
    with pytest.raises(Denied, match="maximum storage usage per PersistentVolumeClaim is 1Gi, but request is 2Gi"):
        api.put(world, claim, "user")
    assert world.store.get(key("PersistentVolumeClaim", "d")) is None


def test_pods_that_are_there_already_stay_as_they_are() -> None:
    world = cluster(pod("a"), limits(default={"cpu": "1"}))
    api.put(world, {**get(world, "Pod", "a").manifest}, "user")
    assert resources(get(world, "Pod", "a")) == {}
