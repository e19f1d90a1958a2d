"""`stratus gate` and `stratus apply` on a served API, from the command line and killed on the way."""

from __future__ import annotations

import json
from importlib.metadata import version
from itertools import count
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from stratus_sim.adapters.durable import recover_files
from stratus_sim.adapters.kubernetes import cluster as kubernetes
from stratus_sim.cluster import api
from stratus_sim.cluster.configuration import Field, Value
from stratus_sim.errors import UserError
from stratus_sim.gate.apply import apply
from stratus_sim.gate.certificate import Certificate, certify, save
from stratus_sim.gate.gate import examine
from stratus_sim.gate.plan import Plan
from stratus_sim.gate.twin import Twin
from stratus_sim.transaction.driver import replay, validate_trace
from stratus_sim.transaction.journal import read_journal
from stratus_sim.transaction.limits import LIMITS
from stratus_sim.transaction.records import Moved
from tests.adapters.proxy import Answer, proxied, redirected
from tests.adapters.served import EPOCH_US, Live
from tests.gate import plans
from tests.transaction import small
from tests.transaction.killing import AFTER, BEFORE, killed


def certified(shop: Live, plan: Plan) -> Certificate:
    live = shop.cluster().objects
    verdict = examine(Twin(live), plan, 3, 0)
    return certify(plan, verdict._replace(smallest=None), live, 0, LIMITS, None)


def gate(stratus: Any, shop: Live, *actions: Any, examples: int = 8) -> Any:
    plans.written(Path("plan.yaml"), *actions)
    return stratus("gate", "plan.yaml", "--kubeconfig", shop.kubeconfig, "--examples", examples)


def carry_out(stratus: Any, shop: Live, *more: Any) -> Any:
    return stratus("apply", "plan.yaml", "--certificate", "certificate.json", "--kubeconfig", shop.kubeconfig, *more)


def test_a_good_plan_is_certified_and_committed(stratus, shop: Live) -> None:
    before = shop.everything()
    ran = gate(stratus, shop, *plans.GOOD)
    assert (ran.code, ran.err.strip()) == (0, "") and "passed: 9 environments" in ran.out
    assert sorted(path.name for path in Path().iterdir()) == ["certificate.json", "kubeconfig", "plan.yaml"]
    assert shop.everything() == before, "the gate writes nothing"
    ran = carry_out(stratus, shop)
    assert ran.code == 0 and "committed" in ran.out
    assert shop.everything() == before | {small.REPLICAS: 3, small.GREETING: "bye"}
    assert shop.holder() == ""
    validate_trace(read_journal(Path("plan.yaml.journal")))
    ran = stratus("recover", "plan.yaml.journal")
    assert ran.code == 0 and "no transaction was open" in ran.out


def test_a_bad_plan_gets_no_certificate(stratus, shop: Live) -> None:
    ran = gate(stratus, shop, *plans.BAD)
    assert ran.code == 1
    assert "refused: 9 of 9 environments break" in ran.out
    assert sorted(path.name for path in Path().iterdir()) == ["kubeconfig", "plan.yaml"], "nothing of Hypothesis either"
    assert "Smallest case: seed 0, load 100 %" in ran.out
    assert not Path("certificate.json").exists()
    ran = stratus("gate", "plan.yaml", "--kubeconfig", shop.kubeconfig, "--examples", 2, "--format", "json")
    assert ran.code == 1 and json.loads(ran.out)["smallest"]["clause"].startswith("with nothing else")
    ran = carry_out(stratus, shop)
    assert ran.code == 2 and "certificate.json: No such file" in ran.err


@pytest.mark.parametrize("how", ["changed", "new", "gone", "replaced"])
def test_a_changed_cluster_is_refused(how: str, stratus, shop: Live) -> None:
    assert gate(stratus, shop, *plans.GOOD, examples=2).code == 0
    _disturb(shop, how)
    before = shop.everything()
    ran = carry_out(stratus, shop)
    assert ran.code == 2
    said = {"changed": "ConfigMap/web in shop was changed", "new": "ConfigMap/other in shop is new"}
    said |= {"gone": "ConfigMap/web in shop is gone", "replaced": "ConfigMap/web in shop was replaced"}
    assert said[how] in ran.err and "stratus gate" in ran.err
    assert shop.everything() == before
    assert not Path("plan.yaml.journal").exists()


def _disturb(shop: Live, how: str) -> None:
    with shop.server.touching() as world:
        settings = dict(world.store.state.objects[small.SETTINGS].manifest)
        if how in ("gone", "replaced"):
            api.delete(world, small.SETTINGS, "human")
        if how == "changed":
            api.put(world, {**settings, "data": {"greeting": "moin"}}, "human")
        elif how == "new":
            api.put(world, {**settings, "metadata": {"name": "other", "namespace": "shop"}}, "human")
        elif how == "replaced":
            api.put(world, settings, "human")


def test_new_status_is_no_change(stratus, shop: Live) -> None:
    assert gate(stratus, shop, *plans.GOOD, examples=2).code == 0
    with shop.server.touching() as world:
        world.schedule(0, "gate.restart", "shop/web")
    shop.server.advance(120)
    assert carry_out(stratus, shop).code == 0


