"""What may go wrong around a plan: which environments are drawn, and what each does to a twin."""

from __future__ import annotations

import pytest

from stratus_sim.gate.perturbation import (
    ENVIRONMENTS,
    HORIZON_US,
    LASTS_S,
    STRIKES_UNTIL_S,
    Perturbation,
    Targets,
    perturbations,
    schedule,
    targets,
)
from stratus_sim.kernel.log import since
from stratus_sim.telemetry.severity import measure
from stratus_sim.testing.draws import explore
from tests.gate.plans import twin


@pytest.mark.parametrize("what", ["none", "node-lost", "workload-restarted"])
def test_what_strikes_shows(what: str) -> None:
    found = targets(twin().world(0))
    target = {"none": "", "node-lost": found.nodes[0], "workload-restarted": found.workloads[0]}[what]
    world = twin().world(0)
    schedule(world, Perturbation(stroke=what, target=target, load_permille=2500, at_s=5))
    world.run_for(6_000_000)
    assert world.traffic.load_permille == 2500
    assert (not all(node.status.heartbeat for node in world.store.list("Node"))) == (what == "node-lost")
    assert any(pod.deleting for pod in world.store.list("Pod")) == (what == "workload-restarted")


def test_a_lost_node_is_back_when_it_was_to_come_back() -> None:
    world, up = twin().world(0), []
    what = Perturbation(stroke="node-lost", target="node-2", at_s=15, lasts_s=30)
    assert str(what) == "node-lost node-2 at 15 s for 30 s, seed 0, load 100 %"
    schedule(world, what)
    for _ in range(5):
        world.run_for(10_000_000)
        up.append(all(node.status.heartbeat for node in world.store.list("Node")))
    assert up == [True, False, False, False, True]


def test_the_environments_are_those_the_certificate_names() -> None:
    found, seen = Targets(("n1", "n2"), ("shop/web",)), list[Perturbation]()
    explore(perturbations(found), seen.append, examples=80, base_seed=0, shrink=False)
    struck = {("none", ""), ("workload-restarted", "shop/web"), ("node-lost", "n1"), ("node-lost", "n2")}
    assert {(what.stroke, what.target) for what in seen} == struck
    assert {what.stroke for what in seen} == set(ENVIRONMENTS["strokes"])
    assert {what.load_permille for what in seen} == set(ENVIRONMENTS["load_permille"])
    for name, drawn in (("strikes_at_s", "at_s"), ("lasts_s", "lasts_s"), ("seeds", "seed")):
        values = [value for what in seen if (value := getattr(what, drawn)) is not None]
        low, high = ENVIRONMENTS[name]
        assert low <= min(values) < max(values) <= high, name
    assert len({what.lasts_s is None for what in seen}) == 2
    assert not any(what.noise for what in seen)
    known = [
        Perturbation(),
        Perturbation(load_permille=500),
        Perturbation(noise=True),
        Perturbation(stroke="node-lost"),
    ]
    assert [what.calm for what in known] == [True, False, False, False]


@pytest.mark.parametrize(("lasts_s", "left"), [(LASTS_S[1], 0), (None, 1000)])
def test_what_strikes_at_the_last_moment_is_answered_before_a_plan_is_judged_for_good(
    lasts_s: int | None, left: int
) -> None:
    world = twin().world(0)
    schedule(world, Perturbation(stroke="node-lost", target="node-1", at_s=STRIKES_UNTIL_S, lasts_s=lasts_s))
    world.run_for(HORIZON_US)
    assert measure(world).components == left


@pytest.mark.parametrize("noise", [False, True])
def test_noise_is_made_only_where_it_belongs_to_the_environment(noise: bool) -> None:
    world = twin().world(0)
    schedule(world, Perturbation(noise=noise))
    world.run_for(600_000_000)
    assert any(event.kind == "noise" for event in since(world.kernel.log, 0)) is noise
