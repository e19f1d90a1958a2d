"""`stratus apply` in a process that is killed: recovery leaves the cluster as it was, or as committed."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from stratus_sim.adapters.durable import recover_files
from stratus_sim.adapters.kubernetes import cluster as kubernetes
from stratus_sim.cluster.configuration import Field, Value
from stratus_sim.gate.apply import apply
from stratus_sim.gate.plan import Plan
from stratus_sim.transaction.driver import replay
from stratus_sim.transaction.journal import read_journal
from stratus_sim.transaction.records import Moved
from tests.adapters.served import EPOCH_US, Live
from tests.gate import plans
from tests.transaction import small
from tests.transaction.killing import AFTER, BEFORE, killed


class ChildClock:
    """In a killed process: the served world's time, asked for over HTTP as nothing else is shared."""

    def __init__(self, url: str, now_us: int) -> None:
        self._url, self._now_us = url, now_us

    def now_us(self) -> int:
        return self._now_us

    def sleep(self, duration_us: int) -> None:
        body = json.dumps({"advance_s": duration_us // 1_000_000}).encode()
        urlopen(Request(f"{self._url}/stratus/clock", body, {"Content-Type": "application/json"})).read()
        self._now_us += duration_us


def killed_apply(shop: Live, plan: Plan, journal: Path, at: int, moment: str) -> bool:
    """Apply in a process that is killed at its `at`-th write to the journal; whether it lived that long."""
    now_us, certificate = EPOCH_US + shop.server.world.now_us, plans.certified(shop, plan)

    def work(journal: Path) -> None:
        kubernetes.WallClock = lambda: ChildClock(shop.server.url, now_us)
        apply(plan, certificate, shop.target, journal)

    return killed(work, journal, at, moment)


def test_killed_between_the_actions(stratus, shop: Live, tmp_path: Path) -> None:
    """After the first write to the cluster, before the journal says that it happened."""
    before, journal, plan = shop.everything(), tmp_path / "j", plans.plan(*plans.GOOD)
    assert killed_apply(shop, plan, journal, 5, BEFORE)
    assert shop.everything() == before | {small.REPLICAS: 3}
    assert shop.holder() == "mitigator"
    ran = stratus("recover", journal)
    assert ran.code == 0 and "1 action(s) undone" in ran.out
    assert shop.everything() == before
    assert shop.holder() == ""


def test_recovery_on_a_machine_whose_clock_is_behind(shop: Live, tmp_path: Path, monkeypatch) -> None:
    before, journal, plan = shop.everything(), tmp_path / "j", plans.plan(*plans.GOOD)
    assert killed_apply(shop, plan, journal, 5, BEFORE)
    monkeypatch.setattr(kubernetes, "WallClock", lambda: ChildClock(shop.server.url, 1))
    assert recover_files(journal).open
    assert shop.everything() == before


@pytest.mark.slow
@pytest.mark.parametrize("moment", [BEFORE, AFTER])
@pytest.mark.parametrize("actions", [plans.GOOD, plans.BAD], ids=["good", "bad"])
def test_killed_at_every_write(actions: tuple[Any, ...], moment: str, stratus, shop: Live, tmp_path: Path) -> None:
    """Whenever it dies, `stratus recover` leaves the cluster as it was, or as committed, and the lock free."""
    plan, opened = plans.plan(*actions), 0
    for at in count():
        before, journal = shop.everything(), tmp_path / f"{at}.journal"
        if not killed_apply(shop, plan, journal, at, moment):
            break
        opened += _open(journal)
        ran = stratus("recover", journal)
        assert ran.code == 0, ran.err
        committed = any(isinstance(r, Moved) and r.step == "commit" for r in read_journal(journal))
        assert shop.everything() == (before | _EFFECT if committed else before), at
        assert shop.holder() == ""
        _reset(shop, before)
    assert opened >= 5, "most positions lie within the transaction"


_EFFECT: dict[Field, Value] = {small.REPLICAS: 3, small.GREETING: "bye"}


def _open(journal: Path) -> bool:
    records = read_journal(journal)
    return bool(records) and bool(replay(records, lambda _field: None).state["open"])


def _reset(shop: Live, before: dict[Field, Value]) -> None:
    """Back to a healthy shop, as it was."""
    web = shop.server.world.store.state.objects[small.WEB].manifest
    shop.human(small.WEB, spec={**web["spec"], "replicas": before[small.REPLICAS]})
    shop.human(small.SETTINGS, data={"greeting": before[small.GREETING]})
    shop.server.advance(200)


def test_a_foreign_write_survives_kill_and_recovery(shop: Live, tmp_path: Path) -> None:
    plan, journal = plans.plan(*plans.GOOD), tmp_path / "j"
    assert killed_apply(shop, plan, journal, 7, AFTER)
    assert shop.everything()[small.GREETING] == "bye"
    shop.human(small.SETTINGS, data={"greeting": "moin"})
    recovery = recover_files(journal)
    assert [write.field for write in recovery.kept] == [small.GREETING]
    now = shop.everything()
    assert (now[small.GREETING], now[small.REPLICAS]) == ("moin", 2)
