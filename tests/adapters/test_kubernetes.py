"""The adapter on a served API keeps the cluster protocol: transactions, undo, foreign writes, fencing."""

from __future__ import annotations

import msgspec
import pytest

from stratus_sim.adapters.kubernetes.cluster import KubernetesCluster
from stratus_sim.adapters.kubernetes.foreign import writer_of
from stratus_sim.adapters.kubernetes.live import live_key
from stratus_sim.cluster import api
from stratus_sim.cluster.actions import Action, InvalidAction
from stratus_sim.cluster.configuration import ABSENT, Field
from stratus_sim.telemetry.severity import components
from stratus_sim.transaction.driver import validate_trace
from stratus_sim.transaction.ledger import UNKNOWN_WRITER
from stratus_sim.transaction.outcome import Verdict
from tests.adapters.proxy import proxied, redirected
from tests.adapters.served import Live
from tests.transaction import small

NOTE = Field(small.SETTINGS, ("data", "note"))


def annotate(text: str) -> Action:
    return Action("patch", "configmap/web", {"patch": {"data": {"note": text}}}, small.NAMESPACE)


def test_reads_what_was_written_and_not_what_the_server_adds(shop: Live) -> None:
    read = shop.cluster().configuration()
    assert (read(small.REPLICAS), read(small.GREETING)) == (2, "hello")
    for path in (("status", "replicas"), ("metadata", "uid"), ("metadata", "resourceVersion")):
        assert read(Field(small.WEB, path)) == ABSENT
    pod = next(found for found in shop.cluster().objects if found["kind"] == "Pod")
    assert read(Field(live_key(pod), ("kind",))) == ABSENT, "controllers made it"


def test_a_preview_is_a_dry_run(shop: Live) -> None:
    cluster, before = shop.cluster(), shop.everything()
    assert cluster.preview(small.scale(3)) == {small.REPLICAS: 3}
    assert cluster.preview(small.delete("configmap/web"))[small.GREETING] == ABSENT
    assert cluster.preview(small.create_settings("new", a="1"))
    assert shop.everything() == before
    with pytest.raises(InvalidAction, match="not found"):
        cluster.preview(small.delete("configmap/nobody"))


def test_a_good_transaction_commits_and_frees_the_lock(shop: Live) -> None:
    manager = small.begun(shop.cluster())
    assert shop.holder() == "mitigator"
    assert manager.act(small.scale(3)).performed
    assert manager.act(small.scale(4)).performed
    assert manager.submit().verdict is Verdict.COMMITTED
    assert shop.everything()[small.REPLICAS] == 4
    assert shop.holder() == ""
    validate_trace(manager.trace)


def test_a_worse_one_is_undone_exactly(shop: Live) -> None:
    """Changed fields, added fields, created and deleted objects: all as before."""
    before = shop.everything()
    manager = small.begun(shop.cluster())
    for action in (annotate("x"), small.create_settings("new", a="1"), small.scale(0), small.delete("configmap/web")):
        assert manager.act(action).performed
    assert shop.everything()[small.REPLICAS] == 0
    decision = manager.submit()
    assert (decision.verdict, decision.kept) == (Verdict.ABORTED, ())
    assert decision.live is not None and decision.live.components == 1000
    assert shop.everything() == before
    assert shop.holder() == ""
    validate_trace(manager.trace)


def test_a_foreign_write_survives_the_undo_and_is_reported(shop: Live) -> None:
    manager = small.begun(shop.cluster())
    assert manager.act(small.greet("bye")).performed
    assert manager.act(annotate("x")).performed
    shop.human(small.SETTINGS, data={"greeting": "moin", "note": "x"})
    decision = manager.abandon("enough")
    assert [write.field for write in decision.kept] == [small.GREETING]
    now = shop.everything()
    assert now[small.GREETING] == "moin"
    assert NOTE not in now


def test_a_field_changed_and_changed_back_is_foreign(shop: Live) -> None:
    """Identity decides, not value: a watch tells of both writes."""
    manager = small.begun(shop.cluster())
    assert manager.act(small.greet("bye")).performed
    for text in ("moin", "bye"):
        shop.human(small.SETTINGS, data={"greeting": text})
    assert [write.field for write in manager.abandon("enough").kept] == [small.GREETING]
    assert shop.everything()[small.GREETING] == "bye"


