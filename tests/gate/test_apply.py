"""`stratus gate` and `stratus apply` on a served API, from the command line and killed on the way."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from stratus_sim.adapters.kubernetes import cluster as kubernetes
from stratus_sim.cluster import api
from stratus_sim.errors import UserError
from stratus_sim.gate.apply import apply
from stratus_sim.gate.certificate import _version, certify, save
from stratus_sim.gate.gate import examine
from stratus_sim.gate.twin import Twin
from stratus_sim.transaction.driver import validate_trace
from stratus_sim.transaction.journal import read_journal
from stratus_sim.transaction.limits import LIMITS
from tests.adapters.proxy import Answer, proxied, redirected
from tests.adapters.served import Live
from tests.gate import plans
from tests.transaction import small


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
    assert ran.code == 0 and "committed" in ran.out and ran.out.count(": done\n") == 2
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
    certificate, acquire = plans.certified(shop, plan), kubernetes.LeaseLock.acquire

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
    save(Path("certificate.json"), plans.certified(shop, plan))
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


def test_the_certificate_says_what_it_rests_on(shop: Live) -> None:
    certificate = plans.certified(shop, plans.plan(*plans.GOOD))
    assert {"Deployment/web in shop", "ConfigMap/web in shop", "Node/node-1"} <= certificate.objects.keys()
    assert all(basis.uid and basis.version for basis in certificate.objects.values())
    assert not any("Pod/" in name for name in certificate.objects)
    assert certificate.versions["stratus-tnr"] == version("stratus-tnr")
    assert _version("a package nobody has") == "unknown"


def test_no_certificate_without_a_pass(shop: Live) -> None:
    plan, live = plans.plan(*plans.BAD), shop.cluster().objects
    with pytest.raises(ValueError, match="did not pass"):
        certify(plan, examine(Twin(live), plan, 2, 0), live, 0, LIMITS, None)
