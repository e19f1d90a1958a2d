"""The gate: what it lets through, what it stops, and the smallest reason why."""

from __future__ import annotations

import copy
import dataclasses

import pytest

from stratus_sim.adapters.kubernetes.live import Json
from stratus_sim.cluster import api
from stratus_sim.cluster.actions import Action
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.gate import trial
from stratus_sim.gate.gate import examine
from stratus_sim.gate.perturbation import Perturbation, targets
from stratus_sim.gate.plan import Plan
from stratus_sim.gate.trial import CARRIED_OUT, COMMITS, ROBUST, RUNTIME, try_plan
from stratus_sim.gate.twin import Twin, imported
from stratus_sim.kernel.log import since
from stratus_sim.manifests.load import Manifests
from stratus_sim.telemetry.render import REDACTED, render
from stratus_sim.telemetry.severity import Severity, measure
from stratus_sim.testing.judge import Finding
from stratus_sim.transaction.limits import LIMITS
from stratus_sim.transaction.manager import TransactionManager
from stratus_sim.world import World
from tests.gate import plans
from tests.transaction import small

EXAMPLES = 12


def objects(world: World) -> list[Json]:
    return [render(world, resource) for resource in world.store.everything()]


def twin() -> Twin:
    return Twin(objects(small.world()))


def test_a_good_plan_passes() -> None:
    verdict = examine(twin(), plans.plan(*plans.GOOD), EXAMPLES, 0)
    assert verdict.passed and len(verdict.results) == EXAMPLES + 1
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


def test_the_same_seed_tries_the_same() -> None:
    twice = [examine(twin(), plans.plan(*plans.GOOD), 5, 3).results for _ in range(2)]
    other = examine(twin(), plans.plan(*plans.GOOD), 5, 4).results
    assert twice[0] == twice[1] != other


@pytest.mark.parametrize("what", ["none", "node-lost", "workload-restarted"])
def test_what_strikes_shows(what: str) -> None:
    found = targets(twin().world(0))
    target = {"none": "", "node-lost": found.nodes[0], "workload-restarted": found.workloads[0]}[what]
    world = twin().world(0)
    trial.schedule(world, Perturbation(stroke=what, target=target, load_permille=2500, at_s=5))  # type: ignore[arg-type]
    world.run_for(6_000_000)
    assert world.traffic.load_permille == 2500
    assert (not all(node.status.heartbeat for node in world.store.list("Node"))) == (what == "node-lost")
    assert any(pod.deleting for pod in world.store.list("Pod")) == (what == "workload-restarted")


@pytest.mark.parametrize("noise", [False, True])
def test_noise_is_made_only_where_it_belongs_to_the_environment(noise: bool) -> None:
    world = twin().world(0)
    trial.schedule(world, Perturbation(noise=noise))
    world.run_for(600_000_000)
    assert any(event.kind == "noise" for event in since(world.kernel.log, 0)) is noise


def test_a_verdict_says_what_lacks_more_than_it_would_have() -> None:
    finding = Finding("", Severity(1, 0, 0), Severity(0, 0, 0), (), {"a": 500, "b": 100}, {"b": 100})
    assert trial._compared(finding).endswith("; a lacks 50 % of its replicas")


def test_a_broken_runtime_does_not_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    class Forgetful(TransactionManager):
        def rollback(self):
            return ()

    monkeypatch.setattr(trial, "TransactionManager", Forgetful)
    result = try_plan(twin(), plans.plan(*plans.BAD), LIMITS, Perturbation())
    assert result.clause == RUNTIME and not result.committed


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