def test_what_changes_between_the_look_and_the_lock_is_seen(shop: Live, tmp_path: Path, monkeypatch) -> None:
    plan = plans.plan(*plans.GOOD)
    certificate, acquire = certified(shop, plan), kubernetes.LeaseLock.acquire

    def late(self: Any, agent: str) -> Any:
        if agent == "mitigator":
            shop.human(small.SETTINGS, data={"greeting": "moin"})
        return acquire(self, agent)

    monkeypatch.setattr(kubernetes.LeaseLock, "acquire", late)
    with pytest.raises(UserError, match=r"ConfigMap/web in shop was changed.*nothing was written"):
        apply(plan, certificate, shop.target, tmp_path / "j")
    assert shop.everything()[small.REPLICAS] == 2
    assert shop.holder() == ""


def test_another_plan_and_an_altered_certificate_are_refused(stratus, shop: Live) -> None:
    assert gate(stratus, shop, *plans.GOOD, examples=2).code == 0
    plans.written(Path("plan.yaml"), *plans.BAD)
    ran = carry_out(stratus, shop)
    assert ran.code == 2 and "for another plan" in ran.err
    certificate = json.loads(Path("certificate.json").read_text())
    for change in ({"tried": 999}, {"plan_sha256": "0" * 64}, {"objects": {}}):
        Path("certificate.json").write_text(json.dumps(certificate | change))
        ran = carry_out(stratus, shop)
        assert ran.code == 2 and "certificate.json: was altered" in ran.err
    Path("certificate.json").write_text("{}")
    assert "is no certificate" in carry_out(stratus, shop).err
    assert shop.everything()[small.REPLICAS] == 2


def test_a_plan_that_turns_out_worse_is_undone_exactly(stratus, shop: Live) -> None:
    """The twin believed in the image; the cluster cannot pull it."""
    before = shop.everything()
    image = small.Action("set-image", "deployment/web", {"image": "shop/web:9"}, "shop")
    note = small.Action("patch", "configmap/web", {"patch": {"data": {"note": "x"}}}, "shop")
    plan = plans.plan(note, image, small.create_settings("new", a="1"), small.scale(0))
    Path("plan.yaml").write_text(plans.written(Path("p"), *plan.actions).read_text())
    save(Path("certificate.json"), certified(shop, plan))
    ran = carry_out(stratus, shop)
    assert ran.code == 1 and "aborted: severity 1000" in ran.out
    assert shop.everything() == before
    assert shop.holder() == ""
    validate_trace(read_journal(Path("plan.yaml.journal")))


@pytest.mark.parametrize("what", ["preview", "write", "lease"])
def test_a_forbidden_verb_leaves_nothing(what: str, stratus, shop: Live) -> None:
    """The second action is not allowed: the first one is taken back."""

    def rule(method: str, path: str) -> Answer:
        if what == "lease":
            return 403 if method == "POST" and path.endswith("/leases") else None
        return 403 if method == "PATCH" and "configmaps" in path and (what == "preview") == ("dryRun" in path) else None

    before = shop.everything()
    assert gate(stratus, shop, *plans.GOOD, examples=2).code == 0
    with proxied(shop.server.url, rule) as url:
        config = redirected(shop.kubeconfig, url, Path("proxied"))
        ran = stratus("apply", "plan.yaml", "--certificate", "certificate.json", "--kubeconfig", config)
    assert ran.code == 2 and "Forbidden" in ran.err and len(ran.err.splitlines()) == 1
    assert ("nothing was written" if what == "lease" else "nothing of the plan is left") in ran.err
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
    certificate = certified(shop, plan)
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
    certificate, journal = certified(shop, plan), tmp_path / "j"
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
    now_us, certificate = EPOCH_US + shop.server.world.now_us, certified(shop, plan)

    def work(journal: Path) -> None:
        kubernetes.WallClock = lambda: ChildClock(shop.server.url, now_us)  # type: ignore[misc,assignment]
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


def test_a_held_lock_is_not_waited_for(stratus, shop: Live) -> None:
    assert gate(stratus, shop, *plans.GOOD, examples=2).code == 0
    before, other = shop.everything(), shop.cluster()
    assert other.acquire("mitigator") is not None
    ran = carry_out(stratus, shop)
    assert ran.code == 2 and "another agent holds it; nothing was written" in ran.err
    assert shop.everything() == before and shop.holder() == "mitigator"


def test_the_answer_to_a_commit_is_lost(stratus, shop: Live) -> None:
    """The plan stays; that the last look fails changes nothing of it."""
    assert gate(stratus, shop, *plans.GOOD, examples=2).code == 0

    def rule(method: str, path: str) -> Answer:
        over = shop.everything()[small.GREETING] == "bye" and not shop.holder()
        return "before" if over and path.endswith("/nodes") else None

    with proxied(shop.server.url, rule) as url:
        config = redirected(shop.kubeconfig, url, Path("proxied"))
        ran = stratus("apply", "plan.yaml", "--certificate", "certificate.json", "--kubeconfig", config)
    assert ran.code == 2 and "the plan is committed" in ran.err
    assert shop.everything()[small.REPLICAS] == 3 and shop.holder() == ""


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


def test_the_certificate_says_what_it_rests_on(shop: Live) -> None:
    certificate = certified(shop, plans.plan(*plans.GOOD))
    assert {"Deployment/web in shop", "ConfigMap/web in shop", "Node/node-1"} <= certificate.objects.keys()
    assert all(basis.uid and basis.version for basis in certificate.objects.values())
    assert not any("Pod/" in name for name in certificate.objects)
    assert certificate.versions["stratus-tnr"] == version("stratus-tnr")


def test_no_certificate_without_a_pass(shop: Live) -> None:
    plan, live = plans.plan(*plans.BAD), shop.cluster().objects
    with pytest.raises(ValueError, match="did not pass"):
        certify(plan, examine(Twin(live), plan, 2, 0), live, 0, LIMITS, None)
