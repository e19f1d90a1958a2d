"""`stratus apply` that does not get to its end: the server fails, somebody interrupts it, the disk is full."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest

from stratus_sim.adapters.durable import recover_files
from stratus_sim.adapters.kubernetes import cluster as kubernetes
from stratus_sim.cluster.actions import Action
from stratus_sim.errors import UserError
from stratus_sim.gate.apply import apply
from stratus_sim.transaction import recovery
from stratus_sim.transaction.cluster import Grant, StaleToken
from stratus_sim.transaction.ledger import RefinementError
from stratus_sim.transaction.lines import LineFile
from stratus_spec import SpecViolation
from tests.adapters.proxy import Answer, proxied, redirected
from tests.adapters.served import Live
from tests.gate import plans
from tests.transaction import small

STOPS: list[tuple[str, BaseException]] = [
    ("perform", KeyboardInterrupt()),
    ("perform", RefinementError("not what it should be")),
    ("perform", SpecViolation("complete", ("running",), {}, "mitigation")),
    ("begin_shadow", StaleToken("taken over")),
]


def stop_after(monkeypatch: pytest.MonkeyPatch, where: str, error: BaseException) -> None:
    """Stop right after a call to the cluster; of its actions, after the second one is written."""
    call = getattr(kubernetes.KubernetesCluster, where)

    def stopped(self: kubernetes.KubernetesCluster, *given: Any) -> None:
        call(self, *given)
        if not given or given[0] == plans.GOOD[1]:
            raise error

    monkeypatch.setattr(kubernetes.KubernetesCluster, where, stopped)


@pytest.mark.parametrize(("where", "error"), STOPS, ids=[type(error).__name__ for _, error in STOPS])
def test_whatever_stops_it_what_was_done_is_undone(
    where: str, error: BaseException, shop: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, plan = shop.everything(), plans.plan(*plans.GOOD)
    certificate = plans.certified(shop, plan)
    stop_after(monkeypatch, where, error)
    with pytest.raises(UserError) as caught:
        apply(plan, certificate, shop.target, tmp_path / "j")
    assert str(caught.value) == f"{str(error) or 'interrupted'}; what was done is undone"
    assert shop.everything() == before
    assert shop.holder() == ""


def test_what_somebody_else_wrote_meanwhile_stays_and_is_told(
    shop: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, perform = plans.plan(*plans.GOOD), kubernetes.KubernetesCluster.perform
    certificate = plans.certified(shop, plan)

    def stopped(self: kubernetes.KubernetesCluster, action: Action, grant: Grant) -> None:
        perform(self, action, grant)
        if action == plans.GOOD[1]:
            shop.human(small.SETTINGS, data={"greeting": "moin"})
            raise KeyboardInterrupt

    monkeypatch.setattr(kubernetes.KubernetesCluster, "perform", stopped)
    with pytest.raises(UserError, match=f"undone, but left alone, written by somebody else: {small.GREETING}"):
        apply(plan, certificate, shop.target, tmp_path / "j")
    now = shop.everything()
    assert (now[small.GREETING], now[small.REPLICAS]) == ("moin", 2)


def test_a_lock_that_cannot_be_had_for_the_undo_is_left_to_recover(
    shop: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, journal, plan = shop.everything(), tmp_path / "j", plans.plan(*plans.GOOD)
    certificate, acquire = plans.certified(shop, plan), kubernetes.LeaseLock.acquire

    def kept_from_undo(self: kubernetes.LeaseLock, agent: str) -> Grant | None:
        return None if agent == "undoer" else acquire(self, agent)

    with monkeypatch.context() as patched:
        stop_after(patched, "perform", KeyboardInterrupt())
        patched.setattr(kubernetes.LeaseLock, "acquire", kept_from_undo)
        patched.setattr(recovery, "PATIENCE_US", 0)
        with pytest.raises(UserError, match=r"interrupted; it could not be undone yet .*run `stratus recover"):
            apply(plan, certificate, shop.target, journal)
    assert shop.everything() != before
    assert recover_files(journal).open
    assert shop.everything() == before


@pytest.mark.parametrize("at", [0, 2, 5])
def test_a_full_disk_stops_it_and_recover_ends_it_when_there_is_room(
    at: int, shop: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the journal has begun, with the lock just taken, after the first action."""
    before, journal, plan, left = shop.everything(), tmp_path / "j", plans.plan(*plans.GOOD), [at]
    certificate, write = plans.certified(shop, plan), LineFile.write

    def filling(self: LineFile, data: bytes) -> None:
        if not left[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        left[0] -= 1
        write(self, data)

    with monkeypatch.context() as patched:
        patched.setattr(LineFile, "write", filling)
        said = "stratus recover" if at == 5 else "No space left"
        with pytest.raises(UserError, match=said):
            apply(plan, certificate, shop.target, journal)
    assert (shop.everything() != before) == (at == 5)
    assert recover_files(journal).open == (at == 5)
    assert shop.everything() == before
    assert shop.holder() == ""


@pytest.mark.parametrize("how", ["before", "after", "cut", 500, 429])
def test_a_server_that_fails_once_leaves_nothing(how: Answer, shop: Live, tmp_path: Path) -> None:
    """Whether the write happened is not known; it is found out, and undone."""
    failed: list[str] = []

    def rule(method: str, path: str) -> Answer:
        if method == "PATCH" and "configmaps" in path and "dryRun" not in path and not failed:
            failed.append(path)
            return how
        return None

    before, plan = shop.everything(), plans.plan(*plans.GOOD)
    certificate = plans.certified(shop, plan)
    with proxied(shop.server.url, rule) as url:
        target = shop._replace(kubeconfig=redirected(shop.kubeconfig, url, tmp_path / "proxied")).target
        with pytest.raises(UserError, match="what was done is undone"):
            apply(plan, certificate, target, tmp_path / "j")
    assert failed
    assert shop.everything() == before
    assert shop.holder() == ""


def test_a_server_that_goes_away_is_left_to_recover(shop: Live, tmp_path: Path) -> None:
    gone: list[str] = []
    back: list[str] = []

    def rule(method: str, path: str) -> Answer:
        if method == "PATCH" and "configmaps" in path and "dryRun" not in path:
            gone.append(path)
        return "before" if gone and not back else None

    before, plan = shop.everything(), plans.plan(*plans.GOOD)
    certificate, journal = plans.certified(shop, plan), tmp_path / "j"
    with proxied(shop.server.url, rule) as url:
        config = redirected(shop.kubeconfig, url, tmp_path / "config")
        target = shop._replace(kubeconfig=config).target
        with pytest.raises(UserError, match="run `stratus recover"):
            apply(plan, certificate, target, journal)
        assert shop.everything()[small.REPLICAS] == 3
        back.append(url)
        recovery = recover_files(journal)
    assert recovery.open
    assert shop.everything() == before


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "for good"])
def test_a_server_that_fails_with_the_lock_just_taken_has_nothing_written(
    lasting: bool, shop: Live, tmp_path: Path
) -> None:
    """The lock is given back where that can be; else the message is the same, and its lease runs out."""
    failed: list[str] = []

    def rule(method: str, path: str) -> Answer:
        if not shop.holder() or (failed and not lasting):
            return None
        failed.append(path)
        return 500

    before, plan = shop.everything(), plans.plan(*plans.GOOD)
    certificate = plans.certified(shop, plan)
    with proxied(shop.server.url, rule) as url:
        target = shop._replace(kubeconfig=redirected(shop.kubeconfig, url, tmp_path / "proxied")).target
        with pytest.raises(UserError, match=r"InternalError: says the proxy.*; nothing was written"):
            apply(plan, certificate, target, tmp_path / "j")
    assert failed
    assert shop.everything() == before
    assert shop.holder() == ("mitigator" if lasting else "")


def test_who_lost_the_lock_leaves_the_undo_to_whoever_took_it(
    shop: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, journal, plan = shop.everything(), tmp_path / "j", plans.plan(*plans.GOOD)
    certificate, perform = plans.certified(shop, plan), kubernetes.KubernetesCluster.perform

    def overtaken(self: kubernetes.KubernetesCluster, action: Action, grant: Grant) -> None:
        if action == plans.GOOD[1]:
            shop.cluster().fence([grant], [])
        perform(self, action, grant)

    monkeypatch.setattr(kubernetes.KubernetesCluster, "perform", overtaken)
    with pytest.raises(UserError, match="not the current one; whoever took over undoes the plan"):
        apply(plan, certificate, shop.target, journal)
    assert shop.everything() == before | {small.REPLICAS: 3}
    assert recover_files(journal).undone == 2, "the one that was announced as well"
    assert shop.everything() == before
