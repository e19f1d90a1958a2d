"""The gate: what it lets through, what it stops, and the smallest reason why."""

from __future__ import annotations

import copy
import dataclasses

import pytest

from stratus_sim.adapters.kubernetes.live import Json
from stratus_sim.adapters.simulated import SimulatedCluster
from stratus_sim.cluster import api
from stratus_sim.cluster.actions import Action
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.gate import trial
from stratus_sim.gate.gate import examine
from stratus_sim.gate.perturbation import (
    Perturbation,
    targets,
)
from stratus_sim.gate.plan import Plan
from stratus_sim.gate.trial import CARRIED_OUT, COMMITS, ROBUST, RUNTIME, Result, try_plan
from stratus_sim.gate.twin import Twin, imported
from stratus_sim.manifests.load import Manifests
from stratus_sim.telemetry.render import REDACTED
from stratus_sim.telemetry.severity import Severity, measure
from stratus_sim.testing.judge import ABORT_CLAUSE, COMMIT_CLAUSE, Finding
from stratus_sim.transaction.limits import LIMITS, Limits
from stratus_sim.transaction.manager import TransactionManager
from stratus_sim.transaction.records import Granted
from stratus_sim.world import World
from tests.gate import plans
from tests.gate.plans import objects, twin
from tests.transaction import small

EXAMPLES = 12


def test_a_good_plan_passes() -> None:
    verdict = examine(twin(), plans.plan(*plans.GOOD), EXAMPLES, 0)
    assert verdict.passed and len(verdict.results) == EXAMPLES + 1
    assert verdict.results[0].perturbation == Perturbation(), "the calm one first"
    assert verdict.committed >= EXAMPLES // 2
    assert len({result.perturbation for result in verdict.results}) > EXAMPLES // 2, "the environments differ"


def test_a_bad_plan_is_refused_by_the_calmest_case() -> None:
    verdict = examine(twin(), plans.plan(*plans.BAD), EXAMPLES, 0)
    assert verdict.smallest is not None and verdict.smallest.clause == COMMITS
    assert verdict.smallest.perturbation == Perturbation()
    assert "severity" in verdict.smallest.reason
    assert set(verdict.broken()) == {COMMITS, ROBUST}


def test_what_cannot_be_undone_is_refused() -> None:
    verdict = examine(twin(), plans.plan(*plans.REFUSED), 3, 0)
    assert verdict.smallest is not None and verdict.smallest.clause == CARRIED_OUT
    assert "cannot be taken back" in verdict.smallest.reason
    assert verdict.committed == 0


def test_a_plan_that_hurts_only_when_a_node_is_lost(hotel: World) -> None:
    """Two of three nodes out of use: well today, and the smallest case says when not."""
    cordons = [Action("cordon", f"node/node-{number}", {}) for number in (1, 2)]
    verdict = examine(Twin(objects(hotel)), plans.plan(*cordons), 50, 0)
    assert verdict.smallest is not None and verdict.smallest.clause == ROBUST
    found = verdict.smallest.perturbation
    assert (found.stroke, found.target, found.at_s, found.load_permille) == ("node-lost", "node-3", 0, 1000)
    assert "lacks" in verdict.smallest.reason
    assert not try_plan(Twin(objects(hotel)), plans.plan(cordons[0]), LIMITS, found).clause


def test_what_the_runtime_undoes_is_judged_as_if_it_had_stayed() -> None:
    """In the environment it was undone in: without what struck there, it would have done no harm."""
    world = small.world()
    at, *_ = {pod.status.node for pod in world.store.list("Pod")}
    others = sorted({node.key.name for node in world.store.list("Node")} - {at})
    plan, patient = (
        plans.plan(*(Action("cordon", f"node/{name}", {}) for name in others)),
        Limits(settle_us=900_000_000),
    )
    lost = try_plan(twin(), plan, patient, Perturbation(stroke="node-lost", target=at))
    assert (lost.clause, lost.committed) == (ROBUST, False)
    assert "; undone: severity" in lost.reason
    assert try_plan(twin(), plan, patient, Perturbation(load_permille=500)).clause == ""


def test_the_same_seed_tries_the_same() -> None:
    seen: list[Result] = []
    twice = [examine(twin(), plans.plan(*plans.GOOD), 5, 3, progress=seen.append).results for _ in range(2)]
    assert tuple(seen) == twice[0] + twice[1]
    other = examine(twin(), plans.plan(*plans.GOOD), 5, 4).results
    assert twice[0] == twice[1] != other


def test_a_verdict_says_what_lacks_more_than_it_would_have() -> None:
    finding = Finding("", Severity(1, 0, 0), Severity(0, 0, 0), (), {"a": 500, "b": 100}, {"b": 100})
    assert trial._compared(finding).endswith("; a lacks 50 % of its replicas")


class Forgetful(TransactionManager):
    def rollback(self):
        return ()


class Untrue(TransactionManager):
    @property
    def trace(self):
        return [record for record in super().trace if not isinstance(record, Granted)]


