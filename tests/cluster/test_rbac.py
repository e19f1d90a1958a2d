"""Role-based access control: the pure rule, and writes under a user's name."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_sim.cluster import api
from stratus_sim.cluster.admission.registry import Denied
from stratus_sim.cluster.rbac import MASTERS, Access, User, can, service_account
from stratus_sim.genesis import deploy
from stratus_sim.manifests.application import describe
from stratus_sim.manifests.load import Manifests
from stratus_sim.world import World
from tests.cluster.workloads import change, cluster, get, key, members, reasons, template, workload

Json = dict[str, Any]
ANN = User("ann", ("ops",))
VERSION = "rbac.authorization.k8s.io/v1"


def rule(*verbs: str, on: str = "deployments", group: str = "apps", **fields: Any) -> Json:
    return {"verbs": list(verbs), "resources": [on], "apiGroups": [group], **fields}


def role(*rules: Json, kind: str = "Role", name: str = "r", **fields: Any) -> Json:
    metadata = {"name": name, **({"namespace": "default"} if kind == "Role" else {}), **fields.pop("metadata", {})}
    return {"apiVersion": VERSION, "kind": kind, "metadata": metadata, "rules": list(rules), **fields}


def binding(subject: Json, kind: str = "RoleBinding", to: str = "Role", name: str = "r") -> Json:
    metadata = {"name": "b", **({"namespace": "default"} if kind == "RoleBinding" else {})}
    reference = {"kind": to, "name": name, "apiGroup": "rbac.authorization.k8s.io"}
    return {"apiVersion": VERSION, "kind": kind, "metadata": metadata, "roleRef": reference, "subjects": [subject]}


def asks(world: World, verb: str, resource: str = "deployments", namespace: str = "default", **fields: Any) -> bool:
    group = "" if resource.startswith("pods") else "apps"
    return can(world, fields.pop("user", ANN), Access(verb, group, resource, namespace, **fields))


ANNS: Json = {"kind": "User", "name": "ann"}


@pytest.mark.parametrize(
    "subject", [ANNS, {"kind": "Group", "name": "ops"}, {"kind": "Group", "name": "system:authenticated"}]
)
def test_a_role_holds_in_its_namespace_for_its_subjects(subject: Json) -> None:
    world = cluster(role(rule("get", "update")), binding(subject))
    assert asks(world, "get") and asks(world, "update")
    assert not asks(world, "delete")
    assert not asks(world, "get", namespace="other")
    assert not asks(world, "get", "statefulsets")


def test_strangers_may_nothing_and_masters_everything() -> None:
    world = cluster(role(rule("*")), binding(ANNS))
    assert not asks(world, "get", user=User("bob"))
    assert asks(world, "delete", namespace="other", user=User("root", (MASTERS,)))


def test_a_cluster_role_holds_where_it_is_bound() -> None:
    near = cluster(role(rule("get"), kind="ClusterRole"), binding(ANNS, to="ClusterRole"))
    assert asks(near, "get") and not asks(near, "get", namespace="other")
    everywhere = cluster(role(rule("get"), kind="ClusterRole"), binding(ANNS, "ClusterRoleBinding", "ClusterRole"))
    assert asks(everywhere, "get", namespace="other") and asks(everywhere, "get", namespace="")


def test_a_service_account_is_a_user_in_groups() -> None:
    world = cluster(role(rule("get")), binding({"kind": "ServiceAccount", "name": "s", "namespace": "default"}))
    assert asks(world, "get", user=service_account("default", "s"))
    assert not asks(world, "get", user=service_account("other", "s"))
    grouped = cluster(role(rule("get")), binding({"kind": "Group", "name": "system:serviceaccounts:default"}))
    assert asks(grouped, "get", user=service_account("default", "s"))
    assert not asks(grouped, "get", user=service_account("other", "s"))
    assert not asks(grouped, "get", user=User("x:system:serviceaccount:default:s"))


def test_names_and_subresources_narrow_a_rule() -> None:
    world = cluster(role(rule("get", resourceNames=["w"]), rule("get", on="pods/log", group="")), binding(ANNS))
    assert asks(world, "get", name="w") and not asks(world, "get", name="v") and not asks(world, "get")
    assert asks(world, "get", "pods/log") and not asks(world, "get", "pods")


def test_an_aggregated_role_has_the_rules_of_those_it_selects() -> None:
    selected = role(rule("get"), kind="ClusterRole", name="part", metadata={"labels": {"add": "yes"}})
    whole = role(
        kind="ClusterRole", aggregationRule={"clusterRoleSelectors": [{"matchLabels": {"add": "yes"}}]}
    )  # fmt: skip
    assert asks(cluster(selected, whole, binding(ANNS, to="ClusterRole")), "get")
    assert not asks(cluster(whole, binding(ANNS, to="ClusterRole")), "get")


def test_an_aggregated_role_has_none_of_its_own_and_what_those_it_selects_aggregate() -> None:
    def adding(name: str, mark: str, wanted: str, *own: Json) -> Json:
        selectors = {"clusterRoleSelectors": [{"matchLabels": {"add": wanted}}]}
        return role(*own, kind="ClusterRole", name=name, metadata={"labels": {"add": mark}}, aggregationRule=selectors)

    part = role(rule("get"), kind="ClusterRole", name="part", metadata={"labels": {"add": "last"}})
    circle = [adding("r", "first", "second", rule("delete")), adding("s", "second", "first"), part]
    world = cluster(*circle, adding("t", "second", "last"), binding(ANNS, to="ClusterRole"))
    assert asks(world, "get")
    assert not asks(world, "delete")


@pytest.mark.parametrize(
    ("name", "may", "may_not"),
    [
        ("view", [("get", "pods"), ("list", "deployments")], [("get", "secrets"), ("delete", "pods")]),
        ("edit", [("get", "secrets"), ("update", "deployments"), ("create", "pods/exec")], [("create", "roles")]),
        ("admin", [("delete", "pods"), ("create", "roles")], [("update", "resourcequotas"), ("update", "endpoints")]),
        ("cluster-admin", [("escalate", "clusterroles"), ("update", "nodes")], []),
        ("viewer", [], [("get", "pods")]),
    ],
)
def test_the_roles_every_cluster_starts_with(name: str, may: list[Any], may_not: list[Any]) -> None:
    world = cluster(binding(ANNS, to="ClusterRole", name=name))
    groups = {"deployments": "apps", "roles": "rbac.authorization.k8s.io", "clusterroles": "rbac.authorization.k8s.io"}

    def allowed(verb: str, resource: str) -> bool:
        return can(world, ANN, Access(verb, groups.get(resource, ""), resource, "default"))

    assert [one for one in may if not allowed(*one)] == []
    assert [one for one in may_not if allowed(*one)] == []
    own = role(rule("get"), kind="ClusterRole", name=name)
    assert not asks(cluster(own, binding(ANNS, to="ClusterRole", name=name)), "list"), "objects count where they are"


def test_a_refusal_names_the_roles_that_bindings_refer_to_and_nobody_made() -> None:
    world = cluster(binding(ANNS), workload("Deployment"))
    said = 'cannot delete resource "deployments" in API group "apps" in the namespace "default"'
    role_lost = 'role.rbac.authorization.k8s.io "r" not found'
    other = 'clusterrole.rbac.authorization.k8s.io "c" not found'

    def refusal() -> str:
        with pytest.raises(Denied) as refused:
            api.delete(world, key("Deployment"), "ann", user=ANN)
        return str(refused.value)

    assert refusal().endswith(f"{said}: RBAC: {role_lost}")
    api.put(world, binding(ANNS, "ClusterRoleBinding", "ClusterRole", "c"), "user")
    assert refusal().endswith(f"{said}: RBAC: [{other}, {role_lost}]")
    api.put(world, binding({"kind": "User", "name": "bob"}), "user")
    assert refusal().endswith(f"{said}: RBAC: {other}")
    api.put(world, binding(ANNS, "ClusterRoleBinding", "ClusterRole", "view"), "user")
    assert refusal().endswith(said), "one of those that are there anyway"


def test_a_write_under_a_users_name_needs_the_right_to_it() -> None:
    world = cluster(workload("Deployment"), role(rule("update")), binding(ANNS))
    found = get(world, "Deployment").manifest
    api.put(world, {**found, "spec": {**found["spec"], "replicas": 2}}, "ann", user=ANN)
    assert get(world, "Deployment").spec.replicas == 2
    with pytest.raises(Denied) as refused:
        api.delete(world, key("Deployment"), "ann", user=ANN)
    assert str(refused.value) == (
        'deployments.apps "w" is forbidden: User "ann" cannot delete resource "deployments" '
        'in API group "apps" in the namespace "default"'
    )
    with pytest.raises(Denied, match="cannot create resource"):
        api.put(world, workload("Deployment", "v"), "ann", user=ANN)
    change(world, "Deployment", replicas=1)  # nobody in particular: nobody is asked


def test_a_pod_without_its_service_account_is_refused() -> None:
    world = cluster(workload("Deployment", template=template(serviceAccountName="s")), seconds=5)
    assert members(world, "Deployment") == []
    (owner,) = world.store.list("ReplicaSet")
    assert set(reasons(world, "ReplicaSet", owner.key.name)) == {"FailedCreate"}
    said = {e.message.partition("forbidden: ")[2] for e in world.cluster.events.values() if e.reason == "FailedCreate"}
    assert said == {'error looking up service account default/s: serviceaccount "s" not found'}
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "s", "namespace": "default"}}
    api.put(world, account, "user")
    world.run_for(10_000_000)
    assert len(members(world, "Deployment")) == 1


def test_every_namespace_has_its_default_account() -> None:
    world = cluster(workload("Deployment", template=template(serviceAccountName="default")), seconds=5)
    assert len(members(world, "Deployment")) == 1


def test_an_account_may_be_listed_after_the_pod_that_needs_it() -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "default"}}
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "s", "namespace": "default"}}
    manifests = Manifests(({**pod, "spec": template(serviceAccountName="s")["spec"]}, account))
    world = deploy(manifests, describe(manifests))
    assert [found.key.name for found in world.store.list("Pod")] == ["p"]


def of_rbac(*verbs: str, on: str = "roles", **fields: Any) -> Json:
    return rule(*verbs, on=on, group="rbac.authorization.k8s.io", **fields)


WRITES = [of_rbac("create", "update"), of_rbac("create", "update", on="rolebindings")]


def holding(*rules: Json) -> World:
    """A world in which ann may write roles and bindings, and what the rules say."""
    named = {"name": "own", "namespace": "default"}
    return cluster(role(*WRITES, *rules, name="own"), {**binding(ANNS, name="own"), "metadata": named})


def of_url(url: str) -> Json:
    return {"verbs": ["get"], "nonResourceURLs": [url]}


@pytest.mark.parametrize(
    ("own", "given", "may"),
    [
        (rule("get", "update"), rule("get"), True),
        (rule("*"), rule("get", "delete"), True),
        (rule("get"), rule("get", "update"), False),
        (rule("get", "delete"), rule("*"), False),
        (rule("get"), rule("get", on="statefulsets"), False),
        (rule("get", on="*"), rule("get", on="statefulsets"), True),
        (rule("get", resourceNames=["a"]), rule("get", resourceNames=["a"]), True),
        (rule("get", resourceNames=["a"]), rule("get"), False),
        (rule("get"), rule("get", resourceNames=["a"]), True),
        (of_rbac("escalate"), rule("*"), True),
        (of_rbac("escalate", resourceNames=["r"]), rule("*"), True),
        (of_rbac("escalate", resourceNames=["other"]), rule("*"), False),
        (of_url("/health*"), of_url("/healthz"), True),
        (of_url("/healthz"), of_url("/health*"), False),
    ],
)
def test_nobody_gives_away_what_he_has_not(own: Json, given: Json, may: bool) -> None:
    world = holding(own)
    if may:
        api.put(world, role(given), "ann", user=ANN)
        return
    with pytest.raises(Denied, match=r'"r" is forbidden: user "ann" .* is attempting to grant RBAC permissions not'):
        api.put(world, role(given), "ann", user=ANN)
    assert world.store.get(key("Role", "r")) is None


def test_a_refusal_lists_the_rules_that_are_not_held() -> None:
    with pytest.raises(Denied) as refused:
        api.put(holding(), role(rule("get", "list"), WRITES[0]), "ann", user=ANN)
    assert str(refused.value) == (
        'roles.rbac.authorization.k8s.io "r" is forbidden: user "ann" (groups=["ops" "system:authenticated"]) is '
        "attempting to grant RBAC permissions not currently held:\n"
        '{APIGroups:["apps"], Resources:["deployments"], Verbs:["get" "list"]}'
    )


def test_who_binds_a_role_holds_it_or_may_bind_it() -> None:
    powerful = role(rule("*"), name="powerful")
    bound = binding({"kind": "User", "name": "bob"}, name="powerful")
    for own, may in ((rule("get"), False), (rule("*"), True), (of_rbac("bind", resourceNames=["powerful"]), True)):
        world = holding(own)
        api.put(world, powerful, "admin")
        if may:
            api.put(world, bound, "ann", user=ANN)
            continue
        with pytest.raises(Denied, match="not currently held"):
            api.put(world, bound, "ann", user=ANN)
    api.put(holding(), powerful, "root", user=User("root", (MASTERS,)))


def test_an_aggregated_role_is_written_by_who_has_everything() -> None:
    aggregated = role(kind="ClusterRole", name="all", aggregationRule={"clusterRoleSelectors": []})
    writer = role(of_rbac("create", on="clusterroles"), kind="ClusterRole", name="own")
    everywhere = binding(ANNS, "ClusterRoleBinding", "ClusterRole", "own")
    with pytest.raises(Denied, match="not currently held"):
        api.put(cluster(writer, everywhere), aggregated, "ann", user=ANN)
    almighty = role(rule("*", on="*", group="*"), kind="ClusterRole", name="own")
    api.put(cluster(almighty, everywhere), aggregated, "ann", user=ANN)
