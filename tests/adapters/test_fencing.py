"""A write of a process that has lost its lock arrives when it arrives: no undo is spoilt by it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stratus_sim.adapters.kubernetes import target
from stratus_sim.adapters.kubernetes.cluster import KubernetesCluster
from stratus_sim.adapters.kubernetes.lease import LeaseLock
from stratus_sim.adapters.kubernetes.live import FENCE
from stratus_sim.cluster.actions import Action
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.errors import UserError
from stratus_sim.transaction import records as r
from stratus_sim.transaction.cluster import Grant, StaleToken
from stratus_sim.transaction.journal import MemoryJournal
from stratus_sim.transaction.records import AnyRecord
from stratus_sim.transaction.recovery import Recovery, recover
from tests.adapters.proxy import Answer, proxied, redirected
from tests.adapters.served import Live
from tests.transaction import small

PATIENCE_S = 8


class Late:
    """A process whose first write is on its way, and stays there until `arrive`."""

    def __init__(self, write: Callable[[], object], sent: threading.Event, go: threading.Event) -> None:
        self._go, self.told = go, list[object]()
        self._thread = threading.Thread(target=lambda: self.told.append(_outcome(write)), daemon=True)
        self._thread.start()
        assert sent.wait(PATIENCE_S)

    def arrive(self) -> str:
        """What the process is told once the server has got the write."""
        self._go.set()
        self._thread.join(PATIENCE_S)
        return str(self.told[0])


def _outcome(write: Callable[[], object]) -> object:
    try:
        return write()
    except StaleToken as error:
        return error


@contextmanager
def slow(shop: Live, folder: Path) -> Iterator[tuple[Live, threading.Event, threading.Event]]:
    """A way to the server on which writes, once `sent`, wait until they may `go`."""
    sent, go = threading.Event(), threading.Event()

    def rule(method: str, path: str) -> Answer:
        if method in ("PATCH", "DELETE") and "dryRun" not in path:
            sent.set()
            go.wait(PATIENCE_S)
        return None

    with proxied(shop.server.url, rule) as url:
        yield shop._replace(kubeconfig=redirected(shop.kubeconfig, url, folder / "slow")), sent, go


@contextmanager
def late(shop: Live, folder: Path, action: Action) -> Iterator[tuple[Late, list[AnyRecord]]]:
    """A process in the middle of an action, and its journal as `kill -9` would leave it now."""
    with slow(shop, folder) as (way, sent, go):
        manager = small.begun(way.cluster(), journal := MemoryJournal())
        process = Late(lambda: manager.act(action), sent, go)
        yield process, journal.records()


def recovered(shop: Live, records: list[AnyRecord]) -> Recovery:
    journal = MemoryJournal()
    journal.append(*records)
    return recover(journal, shop.target.reopen(records))


def a_pod(shop: Live) -> Action:
    return small.delete(f"pod/{next(o['metadata']['name'] for o in shop.cluster().objects if o['kind'] == 'Pod')}")


@pytest.mark.parametrize("what", ["patch", "delete", "delete a pod"])
def test_a_write_that_arrives_after_recovery_is_refused(what: str, shop: Live, tmp_path: Path) -> None:
    action = {"patch": small.scale(0), "delete": small.delete("configmap/web")}.get(what) or a_pod(shop)
    before, pods = shop.everything(), shop.server.world.store.list("Pod")
    with late(shop, tmp_path, action) as (process, left):
        assert recovered(shop, left).open
        assert "not the current one" in process.arrive()
    assert shop.everything() == before
    assert [pod.uid for pod in shop.server.world.store.list("Pod")] == [pod.uid for pod in pods]
    assert not any(pod.deleting for pod in shop.server.world.store.list("Pod"))


def test_what_the_open_transaction_may_be_writing_is_moved() -> None:
    """Whatever it has come to since; and nothing of one that is over."""
    first, pod = small.scale(3), small.delete("pod/p")
    written = r.Acted(first.to_json(), True, (r.Write(small.GREETING, "a", "b"),), "mitigator", 1)
    alone = r.Acted(pod.to_json(), True, (), "mitigator", 1)
    begin = r.Moved("begin", "mitigator", 1)
    for end in ("commit", "abort"):
        over = [begin, alone, r.Moved("submit", "mitigator", 1), r.Moved(end, "mitigator", 1)]
        assert target._objects(over) == []
        still = [*over, begin, written, r.Moved("submit", "mitigator", 1), r.Moved("reject")]
        assert target._objects(still) == [small.SETTINGS, small.WEB]
        assert target._objects([begin, alone]) == [ObjectKey("Pod", "shop", "p")]


def test_the_lock_is_taken_before_anything_is_moved(shop: Live, tmp_path: Path) -> None:
    """Who reads in between, with the lock still good, would write against the version it was moved to."""
    before, processes = shop.everything(), list[Late]()
    with slow(shop, tmp_path) as (way, sent, go):
        holder = way.cluster()
        grant = holder.acquire("mitigator")
        assert grant is not None

        def write() -> None:
            holder.changes(0)
            holder.perform(small.scale(0), grant)

        def rule(method: str, path: str) -> Answer:
            if method == "PUT" and not processes:
                processes.append(Late(write, sent, go))
            return None

        with proxied(shop.server.url, rule) as url:
            config = redirected(shop.kubeconfig, url, tmp_path / "taker")
            shop._replace(kubeconfig=config).cluster().fence([grant], [small.WEB])
        assert "not the current one" in processes[0].arrive()
    assert shop.everything() == before


def test_the_mark_is_gone(shop: Live) -> None:
    metadata = {"name": "key", "namespace": "shop"}
    shop.put({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"token": "c2VjcmV0"}})
    before, cluster = shop.everything(), shop.cluster()
    objects = [small.WEB, small.SETTINGS, *(field.object for field in before if field.object.kind == "Secret")]
    versions = [shop.server.world.store.state.objects[key].version for key in objects]
    cluster.fence([], objects)
    now = shop.server.world.store.state.objects
    assert all(now[key].version > version for key, version in zip(objects, versions, strict=True))
    assert shop.everything() == before
    assert not any(FENCE in str(found.manifest) for found in now.values())


def test_what_may_not_be_patched_is_no_obstacle(shop: Live, tmp_path: Path) -> None:
    """Other objects have to be restored all the same."""
    with proxied(shop.server.url, lambda method, path: 403 if method == "PATCH" else None) as url:
        target = shop._replace(kubeconfig=redirected(shop.kubeconfig, url, tmp_path / "proxied")).target
        target.open().fence([], [small.WEB])
    with proxied(shop.server.url, lambda method, path: 500 if method == "PATCH" else None) as url:
        target = shop._replace(kubeconfig=redirected(shop.kubeconfig, url, tmp_path / "proxied")).target
        with pytest.raises(UserError, match="could not be fenced"):
            target.open().fence([], [small.WEB])


def test_a_lock_is_taken_from_a_holder_that_renews_it(shop: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """It wrote between our look and our write; a second look finds it still there."""
    holder, taker = shop.cluster(), shop.cluster()
    grant = holder.acquire("mitigator")
    assert grant is not None
    store, raced = LeaseLock._store, list[Grant]()

    def slow(self: LeaseLock, found, name: str, token: int) -> bool:
        if self is taker._lock and not raced:
            raced.append(grant)
            holder._lock._renew(holder._lock._read() or {}, grant)
        return store(self, found, name, token)

    monkeypatch.setattr(LeaseLock, "_store", slow)
    taker.fence([grant], [])
    assert raced and shop.holder() == ""


def test_undo_asks_for_its_lock_again_before_it_tries_again(shop: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody wrote the object, and took the lock, while the undo was on its way."""
    undoer, refresh = shop.cluster(), KubernetesCluster._refresh
    grant = undoer.acquire("undoer")
    assert grant is not None
    shop.human(small.SETTINGS, data={"greeting": "hello", "other": "1"})

    def taken(self: KubernetesCluster, key: ObjectKey) -> None:
        refresh(self, key)
        shop.cluster().fence([grant], [])

    monkeypatch.setattr(KubernetesCluster, "_refresh", taken)
    with pytest.raises(StaleToken):
        undoer.restore({small.GREETING: "late"}, grant)
    assert shop.everything()[small.GREETING] == "hello"


