"""The write lock as a Lease: who has it, for how long, and what time it is."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from stratus_sim.adapters.kubernetes import lease
from stratus_sim.adapters.kubernetes.clock import WallClock, from_micro_time, micro_time
from stratus_sim.cluster.configuration import Field
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.errors import UserError
from stratus_sim.kernel import SECOND_US
from stratus_sim.transaction.cluster import Grant, StaleToken
from stratus_sim.transaction.journal import MemoryJournal
from stratus_sim.transaction.outcome import Verdict
from stratus_sim.transaction.recovery import recover
from stratus_sim.transaction.undo import LockHeld
from tests.adapters.proxy import proxied, redirected
from tests.adapters.served import Live
from tests.transaction import small

NOTE = Field(small.SETTINGS, ("data", "note"))


def test_the_lease_is_fenced(shop: Live) -> None:
    """A second process takes over once the lease has run out; the first is refused from then on."""
    journal = MemoryJournal()
    slow = small.begun(shop.cluster(), journal)
    assert slow.act(small.greet("bye")).performed
    rival = shop.cluster()
    assert rival.acquire("undoer") is None
    shop.server.advance(lease.DURATION_S + 1)
    recovery = recover(journal.reopen(), rival)
    assert (recovery.open, recovery.undone) == (True, 1)
    before = shop.everything()
    assert before[small.GREETING] == "hello"
    outcome = slow.act(small.greet("late"))
    assert not outcome.performed and "taken over" in outcome.reason
    assert slow.submit().verdict is Verdict.FENCED
    assert shop.everything() == before


def test_a_stale_token_writes_nothing(shop: Live) -> None:
    first = shop.cluster()
    stale = first.acquire("mitigator")
    assert stale is not None
    first.preview(small.greet("late"))
    shop.server.advance(lease.DURATION_S + 1)
    fresh = shop.cluster().acquire("mitigator")
    assert fresh is not None and fresh.token == stale.token + 1
    for write in (
        lambda: first.perform(small.greet("late"), stale),
        lambda: first.restore({small.GREETING: "x"}, stale),
    ):
        with pytest.raises(StaleToken):
            write()
    assert shop.everything()[small.GREETING] == "hello"
    first.release(stale)
    assert shop.holder() == "mitigator", "a stale grant releases nothing"


def test_a_lease_is_kept_while_waiting(shop: Live) -> None:
    cluster = shop.cluster()
    grant = cluster.acquire("mitigator")
    assert grant is not None
    cluster.release(Grant("somebody", 0))
    cluster.wait(5 * lease.DURATION_S * 1_000_000)
    cluster.restore({}, grant)
    assert shop.cluster().acquire("undoer") is None


def test_time_goes_on_and_never_back(shop: Live) -> None:
    cluster = shop.cluster()
    before_us = cluster.now_us
    cluster.wait(SECOND_US)
    assert cluster.now_us == before_us + SECOND_US
    ahead_us = before_us + 10**9
    assert shop.target.open(not_before_us=ahead_us).now_us == ahead_us


def test_the_clock_on_the_wall() -> None:
    clock = WallClock()
    before_us = time.time_ns() // 1000
    clock.sleep(2000)
    assert before_us + 2000 <= clock.now_us() <= time.time_ns() // 1000


@pytest.mark.parametrize(("text", "time_us"), [(micro_time(1_735_689_600_000_001), 1_735_689_600_000_001), ("?", 0)])
def test_a_time_in_a_lease_comes_back_and_nonsense_is_long_ago(text: str, time_us: int) -> None:
    assert from_micro_time(text) == time_us


def _lease(shop: Live) -> dict[str, Any]:
    with shop.server.lock:
        found = shop.server.world.store.state.objects[ObjectKey("Lease", "default", "stratus-write-lock")]
    return dict(found.manifest["spec"])


def test_the_lease_says_since_when_it_is_held(shop: Live) -> None:
    cluster = shop.cluster()
    grant = cluster.acquire("mitigator")
    assert grant is not None
    first = _lease(shop)
    cluster.wait(lease.DURATION_S * SECOND_US)
    renewed = _lease(shop)
    assert renewed["acquireTime"] == first["acquireTime"] == first["renewTime"] < renewed["renewTime"]
    cluster.release(grant)
    assert cluster.acquire("undoer") is not None
    assert _lease(shop)["acquireTime"] > renewed["renewTime"]


def test_a_request_without_an_answer_is_not_sent_again_behind_our_back(shop: Live, tmp_path: Path) -> None:
    """Whether a write landed is found out by reading, not by writing it twice."""
    sent: list[str] = []

    def hang_up(method: str, path: str) -> str | None:
        sent.extend([path] * (method == "PUT"))
        return "after" if method == "PUT" else None

    with proxied(shop.server.url, hang_up) as url:
        cluster = shop._replace(kubeconfig=redirected(shop.kubeconfig, url, tmp_path / "proxied")).cluster()
        grant = cluster.acquire("mitigator")
        assert grant is not None and not sent
        with pytest.raises(UserError):
            cluster.release(grant)
    assert len(sent) == 1 and shop.holder() == ""


def test_two_take_the_lock_at_once_and_one_gets_it(shop: Live) -> None:
    one, two = shop.cluster(), shop.cluster()
    seen = two._lock._read()
    assert one.acquire("mitigator") is not None
    two._lock._read = lambda: seen  # it looked before the other one wrote
    assert two.acquire("mitigator") is None
    with pytest.raises(LockHeld):
        small.begun(shop.cluster())
