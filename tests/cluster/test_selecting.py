"""Which Services a pod belongs to is found once per template, and anew when a selector changes."""

from __future__ import annotations

from stratus_sim.cluster import api
from stratus_sim.kernel import SECOND_US
from tests.application.mesh import key, mesh, service


def test_a_service_that_selects_others_now_follows_their_pods() -> None:
    world = mesh("a>b", entrypoints=("a",))
    for pod in world.store.list("Pod"):
        world.store.selecting(pod)
    api.put(world, service("b", {"app": "a"}), "test")
    world.run_for(SECOND_US)
    lost = next(pod for pod in world.store.list("Pod") if pod.labels["app"] == "a")
    api.delete(world, lost.key, "test")
    world.run_for(60 * SECOND_US)
    (pod,) = [pod.key.name for pod in world.store.list("Pod") if pod.labels["app"] == "a"]
    slice_ = world.store.get(key("b", "EndpointSlice"))
    assert slice_ is not None
    assert [endpoint.pod for endpoint in slice_.status.endpoints] == [pod]