def test_without_a_watch_what_differs_is_foreign(shop: Live, tmp_path) -> None:
    """A server that has forgotten the versions in between (410) leaves two readings to compare."""
    with proxied(shop.server.url, lambda _method, path: 410 if "watch=true" in path else None) as url:
        config = redirected(shop.kubeconfig, url, tmp_path / "proxied")
        manager = small.begun(shop._replace(kubeconfig=config).cluster())
        assert manager.act(small.greet("bye")).performed
        assert manager.act(annotate("x")).performed
        shop.human(small.SETTINGS, data={"greeting": "moin", "note": "x"})
        assert [write.field for write in manager.abandon("enough").kept] == [small.GREETING]


def test_status_alone_is_nobodys_write(shop: Live) -> None:
    cluster = shop.cluster()
    manager = small.begun(cluster)
    assert manager.act(small.scale(3)).performed
    shop.server.advance(60)
    assert cluster.changes(0) == []


def test_a_write_meets_an_object_changed_just_now(shop: Live) -> None:
    """Between preview and write: the version it was decided on is named, and the server refuses."""
    cluster = shop.cluster()
    grant = cluster.acquire("mitigator")
    assert grant is not None
    cluster.preview(small.greet("bye"))
    shop.human(small.SETTINGS, data={"greeting": "moin"})
    with pytest.raises(InvalidAction, match="changed by somebody else"):
        cluster.perform(small.greet("bye"), grant)
    assert shop.everything()[small.GREETING] == "moin"


def test_a_newer_status_does_not_stop_a_write(shop: Live) -> None:
    cluster = shop.cluster()
    grant = cluster.acquire("mitigator")
    assert grant is not None
    cluster.preview(small.scale(3))
    with shop.server.touching() as world:
        web = world.store.get(small.WEB)
        assert web is not None
        world.store.report(small.WEB, msgspec.structs.replace(web.status, since_us=web.status.since_us + 1))
    cluster.perform(small.scale(3), grant)
    assert shop.everything()[small.REPLICAS] == 3


def test_undo_leaves_what_was_written_since_the_last_look(shop: Live) -> None:
    """Compare and set: the foreign write falls between the look and the write that puts back."""
    cluster = shop.cluster()
    grant = cluster.acquire("undoer")
    assert grant is not None
    cluster.preview(small.greet("bye"))
    cluster.perform(small.greet("bye"), grant)
    shop.human(small.SETTINGS, data={"greeting": "moin", "other": "1"})
    cluster.restore({small.GREETING: "hello"}, grant)
    assert shop.everything()[small.GREETING] == "moin"


def test_foreign_writes_are_numbered_and_told_once(shop: Live) -> None:
    cluster = shop.cluster()
    for count, text in enumerate(("moin", "servus"), start=1):
        seen = cluster.last_change()
        shop.human(small.SETTINGS, data={"greeting": text})
        (change,) = cluster.changes(seen)
        assert (change.number, change.writer, dict(change.fields)) == (count, UNKNOWN_WRITER, {small.GREETING: text})
        assert cluster.last_change() == count and cluster.changes(count) == []


def test_a_write_is_signed_by_who_changed_configuration_last() -> None:
    entries = [
        {"manager": "kubectl", "operation": "Apply", "time": "2025-01-01T00:00:00Z"},
        {"manager": "argocd", "operation": "Update", "time": "2025-01-01T00:00:05Z"},
        {"manager": "kubelet", "operation": "Update", "time": "2025-01-01T00:00:09Z", "subresource": "status"},
    ]
    assert writer_of({"metadata": {"managedFields": entries}}) == "argocd"
    assert writer_of({"metadata": {}}) == writer_of({"metadata": {"managedFields": entries[2:]}}) == UNKNOWN_WRITER


def test_what_is_no_valid_object_is_refused_before_the_server_is_asked(shop: Live) -> None:
    wrong = Action("patch", "deployment/web", {"patch": {"spec": {"replicas": "many"}}}, small.NAMESPACE)
    with pytest.raises(InvalidAction, match="replicas"):
        shop.cluster().preview(wrong)


