"""kubectl where it asks rather than changes, and where it sends protobuf: `create`, `top`, `auth can-i`, `logs`."""

from __future__ import annotations

import json
import threading
import time

from stratus_sim.cluster import api
from stratus_sim.cluster.nodes import crash
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.serve import RunningServer
from tests.serve.conftest import Ran
from tests.serve.test_kubectl import Kubectl, manifest, ok

TYPED = {
    "job once --image=memcached:1.6.31 -- sleep 5": ObjectKey("Job", "hotel", "once"),
    "cronjob nightly --image=memcached:1.6.31 --schedule=@daily": ObjectKey("CronJob", "hotel", "nightly"),
    "job now --from=cronjob/nightly": ObjectKey("Job", "hotel", "now"),
    "quota room --hard=pods=50,limits.cpu=9 --scopes=NotTerminating": ObjectKey("ResourceQuota", "hotel", "room"),
    "role reader --verb=get,list --resource=pods,deployments.apps": ObjectKey("Role", "hotel", "reader"),
    "rolebinding r --role=reader --serviceaccount=hotel:default --user=ann": ObjectKey("RoleBinding", "hotel", "r"),
    "clusterrole watcher --verb=watch --resource=nodes": ObjectKey("ClusterRole", "", "watcher"),
    "clusterrolebinding w --clusterrole=watcher --group=ops": ObjectKey("ClusterRoleBinding", "", "w"),
    "pdb geo --selector=app=geo --max-unavailable=50%": ObjectKey("PodDisruptionBudget", "hotel", "geo"),
    "priorityclass high --value=1000": ObjectKey("PriorityClass", "", "high"),
    "ingress web --rule=foo.example/*=frontend:5000,tls=cert": ObjectKey("Ingress", "hotel", "web"),
}


def test_what_typed_commands_create_is_what_they_print(kubectl: Kubectl, server: RunningServer) -> None:
    """Their dry run prints as JSON what they send as protobuf."""
    for line, key in TYPED.items():
        words = line.split()
        flags = words.index("--") if "--" in words else len(words)
        printed = ok(kubectl("create", *words[:flags], "--dry-run=client", "-o", "json", *words[flags:]))
        ok(kubectl("create", *words))
        wanted, made = json.loads(printed), manifest(server, key)
        for part in ("spec", "rules", "subjects", "roleRef", "value"):
            assert bare(made.get(part)) == bare(wanted.get(part)), (line, part)


def bare(value: object) -> object:
    """Without what is null or empty: to the API server that is as if it were not there."""
    if isinstance(value, dict):
        return {k: found for k, v in value.items() if (found := bare(v)) not in (None, {}, [], "")}
    return [bare(item) for item in value] if isinstance(value, list) else value


def test_jobs_and_quotas_that_were_created_are_at_work(kubectl: Kubectl, server: RunningServer) -> None:
    ok(kubectl("create", "job", "once", "--image=memcached:1.6.31", "--", "sleep", "5"))
    ok(kubectl("create", "quota", "room", "--hard=configmaps=2"))
    server.advance(30)
    assert ok(kubectl("get", "jobs", "once", "--no-headers")).split()[:3] == ["once", "Complete", "1/1"]
    assert "exceeded quota: room" in kubectl("create", "cm", "more").err


def test_autoscale_and_top(kubectl: Kubectl, server: RunningServer) -> None:
    ok(kubectl("autoscale", "deploy", "geo", "--min=2", "--max=3", "--cpu-percent=50"))
    server.advance(60)
    lines = ok(kubectl("top", "pods", "-l", "app=geo", "--no-headers")).splitlines()
    assert len(lines) == 2 and all(line.startswith("geo-") and line.split()[1].endswith("m") for line in lines)
    pods = ok(kubectl("top", "pods", "--containers", "--no-headers")).splitlines()
    nodes = [line.split() for line in ok(kubectl("top", "nodes", "--no-headers")).splitlines()]
    used, sums = (sum(int(row[at].rstrip("Mi")) for row in rows) for rows, at in (
        ([line.split() for line in pods], 3), (nodes, 3),
    ))  # fmt: skip
    assert used == sums > 0
    with server.touching() as world:
        crash(world, "node-1")
    server.advance(60)
    rows = dict(line.split()[:2] for line in ok(kubectl("top", "nodes", "--no-headers")).splitlines())
    assert [name for name, used in rows.items() if used == "<unknown>"] == ["node-1"]


def test_can_i(kubectl: Kubectl) -> None:
    assert ok(kubectl("auth", "can-i", "delete", "pods")) == "yes\n"
    default = "--as=system:serviceaccount:hotel:default"
    assert kubectl("auth", "can-i", "list", "pods", default).out == "no\n"
    ok(kubectl("create", "role", "reader", "--verb=list", "--resource=pods,pods/log"))
    ok(kubectl("create", "rolebinding", "readers", "--role=reader", "--serviceaccount=hotel:default"))
    answers = {
        ("list", "pods"): "yes", ("delete", "pods"): "no", ("list", "pods", "-n", "default"): "no",
        ("list", "pods", "--subresource=log"): "yes", ("list", "nodes"): "no",
    }  # fmt: skip
    assert {what: kubectl("auth", "can-i", *what, default).out.strip() for what in answers} == answers
    assert "pods" in ok(kubectl("auth", "can-i", "--list", default))
    assert "kubernetes-admin" in ok(kubectl("auth", "whoami"))
    ok(kubectl("get", "pods", default))
    said = kubectl("delete", "pods", "--all", default).err
    assert 'cannot deletecollection resource "pods"' in said or 'cannot delete resource "pods"' in said
    assert (
        'User "system:serviceaccount:hotel:default" cannot get resource "nodes" in API group ""'
        in kubectl("get", "node", "node-1", default).err
    )


def test_logs_are_cut_and_stamped_as_asked(kubectl: Kubectl, server: RunningServer) -> None:
    server.advance(60)
    whole = ok(kubectl("logs", "deploy/geo")).splitlines()
    assert ok(kubectl("logs", "deploy/geo", "--tail=3")).splitlines() == whole[-3:]
    late = ok(kubectl("logs", "deploy/geo", "--since=10s")).splitlines()
    assert 0 < len(late) <= 11 and late == whole[-len(late) :]
    assert len(ok(kubectl("logs", "deploy/geo", "--limit-bytes=100"))) == 100
    stamped = ok(kubectl("logs", "deploy/geo", "--tail=2", "--timestamps")).splitlines()
    assert [line.partition(" ")[2] for line in stamped] == whole[-2:]
    assert all(line.partition("Z ")[0].partition(".")[0] + "Z" == line.split()[1] for line in stamped)


def test_a_log_is_followed_until_its_container_ends(kubectl: Kubectl, server: RunningServer) -> None:
    followed: list[Ran] = []
    before = ok(kubectl("logs", "deploy/geo", "--tail=1"))
    thread = threading.Thread(target=lambda: followed.append(kubectl("logs", "-f", "deploy/geo", "--tail=1")))
    thread.start()
    time.sleep(1)  # kubectl has begun to read: nothing tells that from outside
    server.advance(5)
    time.sleep(0.5)
    with server.touching() as world:
        (pod,) = [key for key in world.store.keys("Pod") if key.name.startswith("geo-")]
        api.delete(world, pod, "test")
    server.advance(60)
    thread.join(timeout=20)
    lines = ok(followed[0]).splitlines()
    assert lines[0] == before.strip() and len(lines) >= 4
    stamps = [line.partition(" ")[0] for line in lines]
    assert stamps == sorted(stamps) and len({*lines}) == len(lines)
    assert thread.is_alive() is False
