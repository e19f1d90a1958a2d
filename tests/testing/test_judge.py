"""The judge compares two worlds, the disruptions come when they say, and an episode passes time as agents do."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stratus_sim.cluster import api, nodes
from stratus_sim.cluster.actions import Action
from stratus_sim.cluster.configuration import ABSENT
from stratus_sim.errors import UserError
from stratus_sim.faults import inject
from stratus_sim.files import write_atomically
from stratus_sim.genesis import STEADY_US, deploy
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.application import describe
from stratus_sim.manifests.load import Manifests
from stratus_sim.telemetry.observation import Observation
from stratus_sim.telemetry.severity import measure
from stratus_sim.testing.disrupted import Crash, CrashingJournal
from stratus_sim.testing.episode import Episode, Limits, play
from stratus_sim.testing.execution import Unprotected
from stratus_sim.testing.judge import ABORT_CLAUSE, COMMIT_CLAUSE, OWN_CLAUSE, Judge
from stratus_sim.testing.policy import Answer, Submit, Wait
from stratus_sim.testing.scenario import Disruption, Scenario
from stratus_sim.testing.stage import Source, Stage
from stratus_sim.world import World
from tests.application.mesh import deployment, key, mesh, scale, service

CONFIG = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "default"}}


def settled(world: World) -> World:
    world.run_for(5 * SECOND_US)
    return world


def test_harm_breaks_a_commit_and_help_does_not() -> None:
    world = mesh("a>b")
    judge = Judge(world)
    assert (judge.committed().clause, judge.attempt_alone().clause) == ("", "")
    scale(world, "b", 0)
    settled(world)
    found = judge.committed()
    assert (found.clause, judge.attempt_alone().clause) == (COMMIT_CLAUSE, OWN_CLAUSE)
    assert (found.severity_with.scalar, found.severity_without.scalar) == (11_000, 0)
    assert (found.sick_with, found.sick_without) == ({"default/b": 1000}, {})
    judge = Judge(world)
    scale(world, "b", 1)
    settled(world)
    found = judge.committed()
    assert (found.clause, judge.attempt_alone().clause) == ("", "")
    assert (found.sick_with, found.sick_without) == ({}, {"default/b": 1000})


def test_users_may_be_helped_at_the_expense_of_less() -> None:
    world = mesh("a>b", extra=[deployment("c"), deployment("d")])
    scale(world, "b", 0)
    judge = Judge(settled(world))
    for name, replicas in (("b", 1), ("c", 0), ("d", 0)):
        scale(world, name, replicas)
    found = (settled(world), judge.committed())[1]
    assert found.severity_with.components > found.severity_without.components
    assert (found.clause, judge.attempt_alone().clause) == ("", "")


def test_an_abort_leaves_every_field_as_it_would_be() -> None:
    for changes, differs in (
        ([CONFIG], [("c", ("kind",))]),
        ([{**service("a"), "spec": {"ports": [{"port": 80}]}}], [("a", ("spec", "selector", "app"))]),
        ([CONFIG, None], []),
    ):
        world = mesh()
        judge = Judge(world)
        for manifest in changes:
            if manifest is None:
                api.delete(world, key("c", "ConfigMap"), "test")
            else:
                api.put(world, manifest, "test")
        found = judge.aborted()
        assert found.clause == (ABORT_CLAUSE if differs else "")
        paths = [(field.object.name, field.path) for field, _, _ in found.differences]
        assert set(differs) <= set(paths)
        assert found.severity_without == measure(mesh())


def test_what_is_deleted_and_was_there_before_differs() -> None:
    world = mesh(extra=[CONFIG])
    judge = Judge(world)
    api.delete(world, key("c", "ConfigMap"), "test")
    assert ("kind", "ConfigMap", ABSENT) in [(f.path[-1], a, b) for f, a, b in judge.aborted().differences]


def test_what_controllers_did_meanwhile_is_no_difference_and_foreign_writes_meet_both() -> None:
    world = mesh("a>b")
    inject.schedule(world, SECOND_US, "scale-to-zero", key("b"))
    judge = Judge(world)
    api.delete(world, next(p.key for p in world.store.list("Pod")), "test")
    found = (settled(world), judge.aborted())[1]
    assert (found.clause, found.differences) == ("", ())
    assert found.severity_with == found.severity_without
    assert found.severity_with.scalar > 0


@pytest.mark.parametrize("where", ["with", "without", "both"])
def test_what_an_autoscaler_has_set_is_no_difference(where: str) -> None:
    """A roll-out of the world with or without the attempt may be what makes one act; undo takes none of it back."""
    world = mesh("a>b", extra=[autoscaler("b", low=1, high=3)] if where != "with" else [])
    judge = Judge(world)
    if where != "without":
        api.put(world, autoscaler("b", low=2, high=3), "test")
    if where != "with":
        scale(judge._without, "b", 9)
    world.run_for(60 * SECOND_US)
    differs = replicas_differ(judge)
    assert (world.store.state.objects[key("b")].spec.replicas, differs) == (1 if where == "without" else 2, False)


def test_what_others_have_set_differs_though_an_autoscaler_is_there() -> None:
    world = mesh("a>b", extra=[autoscaler("b", low=1, high=3)])
    judge = Judge(world)
    scale(world, "b", 2)
    assert replicas_differ(judge)


def test_an_autoscaler_that_has_set_nothing_since_excuses_nothing() -> None:
    """It has been at work before; then somebody takes it away, and another size is set by hand."""
    world = mesh("a>b", extra=[autoscaler("b", low=2, high=3)])
    world.run_for(60 * SECOND_US)
    assert world.store.state.objects[key("b")].spec.replicas == 2
    judge = Judge(world)
    api.delete(world, key("b", "HorizontalPodAutoscaler"), "test")
    scale(world, "b", 3)
    assert replicas_differ(judge)


def replicas_differ(judge: Judge) -> bool:
    found = judge.aborted()
    assert found.clause == (ABORT_CLAUSE if found.differences else "")
    return ("spec", "replicas") in [field.path for field, _, _ in found.differences]


def autoscaler(name: str, low: int, high: int) -> dict[str, Any]:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    spec = {"scaleTargetRef": target, "minReplicas": low, "maxReplicas": high}
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": metadata, "spec": spec}


@pytest.mark.parametrize(("at", "durable"), [(0, 0), (1, 2), (2, 2), (3, 4)])
def test_a_journal_crashes_before_or_after_its_record_is_durable(at: int, durable: int) -> None:
    journal = CrashingJournal(at)
    records = iter(range(10))
    with pytest.raises(Crash):
        while True:
            journal.append(next(records))  # type: ignore[arg-type]  # whatever a record is
    assert len(journal.records()) == durable


class Watching:
    """Answers what it is given and keeps what it saw."""

    def __init__(self, *answers: Answer) -> None:
        self.answers, self.seen = list(answers), list[Observation]()

    def act(self, observation: Observation) -> Answer:
        self.seen.append(observation)
        return self.answers.pop(0) if self.answers else None


def played(world: World, policy: Watching, attempts: int = 1, **options: Any) -> Episode:
    return play(world, lambda _seed: policy, 0, Unprotected, Limits(attempts=attempts), **options)


def resize(name: str, replicas: int) -> Action:
    return Action("scale", f"deployment/{name}", {"replicas": replicas})


def test_time_passes_before_the_first_look_with_every_answer_and_with_waiting() -> None:
    policy = Watching([resize("b", 2), Wait(60)], Submit())
    episode = played(mesh("a>b"), policy)
    assert [seen.now_s for seen in policy.seen] == [180 + 90, 180 + 90 + 5 + 60]
    (attempt,) = episode.attempts
    assert attempt.decided_us - attempt.began_us == (5 + 60 + 5 + 90) * SECOND_US


def test_a_policy_hears_what_became_of_its_actions_and_attempts() -> None:
    policy = Watching([resize("b", 0), resize("none", 1)], None, Submit("enough"))
    episode = played(mesh("a>b"), policy, attempts=2)
    last = policy.seen[-1]
    assert (last.attempt, len(episode.attempts)) == (2, 2)
    done, refused, decided = last.feedback
    assert done.startswith("done: scale deployment/b")
    assert refused.startswith("refused: ")
    assert decided == "attempt 1: kept: nothing was validated, nothing undone"
    assert episode.broken is episode.attempts[0]
    assert not episode.repaired
    assert [e["reason"] for e in episode.events if e["kind"] == "policy.submit"] == ["", "enough"]


def test_what_comes_after_submit_is_not_done_and_a_well_system_needs_one_attempt() -> None:
    world = mesh("a>b")
    episode = played(world, Watching([resize("b", 2), Submit(), resize("b", 0)]), attempts=3)
    assert (len(episode.attempts), episode.repaired) == (1, True)
    assert world.store.state.objects[key("b")].spec.replicas == 2


def test_only_the_chosen_actions_are_carried_out() -> None:
    world = mesh("a>b")
    played(world, Watching([resize("a", 2), resize("b", 3), resize("a", 4)]), only=(1,))
    assert [world.store.state.objects[key(n)].spec.replicas for n in "ab"] == [1, 3]


def test_a_system_with_a_defect_of_its_own_is_repaired_when_it_is_as_before() -> None:
    world = mesh("a>b", extra=[deployment("c", nodeSelector={"none": "such"})])
    assert measure(world).scalar > 0
    assert played(world, Watching()).repaired


def test_every_event_of_the_world_is_recorded_once_and_severity_every_ten_seconds() -> None:
    world = mesh("a>b")
    nodes.crash(world, "node-9")
    episode = played(world, Watching([resize("b", 2)], [resize("b", 3)]))
    assert len([e for e in episode.events if e["kind"] == "api.write"]) == 2
    times = [e["time_us"] for e in episode.events if e["kind"] == "severity"]
    assert max(b - a for a, b in pairwise(times)) == 10 * SECOND_US
    blind = played(mesh("a>b"), Watching([resize("b", 2)]), watch=False)
    assert len([e for e in blind.events if e["kind"] == "severity"]) == 1


def test_a_sample_within_an_attempt_shows_the_severity_without_it_too() -> None:
    episode = played(mesh("a>b"), Watching([resize("b", 0), Wait(60)]))
    apart = [e for e in episode.events if e["kind"] == "severity" and e["now"] != e["without"]]
    assert len(apart) > 6
    assert all(e["without"] == {"components": 0, "requests": 0, "alerts": 0} for e in apart)


def test_deleting_on_its_own_happens() -> None:
    world = mesh("a>b")
    episode = played(world, Watching([Action("delete", "deployment/b")]))
    assert world.store.get(key("b")) is None
    assert episode.attempts[0].decision.finding.clause == OWN_CLAUSE


def test_a_scenario_says_what_happens_and_its_stage_sets_the_timers() -> None:
    scenario = Scenario("scale-to-zero", "Deployment/geo", 10, 20, 1500, 3, Disruption("crash", 4))
    assert str(scenario) == "scale-to-zero on Deployment/geo at 10 s, for 20 s, load 150 %, seed 3, crash at 4"
    world = Stage(Source()).world(scenario)
    due = sorted((t.due_us - world.now_us, t.handler) for t in world.kernel.timers.values())
    assert due == [(0, "traffic.load"), (10 * SECOND_US, "fault.inject"), (30 * SECOND_US, "fault.heal")]
    world.run_for(SECOND_US)
    assert (world.traffic.load_permille, world.kernel.seed) == (1500, 3)
    noisy = msgspec.structs.replace(scenario, noise=True)
    assert str(noisy) == f"{scenario}, noise"
    assert len(Stage(Source()).world(noisy).kernel.timers) > len(due)


def test_a_stage_remarks_what_would_not_start(tmp_path: Path) -> None:
    path = tmp_path / "app.yaml"
    path.write_text(
        """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: i, readinessProbe: {exec: {}, initialDelaySeconds: 1000}}]}