@pytest.mark.parametrize(("verb", "kind"), [("delete", "ReplicaSet"), ("delete", "EndpointSlice"), ("patch", "Pod")])
def test_what_a_controller_owns_is_changed_through_its_owner(verb: str, kind: str, shop: Live) -> None:
    cluster = shop.cluster() if kind != "EndpointSlice" else msgspec.structs.replace(shop.target, kinds=(kind,)).open()
    name = next(found["metadata"]["name"] for found in cluster.objects if found["kind"] == kind)
    arguments = {"patch": {"metadata": {"labels": {"x": "y"}}}} if verb == "patch" else {}
    with pytest.raises(InvalidAction, match="change its owner instead"):
        cluster.preview(Action(verb, f"{kind}/{name}", arguments, small.NAMESPACE))


def test_a_system_at_rest_is_healthy(shop: Live) -> None:
    assert shop.cluster().healthy()


def _gone(shop: Live) -> None:
    with shop.server.touching() as world:
        api.delete(world, small.SETTINGS, "human")


def test_what_was_deleted_just_now_is_neither_written_nor_put_back(shop: Live) -> None:
    writer, restorer = shop.cluster(), shop.cluster()
    grant = writer.acquire("mitigator")
    assert grant is not None
    writer.preview(small.greet("bye"))
    _gone(shop)
    with pytest.raises(InvalidAction, match="changed by somebody else just now"):
        writer.perform(small.greet("bye"), grant)
    restorer.restore({small.GREETING: "bye"}, grant)
    assert small.GREETING not in shop.everything()
    assert not any(found["metadata"]["name"] == "web" for found in restorer.objects if found["kind"] == "ConfigMap")


def test_severity_is_the_simulators_own(shop: Live) -> None:
    cluster = shop.cluster()
    shop.human(small.WEB, spec={**shop.server.world.store.state.objects[small.WEB].manifest["spec"], "replicas": 0})
    shop.server.advance(30)
    assert cluster.severity().scalar == components(shop.server.world) == 1000
    assert not cluster.healthy()


def test_a_lost_node_counts(shop: Live) -> None:
    cluster = shop.cluster()
    with shop.server.touching() as world:
        world.schedule(0, "node.crash", world.store.list("Node")[0].key.name)
    shop.server.advance(60)
    assert cluster.severity().scalar == components(shop.server.world) >= 1000


def test_the_mirror_knows_revisions_and_conditions(shop: Live) -> None:
    cluster = shop.cluster()
    image = Action("set-image", "deployment/web", {"image": "shop/web:2"}, small.NAMESPACE)
    grant = cluster.acquire("mitigator")
    assert grant is not None
    cluster.preview(image)
    cluster.perform(image, grant)
    shop.server.advance(60)
    fresh = shop.cluster()
    undo = fresh.preview(Action("rollout-undo", "deployment/web", {}, small.NAMESPACE))
    assert set(undo.values()) == {"shop/web:1"}
    assert fresh.permitted(Action("rollout-restart", "deployment/web", {}, small.NAMESPACE)), "shop/web:1 serves on"
    assert not fresh.permitted(small.scale(1)), "a pod of shop/web:1 would be gone for good"
    assert fresh.permitted(Action("delete", _old_pod(fresh), {}, small.NAMESPACE)) is False


def test_the_mirror_counts_on_no_pod_that_is_being_deleted(shop: Live) -> None:
    one, other = (pod.key for pod in shop.server.world.store.list("Pod"))
    delete = small.delete(f"pod/{other.name}")
    assert shop.cluster().permitted(delete)
    with shop.server.touching() as world:
        world.store.mark_deleting(one)
    fresh = shop.cluster()
    assert one in {live_key(found) for found in fresh.objects}
    assert not fresh.permitted(delete), "nobody would serve"


def _old_pod(cluster: KubernetesCluster) -> str:
    """A pod of the broken revision: a twin serves, and yet no new one could start."""
    pods = [o for o in cluster.objects if o["kind"] == "Pod"]
    return next(f"pod/{o['metadata']['name']}" for o in pods if o["spec"]["containers"][0]["image"] == "shop/web:2")


def test_a_redacted_secret_is_not_written(shop: Live) -> None:
    metadata = {"name": "key", "namespace": small.NAMESPACE}
    shop.put({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"token": "s3cret"}})
    patch = Action("patch", "secret/key", {"patch": {"data": {"token": "bmV3"}}}, small.NAMESPACE)
    with pytest.raises(InvalidAction, match="redacted"):
        shop.cluster().preview(patch)
