"""Writes that cross with somebody else's, again and again or at the worst moment: none is lost, all is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from stratus_sim.adapters.kubernetes import lease
from stratus_sim.adapters.kubernetes.cluster import KubernetesCluster
from stratus_sim.adapters.kubernetes.lease import LeaseLock
from stratus_sim.adapters.kubernetes.target import target_of
from stratus_sim.adapters.kubernetes.writing import Conflict, Writer
from stratus_sim.cluster.actions import Action, InvalidAction
from stratus_sim.cluster.configuration import ABSENT, Field
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.errors import UserError
from stratus_sim.transaction import records as r
from stratus_sim.transaction.cluster import Grant, StaleToken
from stratus_sim.transaction.driver import validate_trace
from stratus_sim.transaction.journal import MemoryJournal
from stratus_sim.transaction.outcome import Verdict
from stratus_sim.transaction.recovery import recover
from tests.adapters.proxy import Answer, proxied, redirected
from tests.adapters.served import Live
from tests.transaction import small

NEW = ObjectKey("ConfigMap", small.NAMESPACE, "new")


def granted(cluster: KubernetesCluster, agent: str = "mitigator") -> Grant:
    grant = cluster.acquire(agent)
    assert grant is not None
    return grant


def always_late(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Every write meets a newer version; the list has one entry a try, whether it was a dry run."""
    tries: list[bool] = []

    def write(self: Writer, *_what: Any, dry_run: bool = False) -> Any:
        tries.append(dry_run)
        raise Conflict("a newer version")

    monkeypatch.setattr(Writer, "write", write)
    return tries