---
apiVersion: v1
kind: Pod
metadata: {name: over}
spec: {activeDeadlineSeconds: 5, containers: [{name: over, image: i}]}
---
apiVersion: example.org/v1
kind: Strange
metadata: {name: one}
"""
    )
    *before, pod = Stage(Source("", str(path), namespace="mine")).remarks()
    assert any("Strange" in remark for remark in before), "what the manifests themselves are warned of comes first"
    assert not any("Pod/" in remark for remark in before), "one that has ended is as it should be"
    assert pod.startswith("Pod/web-")
    assert pod.endswith(" in mine: not ready")


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "x"
    write_atomically(path, b"old")
    other = path.open("rb")
    write_atomically(path, b"new")
    with other:
        assert (other.read(), path.read_bytes()) == (b"old", b"new")
    assert path.stat().st_mode & 0o777 == 0o644
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="cannot be written"):
        write_atomically(tmp_path / "folder", b"data")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "x"]


def born(*objects: dict[str, Any]) -> World:
    manifests = Manifests(objects)
    return deploy(manifests, describe(manifests), 5)


def test_a_world_begins_with_what_others_need_and_stands_for_three_minutes() -> None:
    world = born(
        service("a"), deployment("a"), CONFIG, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "z"}}
    )
    first = sorted((r.uid, r.key.kind) for r in world.store.everything() if r.owner is None and not r.made)
    assert [kind for _, kind in first] == ["Namespace", *["Node"] * 3, "ConfigMap", "Service", "Deployment"]
    assert (world.now_us, world.kernel.seed) == (STEADY_US, 5) == (180 * SECOND_US, 5)


@pytest.mark.parametrize(("workloads", "count"), [(1, 3), (36, 3), (37, 4)])
def test_nodes_are_invented_by_the_number_of_workloads(workloads: int, count: int) -> None:
    names = [n.key.name for n in born(*(deployment(f"w{n}", 0) for n in range(workloads))).store.list("Node")]
    assert names == [f"node-{n}" for n in range(1, count + 1)]


def test_nodes_that_are_declared_are_the_only_ones_and_an_invented_one_has_its_hostname() -> None:
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "mine"}}
    assert [n.key.name for n in born(node).store.list("Node")] == ["mine"]
    assert born(deployment("a")).store.list("Node")[0].labels["kubernetes.io/hostname"] == "node-1"