class Careless(TransactionManager):
    """Undoes, and writes once more behind everybody's back."""

    def rollback(self):
        kept = super().rollback()
        world = self.cluster.world
        api.put(world, {**world.store.state.objects[small.SETTINGS].manifest, "data": {}}, "agent:undoer")
        return kept


class Blind(SimulatedCluster):
    """Sees no difference between the system with the plan and without it."""

    def severity(self):
        return self.shadow_severity()


@pytest.mark.parametrize(
    ("broken", "clause", "committed"),
    [
        (Forgetful, RUNTIME, False),
        (Untrue, RUNTIME, False),
        (Careless, ABORT_CLAUSE, False),
        (Blind, COMMIT_CLAUSE, True),
    ],
)
def test_a_broken_runtime_does_not_pass(
    broken: type, clause: str, committed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "SimulatedCluster" if broken is Blind else "TransactionManager", broken)
    result = try_plan(twin(), plans.plan(*plans.BAD), LIMITS, Perturbation())
    assert (result.clause, result.committed) == (clause, committed)
    assert result.reason


def test_an_image_an_earlier_revision_ran_can_be_rolled_back_to() -> None:
    live = objects(small.world())
    earlier = copy.deepcopy(next(o for o in live if o["kind"] == "ReplicaSet"))
    earlier["metadata"]["name"] = "web-earlier"
    earlier["spec"]["template"]["spec"]["containers"][0]["image"] = "shop/web:0"
    assert "shop/web:0" in Twin([*live, earlier]).application.images
    assert "shop/web:0" not in Twin(live).application.images


def test_what_controllers_made_is_made_anew_in_the_twin() -> None:
    kinds = {manifest["kind"] for manifest in twin().manifests.objects}
    assert "Deployment" in kinds and not kinds & {"Pod", "ReplicaSet", "EndpointSlice"}


def test_of_the_status_of_a_node_its_room_alone_comes_along() -> None:
    room, status = {"cpu": "4", "memory": "8Gi"}, {"conditions": [], "images": []}
    for given in ({}, {"capacity": room}, {"capacity": room, "allocatable": {"cpu": "3"}}):
        found = {"kind": "Node", "apiVersion": "v1", "metadata": {"name": "n"}, "status": status | given}
        assert imported([found]).of_kind("Node")[0]["status"] == given


def test_the_twin_is_what_is_there() -> None:
    world, made = small.world(), twin()
    found = small.everything(made.world(0))
    # a live cluster does not tell default accounts and the name label of namespaces from what somebody wrote
    system = {
        f for f in found if world.store.state.objects[f.object].made or f.path[-1] == "kubernetes.io/metadata.name"
    }
    assert {f: value for f, value in found.items() if f not in system} == small.everything(world)
    assert measure(made.world(0)).scalar == 0


def test_values_of_secrets_stay_out() -> None:
    world = small.world()
    metadata = {"name": "key", "namespace": "shop", "annotations": {_APPLIED: "s3cret"}}
    api.put(world, {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"token": "s3cret"}}, "user")
    shown = [dict(r.manifest) for r in world.store.everything() if r.key.kind == "Secret"]
    secret = imported(shown).of_kind("Secret")[0]
    assert secret["data"] == {"token": REDACTED}
    assert "s3cret" not in str(secret)


_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def test_a_lost_node_is_lost_in_the_twin() -> None:
    world = small.world()
    world.schedule(0, "node.crash", "node-1")
    world.run_for(600_000_000)
    made = Twin(objects(world))
    assert made.lost == ("node-1",)
    assert targets(made.world(0)).nodes == ("node-2", "node-3"), "what is lost is not lost once more"
    node = made.world(0).store.get(ObjectKey("Node", "", "node-1"))
    assert node is not None and not node.status.ready
    assert measure(made.world(0)).components == measure(world).components == 1000, "its pods have moved on"


def test_healthy_manifests_say_what_is_wrong_now() -> None:
    """Scaled to zero: without them the twin takes that for how things should be."""
    world = small.world()
    healthy = Manifests(
        tuple(dict(r.manifest) for r in world.store.everything() if r.owner is None and r.key.kind != "EndpointSlice")
    )
    api.put(world, {**_web(world), "spec": {**_web(world)["spec"], "replicas": 0}}, "human")
    world.run_for(60_000_000)
    assert measure(Twin(objects(world), healthy).world(0)).components == 1000
    assert measure(Twin(objects(world)).world(0)).components == 0
    assert examine(Twin(objects(world), healthy), plans.plan(small.scale(2)), 5, 0).passed


def test_an_image_nobody_has_run_is_not_known_to_exist() -> None:
    image = Action("set-image", "deployment/web", {"image": "shop/web:9"}, "shop")
    verdict = examine(twin(), Plan((image,)), 3, 0)
    assert verdict.smallest is not None and verdict.smallest.clause == COMMITS
    known = twin()
    known.application = dataclasses.replace(known.application, images=known.application.images | {"shop/web:9"})
    assert examine(known, Plan((image,)), 3, 0).passed


def _web(world: World) -> Json:
    return dict(world.store.state.objects[small.WEB].manifest)