def test_what_is_written_to_all_the_time_is_given_up_after_a_few_tries(
    shop: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, checks = shop.cluster(), list[Grant]()
    grant, check = granted(cluster), LeaseLock.check
    cluster.preview(small.scale(3))
    monkeypatch.setattr(LeaseLock, "check", lambda self, held: (checks.append(held), check(self, held))[1])
    tries = always_late(monkeypatch)
    with pytest.raises(InvalidAction, match="written to all the time: nothing was written"):
        cluster.perform(small.scale(3), grant)
    assert len(tries) == 5 and len(checks) == 6, "the lock is asked for before every try"
    tries.clear()
    with pytest.raises(UserError, match="could not be restored yet"):
        cluster.restore({small.REPLICAS: 7}, grant)
    assert len(tries) == 5
    tries.clear()
    with pytest.raises(InvalidAction, match="written to all the time"):
        cluster.preview(small.scale(4))
    assert tries == [True] * 5
    assert shop.everything()[small.REPLICAS] == 2


def test_a_newer_status_does_not_stop_a_look(shop: Live) -> None:
    """Of a roll-out it changes all the time; what somebody configured does stop it."""
    cluster = shop.cluster()
    with shop.server.touching() as world:
        web = world.store.state.objects[small.WEB]
        world.store.report(small.WEB, msgspec.structs.replace(web.status, since_us=web.status.since_us + 1))
    assert cluster.preview(small.scale(3)) == {small.REPLICAS: 3}
    shop.human(small.SETTINGS, data={"greeting": "moin"})
    with pytest.raises(InvalidAction, match="was changed by somebody else just now"):
        cluster.preview(small.greet("bye"))


def test_a_pod_that_is_gone_is_not_deleted_once_more(shop: Live) -> None:
    cluster = shop.cluster()
    grant = granted(cluster)
    pod = shop.server.world.store.list("Pod")[0].key
    cluster.preview(small.delete(f"pod/{pod.name}"))
    with shop.server.touching() as world:
        world.store.remove(pod)
    with pytest.raises(InvalidAction, match="was changed by somebody else just now"):
        cluster.perform(small.delete(f"pod/{pod.name}"), grant)


def test_the_lock_is_lost_between_two_tries(shop: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = shop.cluster()
    grant = granted(cluster)
    cluster.preview(small.scale(3))
    tries, read = always_late(monkeypatch), KubernetesCluster._read_again

    def taken(self: KubernetesCluster, key: ObjectKey) -> None:
        read(self, key)
        shop.cluster().fence([grant], [])

    monkeypatch.setattr(KubernetesCluster, "_read_again", taken)
    with pytest.raises(StaleToken):
        cluster.perform(small.scale(3), grant)
    assert len(tries) == 1


def test_what_is_performed_is_what_was_asked_for_and_not_what_was_looked_at_last(shop: Live) -> None:
    cluster = shop.cluster()
    grant = granted(cluster)
    cluster.preview(small.greet("bye"))
    cluster.perform(small.scale(3), grant)
    now = shop.everything()
    assert (now[small.REPLICAS], now[small.GREETING]) == (3, "hello")


@pytest.mark.parametrize("by", ["us", "a human"])
def test_what_undo_puts_back_is_ours_only_while_nobody_else_has_written_it(by: str, shop: Live) -> None:
    """A roll-out that we hold up ourselves may go on; one that somebody else has held up since may not."""
    cluster, spec = shop.cluster(), shop.server.world.store.state.objects[small.WEB].manifest["spec"]
    shop.human(small.WEB, spec={**spec, "minReadySeconds": 1})
    assert cluster.changes(0), "others have written it before"
    grant = granted(cluster)
    cluster.begin_shadow()
    template = {"metadata": {"labels": {"app": "web", "round": "1"}}}
    if by == "us":
        cluster.perform(Action("patch", "deployment/web", {"patch": {"spec": {"template": template}}}, "shop"), grant)
        assert not cluster.changes(cluster.last_change())
        cluster.perform(Action("rollout-pause", "deployment/web", {}, "shop"), grant)
    else:
        marked = {**spec["template"], **template}
        shop.human(small.WEB, spec={**spec, "minReadySeconds": 1, "paused": True, "template": marked})
    assert bool(cluster.changes(cluster.last_change())) is (by != "us")
    assert cluster.permitted(Action("rollout-resume", "deployment/web", {}, "shop")) is (by == "us")


def test_a_lease_that_is_lost_while_waiting_is_told_by_the_next_write(shop: Live) -> None:
    cluster = shop.cluster()
    grant = granted(cluster)
    shop.cluster().fence([grant], [])
    cluster.wait(2 * lease.DURATION_S * 1_000_000)
    with pytest.raises(StaleToken):
        cluster.restore({}, grant)
    assert shop.holder() == "", "it was not taken again"


def test_a_holder_that_renews_all_the_time_cannot_be_fenced(shop: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    holder, taker = shop.cluster(), shop.cluster()
    taker.release(Grant("mitigator", 1))
    taker.fence([Grant("mitigator", 1)], [])
    assert shop.holder() == "", "where there is no lock, there is none to give back or to take away"
    grant = granted(holder)
    monkeypatch.setattr(LeaseLock, "_store", lambda *_given: False)
    with pytest.raises(UserError, match="renewed all the time"):
        taker.fence([grant], [])
    taker.fence([Grant("mitigator", grant.token + 1), Grant("undoer", grant.token)], [])
    assert shop.holder() == "mitigator", "only these very grants are taken away"


def test_an_object_somebody_wrote_while_undo_removed_it_is_no_husk(shop: Live) -> None:
    """Undo would remove what the action made; what is left of it would be nobody's."""
    cluster = shop.cluster()
    grant = granted(cluster)
    cluster.preview(small.create_settings("new", a="1"))
    cluster.perform(small.create_settings("new", a="1"), grant)
    made = {field: ABSENT for field in shop.everything() if field.object == NEW}
    shop.human(NEW, data={"a": "1", "b": "2"})
    cluster._refresh(NEW)
    with pytest.raises(UserError, match="while it was being removed: recover once more"):
        cluster.restore(made, grant)
    assert shop.everything()[Field(NEW, ("data", "b"))] == "2"


def test_an_undo_the_server_refuses_stays_open_until_recovery(shop: Live, tmp_path: Path) -> None:
    refusing: list[str] = []

    def rule(method: str, path: str) -> Answer:
        return 403 if refusing and method == "PATCH" and "deployments" in path else None

    before, journal = shop.everything(), MemoryJournal()
    with proxied(shop.server.url, rule) as url:
        config = redirected(shop.kubeconfig, url, tmp_path / "proxied")
        manager = small.begun(shop._replace(kubeconfig=config).cluster(), journal)
        assert manager.act(small.scale(3)).performed
        refusing.append("now")
        with pytest.raises(UserError, match="could not be restored: Deployment/web"):
            manager.abandon("enough")
    recovery = recover(journal.reopen(), shop.cluster())
    assert (recovery.open, recovery.undone, recovery.kept) == (True, 1, ())
    assert shop.everything() == before


def test_what_the_server_adds_to_a_restored_object_is_its_own(shop: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """A default that was not there when the object was made: undo cannot know of it, and says who wrote it."""
    write, before = Writer.write, shop.everything()
    added = Field(small.SETTINGS, ("data", "added"))

    def defaulting(self: Writer, key: ObjectKey, found: Any, after: Any, *, dry_run: bool = False) -> Any:
        if found is None and after is not None and not dry_run:
            after = {**after, "data": {**after["data"], "added": "by default"}}
        return write(self, key, found, after, dry_run=dry_run)

    manager = small.begun(shop.cluster())
    assert manager.act(small.delete("configmap/web")).performed
    monkeypatch.setattr(Writer, "write", defaulting)
    decision = manager.abandon("enough")
    assert (decision.verdict, decision.kept) == (Verdict.ABORTED, ())
    assert shop.everything() == before | {added: "by default"}
    foreign = [record for record in manager.trace if isinstance(record, r.Foreign)]
    assert [(f.writer, [write.field for write in f.writes]) for f in foreign] == [("api-server", [added])]
    validate_trace(manager.trace)


def test_what_cannot_be_read_again_is_one_message(shop: Live, tmp_path: Path) -> None:
    def rule(method: str, path: str) -> Answer:
        return 403 if method == "GET" and path.endswith("/configmaps/web") else None

    with proxied(shop.server.url, rule) as url:
        cluster = shop._replace(kubeconfig=redirected(shop.kubeconfig, url, tmp_path / "proxied")).cluster()
        grant = granted(cluster)
        cluster.preview(small.greet("bye"))
        shop.human(small.SETTINGS, data={"greeting": "moin"})
        with pytest.raises(UserError, match=f"{small.SETTINGS}: Forbidden"):
            cluster.perform(small.greet("bye"), grant)


@pytest.mark.parametrize("run", [{"kubernetes": {"kubeconfig": 3}}, {"kubernetes": "here"}])
def test_a_journal_of_no_known_cluster_is_the_users_mistake(run: dict[str, Any], shop: Live) -> None:
    header, *_ = small.begun(shop.cluster()).trace
    assert isinstance(header, r.Header)
    with pytest.raises(UserError, match="names no cluster"):
        target_of([msgspec.structs.replace(header, run=run)])
    assert target_of([header]) is target_of([]) is target_of([r.Ticked(1)]) is None
