"""The verbs beyond the plainest: what they write, what they refuse, and what an agent may not do whatever the verb."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_sim.adapters.simulated import SimulatedCluster
from stratus_sim.cluster import api, eviction, taints
from stratus_sim.cluster.actions import Action, InvalidAction, effects
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.kernel import SECOND_US
from stratus_sim.world import World
from stratus_spec.catalogue import VERBS
from tests.application.mesh import deployment, key, mesh
from tests.cluster import zoo
from tests.transaction import small


def after(world: World, verb: str, target: str = "deployment/a", **arguments: Any) -> dict[str, Any]:
    (write,) = effects(world, Action(verb, target, arguments))
    assert write.after is not None
    return dict(write.after)


def config(**fields: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, **fields}


def test_every_verb_of_the_catalogue_has_an_effect_or_says_why_not() -> None:
    for verb in VERBS:
        with pytest.raises(InvalidAction) as refused:
            effects(mesh(), Action(verb, "deployment/none"))
        assert not str(refused.value).startswith("verb "), verb


def test_exec_is_never_run() -> None:
    manager = small.begun(small.simulated())
    assert "never run" in manager.act(Action("exec", "pod/x", {"command": "rm -rf /"}, small.NAMESPACE)).reason


@pytest.mark.parametrize(
    ("patch", "why"),
    [
        ({"spec": {"selector": {"matchLabels": {"app": "b"}}}}, "is immutable"),
        ({"metadata": {"finalizers": ["x"]}}, "set but not set back"),
        ({"metadata": {"uid": "7"}}, "set by the server alone"),
        ({"status": {"replicas": 9}}, ""),
    ],
)
def test_what_no_agent_may_touch(patch: dict[str, Any], why: str) -> None:
    world = small.world()
    outcome = small.begun(SimulatedCluster(world)).act(
        Action("patch", "deployment/web", {"patch": patch}, small.NAMESPACE)
    )
    assert outcome.performed is (why == "") and why in outcome.reason


def test_what_others_call_their_owner_is_not_deleted() -> None:
    world = mesh()
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "1"}
    api.put(world, config(), "test")
    api.put(world, {**config(), "metadata": {"name": "y", "ownerReferences": [owner]}}, "test")
    with pytest.raises(InvalidAction, match="names ConfigMap/x in default as its owner"):
        effects(world, Action("delete", "configmap/x"))
    assert effects(world, Action("delete", "configmap/y"))


def test_apply_merges_and_removes_what_it_set_before() -> None:
    world = mesh()
    last = '{"data": {"a": "1", "gone": "1"}}'
    marks = {"name": "x", "annotations": {"kubectl.kubernetes.io/last-applied-configuration": last}}
    api.put(world, config(metadata=marks, data={"a": "1", "gone": "1", "others": "1"}), "test")
    applied = after(world, "apply", "configmap/x", manifest=config(data={"a": "2"}))
    assert applied["data"] == {"a": "2", "others": "1"}
    replaced = after(world, "replace", "configmap/x", manifest=config(data={"a": "2"}))
    assert replaced["data"] == {"a": "2"} and "annotations" not in replaced["metadata"]


def test_apply_merges_lists_by_name_only_where_it_knows_the_kind() -> None:
    world, own = mesh(), {"apiVersion": "example.com/v1", "kind": "Own", "metadata": {"name": "x"}}
    image = {"image": "a:2", "name": "a"}
    given = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}}
    side = {"image": "side:1", "name": "side"}
    template = after(world, "apply", manifest={**given, "spec": {"template": {"spec": {"containers": [side]}}}})
    assert {c["name"] for c in template["spec"]["template"]["spec"]["containers"]} == {"a", "side"}
    api.put(world, {**own, "spec": {"containers": [side]}}, "test")
    custom = after(world, "apply", "own/x", manifest={**own, "spec": {"containers": [image]}})
    assert custom["spec"]["containers"] == [image]


def test_a_rollout_goes_back_to_the_revision_that_is_named() -> None:
    world = mesh()
    for image in ("a:2", "a:3"):
        api.put(world, after(world, "set-image", image=image), "test")
        world.run_for(120 * SECOND_US)
    first, second = (after(world, "rollout-undo", **chosen) for chosen in ({"revision": 1}, {}))
    images = [made["spec"]["template"]["spec"]["containers"][0]["image"] for made in (first, second)]
    assert images[1] == "a:2" and images[0] not in ("a:2", "a:3")


def test_a_rollout_is_paused_and_resumed() -> None:
    world = mesh()
    paused = after(world, "rollout-pause")
    assert paused["spec"]["paused"] is True
    api.put(world, paused, "test")
    assert "paused" not in after(world, "rollout-resume")["spec"]
    for verb in ("rollout-restart", "rollout-undo", "rollout-pause"):
        with pytest.raises(InvalidAction, match="is paused: resume it first"):
            after(world, verb)


def test_what_else_a_node_says_is_kept() -> None:
    world, node = mesh(), ObjectKey("Node", "", "node-1")
    taint = {"key": "gpu", "effect": "NoSchedule"}
    spec = {"taints": [taint], "unschedulable": True, "providerID": "x"}
    api.put(world, {**world.store.state.objects[node].manifest, "spec": spec}, "test")
    assert after(world, "uncordon", "node/node-1")["spec"] == {"taints": [taint], "providerID": "x"}
    added = after(world, "taint", "node/node-1", taints=["a=b:NoSchedule"])["spec"]
    assert added == {**spec, "taints": [taint, {"key": "a", "value": "b", "effect": "NoSchedule"}]}


def test_a_label_is_set_as_text_and_taken_away() -> None:
    world = mesh()
    labelled = after(world, "label", labels={"tier": 2, "app": None})
    assert labelled["metadata"]["labels"]["tier"] == "2" and "app" not in labelled["metadata"]["labels"]


@pytest.mark.parametrize("target", ["a", "/a", "deployment/", "/"])
def test_a_target_has_a_kind_and_a_name(target: str) -> None:
    with pytest.raises(InvalidAction, match="expected kind/name"):
        _ = Action("scale", target).key


def test_a_node_without_a_spec_can_be_written_to() -> None:
    world = mesh()
    node = world.store.state.objects[ObjectKey("Node", "", "node-1")]
    api.put(world, {k: v for k, v in node.manifest.items() if k != "spec"}, "test")
    assert after(world, "uncordon", "node/node-1")["spec"] == {}
    assert after(world, "cordon", "node/node-1")["spec"] == {"unschedulable": True}
    added = after(world, "taint", "node/node-1", taints=["a=b:NoSchedule"])["spec"]["taints"]
    assert added == [{"key": "a", "value": "b", "effect": "NoSchedule"}]


@pytest.mark.parametrize(
    ("verb", "target", "arguments", "said"),
    [
        ("create", "deployment/a", {"manifest": zoo.manifest("Service", "a")}, "already exists"),
        ("replace", "configmap/x", {"manifest": config()}, "not found"),
        ("replace", "configmap/y", {"manifest": config()}, "the target"),
        ("patch", "deployment/a", {"patch": [{"op": "remove", "path": "/no"}], "type": "json"}, "remove /no"),
        ("patch", "deployment/a", {"patch": {}, "type": "other"}, "expected one of strategic, merge, json"),
        ("rollout-resume", "deployment/a", {}, "is not paused"),
        ("rollout-resume", "service/a", {}, "rollout-resume: a Service cannot be paused"),
        ("rollout-undo", "deployment/a", {"revision": 9}, "no rollout history"),
        ("expose", "deployment/nobody", {"port": 80}, '"nobody" not found'),
        ("autoscale", "deployment/nobody", {"max": 3}, '"nobody" not found'),
        ("rollout-pause", "service/a", {}, "cannot be paused"),
        ("set-probes", "deployment/a", {}, "at least one of"),
        ("cordon", "deployment/a", {}, "is no node"),
        ("taint", "node/node-1", {"taints": ["a:Sometimes"]}, "KEY=VALUE:EFFECT"),
        ("evict", "deployment/a", {}, "is no pod"),
        ("autoscale", "service/a", {"max": 3}, "has no replicas"),
        ("autoscale", "deployment/a", {"min": 4, "max": 3}, "is above max"),
        ("expose", "node/node-1", {"port": 80}, "selects no pods"),
    ],
)
def test_what_is_refused(verb: str, target: str, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidAction) as refused:
        effects(mesh(), Action(verb, target, arguments))
    assert said in str(refused.value)


def test_a_probe_is_replaced_as_a_whole() -> None:
    world = mesh()
    tcp, http = {"tcpSocket": {"port": 80}}, {"httpGet": {"port": 80}}
    api.put(world, after(world, "set-probes", readiness=tcp), "test")
    changed = after(world, "set-probes", readiness=http)
    assert changed["spec"]["template"]["spec"]["containers"][0]["readinessProbe"] == http
    api.put(world, changed, "test")
    assert after(world, "set-probes", readiness=None) == after(mesh(), "set-probes", readiness=None)


def test_taints_are_set_replaced_and_removed() -> None:
    world = mesh()
    tainted = after(world, "taint", "node/node-1", taints=["a=1:NoSchedule", "b:NoExecute", "a=2:NoSchedule"])
    assert tainted["spec"]["taints"] == [
        {"key": "b", "effect": "NoExecute"},
        {"key": "a", "value": "2", "effect": "NoSchedule"},
    ]
    api.put(world, tainted, "test")
    assert "taints" not in after(world, "taint", "node/node-1", taints=["a:NoSchedule-", "b:NoExecute-"])["spec"]


def test_a_taint_keeps_pods_away_and_sends_them_off() -> None:
    world = mesh(replicas=3)
    home = next(p.status.node for p in world.store.list("Pod"))
    api.put(world, after(world, "taint", f"node/{home}", taints=["x:NoExecute"]), "test")
    world.run_for(60 * SECOND_US)
    assert {p.status.node for p in world.store.list("Pod")} and not world.store.on_node(home)
    (first, *_) = world.store.list("Pod")
    tolerant = {
        **first.manifest,
        "spec": {**first.manifest["spec"], "tolerations": [{"key": "x", "operator": "Exists"}]},
    }
    node = world.store.state.objects[ObjectKey("Node", "", home)].manifest
    assert taints.untolerated(node, first, "NoExecute") == "{x: }"
    api.put(world, {**tolerant, "metadata": {"name": "tolerant", "namespace": "default"}}, "test")
    assert not taints.untolerated(node, world.store.state.objects[key("tolerant", "Pod")], "NoExecute")


def test_a_drain_cordons_and_evicts_within_the_budget() -> None:
    world = mesh(replicas=3)
    home = next(p.status.node for p in world.store.list("Pod"))
    written = effects(world, Action("drain", f"node/{home}"))
    assert written[0].after is not None and written[0].after["spec"]["unschedulable"] is True
    assert [w.after for w in written[1:]] == [None] * len(eviction.movable(world, written[0].key))
    budget = {"maxUnavailable": 0, "selector": {"matchLabels": {"app": "a"}}}
    meta = {"name": "a", "namespace": "default"}
    api.put(world, {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": meta, "spec": budget}, "test")
    pod = world.store.list("Pod")[0]
    with pytest.raises(InvalidAction, match="disruption budget: a"):
        effects(world, Action("evict", f"pod/{pod.key.name}"))
    outcome = small.begun(SimulatedCluster(world)).act(Action("drain", f"node/{home}"))
    assert "cannot be taken back" in outcome.reason


@pytest.mark.parametrize(
    ("spec", "allowed"),
    [
        ({"minAvailable": 2}, 1),
        ({"minAvailable": "50%"}, 1),
        ({"maxUnavailable": 2}, 2),
        ({"maxUnavailable": "34%"}, 2),
        ({}, 0),
    ],
)
def test_a_budget_allows_so_many_to_leave_together(spec: dict[str, Any], allowed: int) -> None:
    world = mesh(replicas=3)
    meta = {"name": "a", "namespace": "default"}
    full = {**spec, "selector": {"matchLabels": {"app": "a"}}}
    api.put(world, {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": meta, "spec": full}, "test")
    pods = world.store.list("Pod")
    assert [eviction.refusal(world, pods[:n]) for n in (1, 2, 3)] == ["" if n <= allowed else "a" for n in (1, 2, 3)]


def permitted(world: World, verb: str, target: str, **arguments: Any) -> bool:
    return SimulatedCluster(world).permitted(Action(verb, target, arguments))


def test_an_autoscaler_may_not_go_below_what_there_is_nor_be_the_second() -> None:
    world = mesh(replicas=3)
    assert permitted(world, "autoscale", "deployment/a", min=3, max=5)
    assert not permitted(world, "autoscale", "deployment/a", min=2, max=5)
    api.put(world, after(world, "autoscale", min=3, max=5, name="other"), "test")
    assert not permitted(world, "autoscale", "deployment/a", min=3, max=5)


def test_an_autoscaler_asks_for_no_more_than_would_come_up() -> None:
    world = mesh(replicas=3)
    assert permitted(world, "autoscale", "deployment/a", min=3, max=3)
    assert permitted(world, "autoscale", "deployment/a", min=3, max=20)
    assert not permitted(world, "autoscale", "deployment/a", min=3, max=400), "the nodes have no room for them together"
    api.put(world, after(world, "set-image", image="a:none"), "test")
    world.run_for(60 * SECOND_US)
    assert permitted(world, "autoscale", "deployment/a", min=3, max=3), "none is added"
    assert not permitted(world, "autoscale", "deployment/a", min=3, max=5), "a roll-out is stuck half-way"


def test_a_node_lets_go_only_whom_another_would_take() -> None:
    host = "kubernetes.io/hostname"
    world = mesh(extra=[deployment("pinned", nodeSelector={host: "node-1"})])
    assert permitted(world, "label", "node/node-1", labels={"colour": "blue"})
    assert permitted(world, "label", "node/node-1", labels={host: None}), "IgnoredDuringExecution"
    assert permitted(world, "taint", "node/node-1", taints=["a=b:NoSchedule"]), "nobody has to leave"
    assert not permitted(world, "taint", "node/node-1", taints=["a=b:NoExecute"])
    assert not permitted(world, "drain", "node/node-1")


def test_a_pod_nobody_would_make_again_is_not_sent_away() -> None:
    world = mesh()
    spec = {"containers": [{"name": "c", "image": "a:1"}], "nodeName": "node-1"}
    assert permitted(world, "taint", "node/node-1", taints=["a=b:NoExecute"])
    bare = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bare", "namespace": "default"}, "spec": spec}
    api.put(world, bare, "test")
    world.run_for(30 * SECOND_US)
    assert not permitted(world, "taint", "node/node-1", taints=["a=b:NoExecute"])


def test_an_account_somebody_runs_under_is_not_deleted() -> None:
    world = World(zoo.standing(paused=False))
    assert permitted(world, "delete", "serviceaccount/x")
    bare = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "default"}}
    api.put(world, {**bare, "spec": {"serviceAccountName": "x", "containers": [{"name": "c"}]}}, "test")
    assert not permitted(world, "delete", "serviceaccount/x")


def test_expose_and_autoscale_make_objects_of_their_own() -> None:
    world = mesh()
    exposed = after(world, "expose", port=8080, target_port=80, name="front")
    assert exposed["spec"] == {"selector": {"app": "a"}, "ports": [{"port": 8080, "targetPort": 80}]}
    scaler = after(world, "autoscale", min=1, max=4)
    assert scaler["spec"]["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"}
    assert (scaler["spec"]["minReplicas"], scaler["spec"]["maxReplicas"]) == (1, 4)