@pytest.mark.slow
@pytest.mark.parametrize("action", [small.scale(0), small.delete("configmap/web")], ids=["patch", "delete"])
def test_whenever_a_late_write_arrives_the_undo_is_exact(action: Action, shop: Live, tmp_path: Path) -> None:
    """Before any request of the recovery about the lock or about objects of that kind, in turn."""
    before, at = shop.everything(), 0
    while _recovered_with_arrival_at(at, action, shop, tmp_path):
        assert shop.everything() == before, at
        assert shop.holder() == ""
        at += 1
    assert at >= 15, "a recovery is that many requests"


def _recovered_with_arrival_at(at: int, action: Action, shop: Live, folder: Path) -> bool:
    """Whether the recovery had so many requests."""
    seen: list[str] = []
    concerned = ("leases", f"{action.key.kind.lower()}s")

    def rule(method: str, path: str) -> Answer:
        if any(word in path for word in concerned):
            seen.append(path)
            if len(seen) == at + 1:
                process.arrive()
        return None

    with late(shop, folder, action) as (process, left), proxied(shop.server.url, rule) as url:
        through = shop._replace(kubeconfig=redirected(shop.kubeconfig, url, folder / "taker"))
        assert recovered(through, left).kept == (), at
        process.arrive()
    return len(seen) > at
