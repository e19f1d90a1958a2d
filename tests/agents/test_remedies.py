"""Row by row: what the runbook takes for a cause, and when it rather leaves things alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from stratus_agents.policies.remedies_network import address_is_wrong, service_port_is_wrong
from stratus_agents.policies.remedies_nodes import node_is_lost
from stratus_agents.policies.remedies_pods import probe_never_succeeds
from stratus_agents.policies.scene import Scene
from stratus_sim.cluster import api
from stratus_sim.cluster.merge import strategic_merge
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.faults import FAULTS, inject
from stratus_sim.kernel import SECOND_US
from stratus_sim.telemetry.observation import observe
from stratus_sim.telemetry.severity import measure, no_worse
from stratus_sim.world import World
from tests.agents.harness import SHOP, actions, change, deployed_with, outcome


def test_replicas_come_back_as_they_were(hotel: World) -> None:
    """One replica would do for the components' share, but not for the load."""
    inject.schedule(hotel, 0, "scale-to-zero", FAULTS["scale-to-zero"].targets(hotel)[0])
    episode, _, _ = outcome(hotel)
    assert actions(episode) == ["scale deployment/frontend replicas=2 -n hotel"]


def test_a_workload_that_never_ran_is_not_scaled_up(hotel: World) -> None:
    """Its pods could not start before either: more of them only raise alerts."""
    manifest = hotel.store.state.objects[FAULTS["scale-to-zero"].targets(hotel)[1]].manifest
    lacking = {"envFrom": [{"secretRef": {"name": "nowhere"}}], "name": manifest["metadata"]["name"]}
    template = {"spec": {"template": {"spec": {"containers": [lacking]}}, "strategy": {"type": "Recreate"}}}
    broken = strategic_merge(manifest, template)
    api.put(hotel, broken, "user")
    hotel.run_for(30 * SECOND_US)
    api.put(hotel, strategic_merge(broken, {"spec": {"replicas": 0}}), "user")
    episode, with_it, without = outcome(hotel)
    assert not [action for action in actions(episode) if action.startswith("scale")]
    assert no_worse(with_it, without)


FIRST_ROLLOUTS: dict[str, dict[str, Any]] = {
    "selector": {"nodeSelector": {"disktype": "none"}},
    "probe": {"containers": [{"name": "geo", "readinessProbe": {"grpc": {"port": 40}}}]},
    "memory": {
        "containers": [{"name": "geo", "resources": {"limits": {"memory": "5Mi"}, "requests": {"memory": "5Mi"}}}],
    },
    "host": {"containers": [{"name": "geo", "env": [{"name": "MONGODB_HOST", "value": "mongo-geo-old"}]}]},
}
"""Mistakes in the first pod template of the Deployment `geo`."""


@pytest.mark.parametrize("mistake", sorted(FIRST_ROLLOUTS))
def test_a_first_rollout_is_mended_in_place(mistake: str) -> None:
    """Where there is no revision to go back to, the runbook mends the template itself."""
    world = deployed_with("geo", FIRST_ROLLOUTS[mistake])
    episode, with_it, without = outcome(world)
    assert without.scalar > 0
    assert with_it.scalar == 0
    assert len(actions(episode)) == 1
    assert not actions(episode)[0].startswith("rollout-undo")


def test_a_port_in_the_environment_is_mended_in_place() -> None:
    wrong = {"name": "search", "env": [{"name": "GEO_ADDR", "value": "geo:9999"}]}
    episode, with_it, _ = outcome(deployed_with("search", {"containers": [wrong]}))
    assert actions(episode) == ["set-env deployment/search container=search env={'GEO_ADDR': 'geo:8083'} -n hotel"]
    assert with_it.scalar == 0


def test_it_goes_back_past_revisions_with_the_same_mistake(hotel: World) -> None:
    small = {"name": "geo", "resources": {"limits": {"memory": "5Mi"}, "requests": {"memory": "5Mi"}}}
    change(hotel, "geo", {"containers": [small]})
    change(hotel, "geo", {"containers": [{"name": "geo", "env": [{"name": "LEVEL", "value": "debug"}]}]})
    episode, with_it, _ = outcome(hotel)
    assert actions(episode) == ["rollout-undo deployment/geo revision=1 -n hotel"]
    assert with_it.scalar == 0


def test_it_goes_back_past_revisions_with_another_wrong_address(hotel: World) -> None:
    for port in (9998, 9999):
        change(
            hotel, "search", {"containers": [{"name": "search", "env": [{"name": "GEO_ADDR", "value": f"geo:{port}"}]}]}
        )
    episode, with_it, _ = outcome(hotel)
    assert actions(episode) == ["rollout-undo deployment/search revision=1 -n hotel"]
    assert with_it.scalar == 0


def test_it_does_not_go_back_to_what_never_ran() -> None:
    """Neither does it mend the template then: the selector is not all that is wrong."""
    world = deployed_with("geo", {"containers": [{"name": "geo", "envFrom": [{"secretRef": {"name": "nowhere"}}]}]})
    change(world, "geo", {"nodeSelector": {"disktype": "none"}})
    episode, with_it, without = outcome(world)
    assert actions(episode) == []
    assert no_worse(with_it, without)


