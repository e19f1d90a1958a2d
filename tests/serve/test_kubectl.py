"""The real kubectl against a served world. Time passes only where a test lets it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from stratus_sim.cluster import api
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.serve import RunningServer, serve
from stratus_sim.world import World
from tests.serve.conftest import Ran, kubectl_for

Kubectl = Callable[..., Ran]
GEO = ObjectKey("Deployment", "hotel", "geo")
IMAGE = "registry.example/hotel/geo:2.3.1"
WEB = """
apiVersion: v1
kind: ConfigMap
metadata: {name: mine}
data: {a: "1", b: "2"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: memcached:1.6.31
        env: [{name: A, value: "1"}, {name: B, value: "2"}]
        resources: {limits: {cpu: "0.5", memory: 1024Mi}}
"""


DRAINED_ANYHOW = ("--force", "--ignore-daemonsets", "--delete-emptydir-data")


def ok(ran: Ran) -> str:
    assert ran.code == 0, ran.err
    assert "panic" not in ran.err
    return ran.out


def manifest(server: RunningServer, key: ObjectKey = GEO):
    found = server.world.store.get(key)
    return found.manifest if found is not None else None


def test_get_prints_the_columns_of_a_cluster(kubectl: Kubectl) -> None:
    lines = ok(kubectl("get", "pods", "-l", "app=frontend")).splitlines()
    assert lines[0].split() == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert [line.split()[1:3] for line in lines[1:]] == [["1/1", "Running"]] * 2
    wide = ok(kubectl("get", "deploy,svc,nodes", "-o", "wide"))
    assert IMAGE in wide
    assert "deployment.apps/geo" in wide and "service/geo" in wide and "node/node-1" in wide
    assert "hotel " in ok(kubectl("get", "all", "-A"))


def test_get_yaml_is_an_object_with_status(kubectl: Kubectl) -> None:
    shown = json.loads(ok(kubectl("get", "deploy", "geo", "-o", "json")))
    assert (shown["kind"], shown["apiVersion"]) == ("Deployment", "apps/v1")
    assert shown["status"]["readyReplicas"] == 1
    running = ok(kubectl("get", "pods", "--field-selector", "status.phase!=Running", "-o", "name"))
    assert running == ""


@pytest.mark.parametrize(
    ("what", "shown"),
    [
        (("deployment", "geo"), "NewReplicaSet:   geo-"),
        (("pod", "-l", "app=geo"), "Controlled By:"),
        (("node", "node-1"), "Non-terminated Pods:"),
        (("service", "geo"), ":8083"),
        (("secret", "mongodb-user"), "password:"),
        (("namespace", "hotel"), "Active"),
    ],
)
def test_describe(kubectl: Kubectl, what: tuple[str, ...], shown: str) -> None:
    assert shown in ok(kubectl("describe", *what))


def test_a_secret_is_redacted_and_survives_being_written_back(kubectl: Kubectl, server: RunningServer) -> None:
    key = ObjectKey("Secret", "hotel", "mongodb-user")
    before = manifest(server, key)
    secret = ok(kubectl("get", "secret", "mongodb-user", "-o", "yaml"))
    assert "PHJlZGFjdGVkPg==" in secret
    ok(kubectl("replace", "-f", "-", text=secret))
    assert manifest(server, key) == before


def test_scale(kubectl: Kubectl, server: RunningServer) -> None:
    ok(kubectl("scale", "deploy", "geo", "--replicas=3", "--current-replicas=1"))
    server.advance(60)
    assert "3/3" in ok(kubectl("get", "deploy", "geo"))
    assert kubectl("scale", "deploy", "geo", "--replicas=2", "--current-replicas=1").code == 1
    assert manifest(server)["spec"]["replicas"] == 3


def test_three_kinds_of_patch(kubectl: Kubectl, server: RunningServer) -> None:
    strategic = {
        "spec": {"template": {"spec": {"containers": [{"name": "geo", "env": [{"name": "X", "value": "1"}]}]}}}
    }
    ok(kubectl("patch", "deploy", "geo", "-p", json.dumps(strategic)))
    env = manifest(server)["spec"]["template"]["spec"]["containers"][0]["env"]
    assert {"name": "X", "value": "1"} in env and len(env) == 4
    ok(kubectl("patch", "deploy", "geo", "--type=merge", "-p", '{"metadata":{"labels":{"a":"b","tier":null}}}'))
    assert manifest(server)["metadata"]["labels"] == {"app": "geo", "a": "b"}
    ok(kubectl("patch", "deploy", "geo", "--type=json", "-p", '[{"op":"remove","path":"/metadata/labels/a"}]'))
    assert manifest(server)["metadata"]["labels"] == {"app": "geo"}


def test_set_image_rolls_out_and_undo_brings_the_old_replica_set_back(kubectl: Kubectl, server: RunningServer) -> None:
    before = manifest(server)
    ok(kubectl("annotate", "deploy", "geo", "team=maps"))
    ok(kubectl("set", "image", "deploy/geo", "geo=registry.example/hotel/geo:none"))
    server.advance(60)
    assert "ErrImagePull" in (pods := ok(kubectl("get", "pods", "-l", "app=geo"))) or "ImagePullBackOff" in pods
    assert "2  " in ok(kubectl("rollout", "history", "deploy", "geo"))
    ok(kubectl("rollout", "undo", "deploy", "geo"))
    server.advance(60)
    assert "successfully rolled out" in ok(kubectl("rollout", "status", "deploy", "geo"))
    assert len(server.world.store.owned(GEO)) == 2
    assert manifest(server)["spec"] == before["spec"]
    assert manifest(server)["metadata"]["annotations"] == {"team": "maps"}


def test_rollout_status_waits_for_the_rollout(hotel: World, kubectl_home: Path, tmp_path: Path) -> None:
    with serve(hotel, speed=300) as running:
        kubectl = kubectl_for(running, kubectl_home, tmp_path)
        ok(kubectl("rollout", "restart", "deploy", "geo"))
        assert "successfully rolled out" in ok(kubectl("rollout", "status", "deploy", "geo", "--timeout=20s"))
        ok(kubectl("delete", "pod", "-l", "app=geo", "--timeout=20s"))


def test_a_stateful_set_is_rolled_out_when_every_pod_is_new(hotel: World, kubectl_home: Path, tmp_path: Path) -> None:
    spec = (
        WEB.partition("---")[2]
        .replace("kind: Deployment", "kind: StatefulSet")
        .replace("spec:\n", "spec:\n  serviceName: web\n", 1)
    )
    with serve(hotel, speed=300) as running:
        kubectl = kubectl_for(running, kubectl_home, tmp_path)
        ok(kubectl("apply", "-f", "-", text=spec))
        assert "complete 2 pods" in ok(kubectl("rollout", "status", "sts", "web", "--timeout=20s"))
        ok(kubectl("set", "env", "sts/web", "A=2"))
        assert "complete 2 pods" in ok(kubectl("rollout", "status", "sts", "web", "--timeout=20s"))
        with running.touching() as world:
            pods = [p for p in world.store.owned(ObjectKey("StatefulSet", "hotel", "web")) if p.key.kind == "Pod"]
            assert [pod.spec.containers[0].env[0].value for pod in pods] == ["2", "2"]


def test_apply_creates_changes_and_prunes_fields(kubectl: Kubectl, server: RunningServer) -> None:
    web = ObjectKey("Deployment", "hotel", "web")
    assert ok(kubectl("apply", "-f", "-", text=WEB)).count("created") == 2
    assert ok(kubectl("apply", "-f", "-", text=WEB)).count("unchanged") == 2
    server.advance(30)
    assert "2/2" in ok(kubectl("get", "deploy", "web"))
    changed = WEB.replace(', {name: B, value: "2"}', "").replace(', b: "2"', "")
    assert ok(kubectl("apply", "-f", "-", text=changed)).count("configured") == 2
    assert manifest(server, ObjectKey("ConfigMap", "hotel", "mine"))["data"] == {"a": "1"}
    assert manifest(server, web)["spec"]["template"]["spec"]["containers"][0]["env"] == [{"name": "A", "value": "1"}]
    server.advance(30)
    ok(kubectl("rollout", "undo", "deploy", "web"))
    assert len(server.world.store.owned(web)) == 2  # kubectl rewrites quantities; that is no third revision
    assert {"name": "B", "value": "2"} in manifest(server, web)["spec"]["template"]["spec"]["containers"][0]["env"]


def test_dry_runs_change_nothing(kubectl: Kubectl, server: RunningServer) -> None:
    before, audited = server.world.store.state.objects, server.world.cluster.audit
    assert "(server dry run)" in ok(kubectl("apply", "-f", "-", "--dry-run=server", text=WEB))
    assert "(server dry run)" in ok(kubectl("scale", "deploy", "geo", "--replicas=0", "--dry-run=server"))
    assert "(server dry run)" in ok(kubectl("delete", "deploy", "geo", "--dry-run=server"))
    assert "(server dry run)" in ok(kubectl("set", "image", "deploy/geo", "geo=x", "--dry-run=server"))
    drained = ok(kubectl("drain", "node-1", "--dry-run=server", *DRAINED_ANYHOW))
    assert "drained (server dry run)" in drained
    assert server.world.store.state.objects == before
    assert server.world.cluster.audit is audited


def test_delete(kubectl: Kubectl, server: RunningServer) -> None:
    ok(kubectl("delete", "service", "geo"))
    assert manifest(server, ObjectKey("Service", "hotel", "geo")) is None
    ok(kubectl("delete", "pod", "-l", "app=geo", "--wait=false"))
    assert "Terminating" in ok(kubectl("get", "pods", "-l", "app=geo"))
    assert "Terminating (lasts" in ok(kubectl("describe", "pod", "-l", "app=geo"))
    ok(kubectl("delete", "deploy", "geo", "--wait=false"))
    server.advance(60)
    assert ok(kubectl("get", "pods", "-l", "app=geo")) == ""
    gone = kubectl("get", "deploy", "geo")
    assert gone.code == 1 and '(NotFound): deployments.apps "geo" not found' in gone.err


def test_logs_and_events(kubectl: Kubectl, server: RunningServer) -> None:
    assert "INFO frontend starting" in ok(kubectl("logs", "deploy/frontend"))
    ok(kubectl("set", "image", "deploy/geo", "geo=registry.example/hotel/geo:none"))
    server.advance(60)
    events = ok(kubectl("get", "events", "--field-selector", "type=Warning"))
    assert "Failed to pull image" in events and "Normal" not in events
    assert "ScalingReplicaSet" in ok(kubectl("events", "--for", "deployment/geo"))
    waiting = kubectl("logs", "-l", "app=geo", "--tail=1")
    assert "waiting to start" in waiting.err


def test_nodes_are_cordoned(kubectl: Kubectl, server: RunningServer) -> None:
    ok(kubectl("cordon", "node-1"))
    assert "SchedulingDisabled" in ok(kubectl("get", "node", "node-1"))
    ok(kubectl("uncordon", "node-1"))
    assert not manifest(server, ObjectKey("Node", "", "node-1"))["spec"].get("unschedulable")


def test_a_drained_node_is_empty_as_far_as_budgets_allow(hotel: World, kubectl_home: Path, tmp_path: Path) -> None:
    budget = {"selector": {"matchLabels": {"app": "frontend"}}, "minAvailable": 2}
    metadata = {"name": "two", "namespace": "hotel"}
    with serve(hotel, speed=300) as running:
        kubectl = kubectl_for(running, kubectl_home, tmp_path)
        body = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": metadata, "spec": budget}
        ok(kubectl("apply", "-f", "-", text=json.dumps(body)))
        with running.touching() as world:
            names = [node.key.name for node in world.store.list("Node")]
            pods = {name: [pod.key.name for pod in world.store.on_node(name)] for name in names}
        guarded = next(name for name in names if any("frontend" in pod for pod in pods[name]))
        refused = kubectl("drain", guarded, *DRAINED_ANYHOW, "--timeout=1s")
        assert refused.code == 1 and "disruption budget" in refused.err
        assert "frontend" in "".join(pod.key.name for pod in running.world.store.on_node(guarded))
        ok(kubectl("delete", "pdb", "two"))
        assert f"node/{guarded} drained" in ok(kubectl("drain", guarded, *DRAINED_ANYHOW, "--timeout=20s"))
        with running.touching() as world:
            assert world.store.on_node(guarded) == []


def test_typed_commands_are_understood(kubectl: Kubectl, server: RunningServer) -> None:
    """They send protobuf."""
    ok(kubectl("create", "namespace", "mine"))
    assert ok(kubectl("get", "ns", "mine", "-o", "name")) == "namespace/mine\n"
    assert "dry run" in ok(kubectl("create", "cm", "mine", "--from-literal=a=b", "--dry-run=server"))
    assert manifest(server, ObjectKey("ConfigMap", "hotel", "mine")) is None
    ok(kubectl("create", "cm", "mine", "--from-literal=a=b", "--from-literal=c="))
    assert manifest(server, ObjectKey("ConfigMap", "hotel", "mine"))["data"] == {"a": "b", "c": ""}
    ok(kubectl("create", "secret", "generic", "mine", "--from-literal=a=b"))
    assert manifest(server, ObjectKey("Secret", "hotel", "mine"))["data"] == {"a": "Yg=="}
    ok(kubectl("create", "service", "clusterip", "mine", "--tcp=80:http"))
    port = {"name": "80-http", "port": 80, "protocol": "TCP", "targetPort": "http"}
    assert manifest(server, ObjectKey("Service", "hotel", "mine"))["spec"]["ports"] == [port]
    made = ("create", "deployment", "mine", "--image=memcached:1.6.31", "--replicas=0", "--port=80")
    ok(kubectl(*made))
    spec = manifest(server, ObjectKey("Deployment", "hotel", "mine"))["spec"]
    assert spec["replicas"] == 0 and spec["selector"] == {"matchLabels": {"app": "mine"}}
    container = {"name": "memcached", "image": "memcached:1.6.31", "ports": [{"containerPort": 80}]}
    assert spec["template"]["spec"] == {"containers": [container]}
    assert "already exists" in kubectl(*made).err


def test_custom_objects_are_served_under_their_group(kubectl: Kubectl, server: RunningServer) -> None:
    metadata = {"name": "one", "namespace": "hotel"}
    with server.touching() as world:
        api.put(
            world, {"apiVersion": "example.org/v1", "kind": "Widget", "metadata": metadata, "spec": {"a": 1}}, "user"
        )
    assert ok(kubectl("get", "widgets.example.org", "-o", "name")) == "widget.example.org/one\n"
    ok(kubectl("patch", "widget.example.org", "one", "--type=merge", "-p", '{"spec":{"b":2}}'))
    assert manifest(server, ObjectKey("Widget", "hotel", "one"))["spec"] == {"a": 1, "b": 2}


def test_what_is_not_served_is_said(kubectl: Kubectl) -> None:
    assert "doesn't have a resource type" in kubectl("get", "nonsense").err
    assert "without --server-side" in kubectl("apply", "--server-side", "-f", "-", text=WEB).err
    assert "not supported" in kubectl("exec", "deploy/geo", "--", "ls").err
    assert "is invalid: " in kubectl("scale", "deploy", "geo", "--replicas=1000000").err
