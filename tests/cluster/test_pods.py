"""Scheduling, starting, crashing and losing pods, and what a user of kubectl would read about it."""

from __future__ import annotations

from stratus_sim.cluster import api, nodes
from stratus_sim.cluster.kubelet.repeats import said_again
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.kernel import SECOND_US
from stratus_sim.world import World

APP = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: web:1
        ports: [{containerPort: 80, name: http}]
        EXTRA
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 8080, targetPort: http}]}
"""
NODE = """
---
apiVersion: v1
kind: Node
metadata: {name: NAME, labels: {disk: LABEL}}
status: {allocatable: {cpu: "1", memory: 1Gi}}
"""


def only_pod(world: World) -> Resource:
    (pod,) = world.store.list("Pod")
    return pod


def node(name: str, label: str) -> str:
    return NODE.replace("NAME", name).replace("LABEL", label)


def messages(world: World, reason: str) -> list[str]:
    return sorted(e.message for e in world.cluster.events.values() if e.reason == reason)


def test_requests_beyond_every_node_leave_the_pod_pending_with_the_schedulers_words(small) -> None:
    extra = "resources: {requests: {cpu: '3'}}"
    world = small(APP.replace("EXTRA", extra) + node("a", "ssd") + node("b", "hdd"))
    assert only_pod(world).status.reason == "Unschedulable"
    (said,) = messages(world, "FailedScheduling")
    assert said.startswith("0/2 nodes are available: 2 Insufficient cpu. preemption: 0/2 nodes are available: ")


def test_a_cordoned_node_gets_no_pods_until_it_is_uncordoned(small) -> None:
    world = small(APP.replace("EXTRA", "") + node("a", "ssd").replace("status", "spec: {unschedulable: true}\nstatus"))
    (said,) = messages(world, "FailedScheduling")
    assert said.startswith("0/1 nodes are available: 1 node(s) were unschedulable. preemption: ")
    manifest = world.store.get(ObjectKey("Node", "", "a")).manifest
    api.put(world, {**manifest, "spec": {}}, "test")
    world.run_for(60 * SECOND_US)
    assert only_pod(world).status.ready


def test_no_node_is_over_its_capacity(small) -> None:
    text = APP.replace("EXTRA", "resources: {requests: {cpu: 300m, memory: 100Mi}}")
    world = small(
        text.replace("spec:\n  selector", "spec:\n  replicas: 9\n  selector", 1) + node("a", "ssd") + node("b", "hdd")
    )
    bound = [pod for pod in world.store.list("Pod") if pod.status.node]
    assert len(bound) == 6
    for found in world.store.list("Node"):
        assert found.status.millicores == 300 * len(world.store.on_node(found.key.name)) <= 1000


def test_the_endpoints_follow_the_named_port_and_readiness(small) -> None:
    world = small(APP.replace("EXTRA", "readinessProbe: {httpGet: {port: http}}"))
    (endpoint,) = world.store.get(ObjectKey("EndpointSlice", "default", "web")).status.ready
    assert dict(endpoint.ports) == {8080: 80}
    api.delete(world, only_pod(world).key, "test")
    assert world.run_for(0) is None
    assert world.store.get(ObjectKey("EndpointSlice", "default", "web")).status.ready == ()
    world.run_for(60 * SECOND_US)
    assert len(world.store.get(ObjectKey("EndpointSlice", "default", "web")).status.ready) == 1


def test_a_missing_secret_in_the_environment_is_a_config_error_and_heals_when_it_appears(small) -> None:
    extra = "env: [{name: P, valueFrom: {secretKeyRef: {name: s, key: p}}}]"
    world = small(APP.replace("EXTRA", extra))
    assert only_pod(world).status.reason == "CreateContainerConfigError"
    assert only_pod(world).status.message == 'secret "s" not found'
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"p": "x"}}
    api.put(world, secret, "test")
    world.run_for(60 * SECOND_US)
    assert only_pod(world).status.ready
    assert only_pod(world).status.env["web"]["P"] == "x"


def test_a_failing_liveness_probe_restarts_with_growing_back_off(small) -> None:
    world = small(APP.replace("EXTRA", "livenessProbe: {tcpSocket: {port: 80}, periodSeconds: 1, failureThreshold: 1}"))
    assert only_pod(world).status.restarts == 0
    pod = only_pod(world)
    deployment = world.store.get(ObjectKey("Deployment", "default", "web")).manifest
    probe = {"tcpSocket": {"port": 81}, "periodSeconds": 1, "failureThreshold": 1}
    container = {**deployment["spec"]["template"]["spec"]["containers"][0], "livenessProbe": probe}
    template = {**deployment["spec"]["template"], "spec": {"containers": [container]}}
    api.put(world, {**deployment, "spec": {**deployment["spec"], "template": template}}, "test")
    world.run_for(120 * SECOND_US)
    crashing = [p for p in world.store.list("Pod") if p.key != pod.key]
    assert crashing[0].status.restarts >= 3
    said = [e for e in world.cluster.events.values() if e.reason == "BackOff"]
    assert [e.message.split(" in pod")[0] for e in said] == ["Back-off restarting failed container web"]
    restarts = crashing[0].status.restarts
    assert said[0].count == restarts + sum(map(said_again, range(restarts + 1)))


def test_a_lost_node_is_noticed_after_fifty_seconds_and_evicted_after_five_minutes(small) -> None:
    world = small(APP.replace("EXTRA", "") + node("a", "ssd") + node("b", "hdd"))
    pod = only_pod(world)
    nodes.crash(world, pod.status.node)
    world.run_for(49 * SECOND_US)
    assert only_pod(world).status.ready
    world.run_for(2 * SECOND_US)
    assert not only_pod(world).status.ready
    world.run_for(298 * SECOND_US)
    assert len(world.store.list("Pod")) == 1
    world.run_for(60 * SECOND_US)
    stuck, fresh = sorted(world.store.list("Pod"), key=lambda p: not p.deleting)
    assert stuck.key == pod.key and fresh.status.ready and fresh.status.node != pod.status.node
    nodes.restore(world, pod.status.node)
    world.run_for(60 * SECOND_US)
    assert only_pod(world).key == fresh.key


def test_a_quiet_cluster_has_no_timers(hotel: World) -> None:
    assert len(hotel.kernel.timers) == 0