def test_a_service_some_callers_reach_is_not_patched(small: Callable[..., World]) -> None:
    """Its target port is right though declared nowhere: the one caller that is refused dials another port."""
    shop = SHOP.replace("ports: [{port: 90}]", "ports: [{port: 90, targetPort: 7000}]")
    second = shop.partition("---")[0] + "---" + shop.split("---")[1]
    world = small(shop + "---\n" + second.replace("till", "kiosk").strip())
    till = world.store.state.objects[ObjectKey("Deployment", "shop", "till")].manifest
    wrong = {"containers": [{"name": "till", "env": [{"name": "STOCK_ADDR", "value": "stock:91"}]}]}
    api.put(world, strategic_merge(till, {"spec": {"template": {"spec": wrong}}}), "user")
    world.run_for(60 * SECOND_US)
    scene = Scene(observe(world))
    assert [(c["caller"], c["callee"]) for c in scene.failing_calls if c["caller"] != "users"] == [
        ("shop/till", "shop/stock")
    ]
    assert list(service_port_is_wrong(scene)) == []
    [hypothesis] = address_is_wrong(scene)
    assert "STOCK_ADDR" in hypothesis.cause


def test_pods_of_a_lost_node_move_once(hotel: World) -> None:
    inject.schedule(hotel, 0, "kubelet-crash", hotel.store.list("Node")[0].key)
    episode, _, _ = outcome(hotel)
    assert len(actions(episode)) > 5
    assert len(set(actions(episode))) == len(actions(episode))
    assert max(len(attempt.actions) for attempt in episode.attempts) == 5


def test_pods_that_serve_and_pods_with_an_identity_stay(small: Callable[..., World]) -> None:
    """A StatefulSet's pod may hold the only copy of something: it is not for a runbook to replace."""
    world = small(
        SHOP
        + "---\n"
        + SHOP.split("---")[3].replace("kind: Deployment", "kind: StatefulSet").replace("stock", "ledger")
    )
    lost = next(p.status.node for p in world.store.list("Pod") if p.key.name == "ledger-0")
    inject.schedule(world, 0, "kubelet-crash", ObjectKey("Node", "", lost))
    world.run_for(90 * SECOND_US)
    [hypothesis] = node_is_lost(Scene(observe(world)))
    assert not [action for action in hypothesis.actions if "ledger" in action.target]


def test_a_ready_pod_is_not_deleted_whatever_its_node_says(hotel: World) -> None:
    inject.schedule(hotel, 0, "kubelet-crash", hotel.store.list("Node")[0].key)
    hotel.run_for(90 * SECOND_US)
    scene = Scene(observe(hotel))
    [hypothesis] = node_is_lost(scene)
    assert hypothesis.actions
    for pod in scene.pods:
        pod["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
    [hypothesis] = node_is_lost(scene)
    assert hypothesis.actions == ()


def test_a_probe_that_has_just_failed_is_given_time(hotel: World) -> None:
    """Pods fail their first probes while they start; only an alert says that one never succeeds."""
    inject.schedule(hotel, 0, "readiness-probe-misconfig", FAULTS["readiness-probe-misconfig"].targets(hotel)[0])
    hotel.run_for(30 * SECOND_US)
    early = Scene(observe(hotel))
    assert early.objects_with_event("Unhealthy")
    assert list(probe_never_succeeds(early)) == []
    hotel.run_for(60 * SECOND_US)
    assert list(probe_never_succeeds(Scene(observe(hotel)))) != []


def test_which_port_was_meant_is_not_guessed(small: Callable[..., World]) -> None:
    """Two ports are declared and neither has the Service's number or name."""
    world = small(SHOP.replace("{containerPort: 8080}", "{containerPort: 8080}, {containerPort: 9090}"))
    inject.schedule(world, 0, "service-target-port-misconfig", ObjectKey("Service", "shop", "till"))
    world.run_for(90 * SECOND_US)
    scene = Scene(observe(world))
    assert [call["callee"] for call in scene.failing_calls] == ["shop/till"]
    assert list(service_port_is_wrong(scene)) == []


def test_pods_of_a_lost_node_stay_where_no_request_fits(small: Callable[..., World]) -> None:
    room = "{capacity: {cpu: '1', memory: 4Gi}}"
    nodes = [f"apiVersion: v1\nkind: Node\nmetadata: {{name: n{i}}}\nstatus: {room}" for i in (1, 2)]
    greedy = "resources: {requests: {cpu: 800m}}"
    shop = SHOP.replace("image: shop/till:1", f"image: shop/till:1\n          {greedy}")
    world = small("\n---\n".join([*nodes, shop.replace('image: "shop/stock:1",', f'image: "shop/stock:1", {greedy},')]))
    assert measure(world).scalar == 0
    assert [len(world.store.on_node(name)) for name in ("n1", "n2")] == [1, 1]
    inject.schedule(world, 0, "kubelet-crash", ObjectKey("Node", "", "n1"))
    assert actions(outcome(world)[0]) == []


def test_pods_of_a_lost_node_stay_where_nothing_has_room(hotel: World) -> None:
    """Deleting them would only trade an unready pod for a pending one."""
    for node in hotel.store.list("Node")[1:]:
        api.put(hotel, {**node.manifest, "spec": {"unschedulable": True}}, "user")
    inject.schedule(hotel, 0, "kubelet-crash", hotel.store.list("Node")[0].key)
    episode, _, _ = outcome(hotel)
    assert actions(episode) == []
