"""Forks of the world judge the side conditions: inside them an aborted action settles no worse than the untouched fork.

A world is damaged, a compensable action carried out in a transaction, and the transaction aborted. A fork taken just
before runs on untouched. When both have settled, severity is compared.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stratus_sim.adapters.simulated import SimulatedCluster
from stratus_sim.cluster import api, conditions
from stratus_sim.cluster.actions import Action
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.kernel import SECOND_US
from stratus_sim.snapshot import Snapshot
from stratus_sim.telemetry.severity import measure, no_worse
from stratus_sim.transaction.limits import Limits
from stratus_sim.world import World
from tests.application.mesh import deployment, mesh, service
from tests.transaction import small

LIMITS = Limits(actions=3)
SETTLE_US = 900 * SECOND_US
NOTICED_S = 60
"""A node is lost for 50 s before the control plane notices; a condition rests on what it knows."""
CONFIG = ObjectKey("ConfigMap", "default", "settings")
B, DB = ObjectKey("Deployment", "default", "b"), ObjectKey("StatefulSet", "default", "db")


@cache
def standing() -> Snapshot:
    """`a` calls `b`; `b` reads a ConfigMap; `db` is an ensemble of three with a disruption budget."""
    b = deployment("b", 3)
    b["spec"]["template"]["spec"]["containers"][0]["envFrom"] = [{"configMapRef": {"name": "settings"}}]
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"A": "1"}}
    selector = {"matchLabels": {"app": "db"}}
    budget = {"minAvailable": 2, "selector": selector}
    pdb = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "db"}, "spec": budget}
    world = mesh("a>b", replicas=2, extra=[config, deployment("db", 3, kind="StatefulSet"), service("db"), pdb])
    api.put(world, b, "test")
    world.run_for(200 * SECOND_US)
    return world.snapshot()


class Case(NamedTuple):
    """What is broken first, how long before the actions, how long after each until the next or the abort (seconds)."""

    damages: tuple[str, ...]
    before_s: int
    actions: tuple[tuple[Action, int], ...]


def _patched(world: World, key: ObjectKey, **spec: Any) -> None:
    found = world.store.get(key)
    if found is not None:
        api.put(world, {**found.manifest, "spec": {**(found.manifest.get("spec") or {}), **spec}}, "test")


def _bad_image(world: World, key: ObjectKey) -> None:
    template = world.store.state.objects[key].manifest["spec"]["template"]
    first = {**template["spec"]["containers"][0], "image": "no:such"}
    _patched(world, key, template={**template, "spec": {**template["spec"], "containers": [first]}})


def _grown(world: World) -> None:
    """A workload that wants all the room there is."""
    hungry = deployment("hungry", 12)
    hungry["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "7500m"}}
    api.put(world, hungry, "test")


DAMAGES = {
    "config gone": lambda world: api.delete(world, CONFIG, "test"),
    "bad roll-out": lambda world: _bad_image(world, B),
    "bad ensemble": lambda world: _bad_image(world, DB),
    "two nodes cordoned": lambda world: [
        _patched(world, n.key, unschedulable=True) for n in world.store.list("Node")[1:]
    ],
    "the first two nodes cordoned": lambda world: [
        _patched(world, n.key, unschedulable=True) for n in world.store.list("Node")[:2]
    ],
    "all nodes cordoned": lambda world: [_patched(world, n.key, unschedulable=True) for n in world.store.list("Node")],
    "node lost": lambda world: world.schedule(0, "node.crash", "node-2"),
    "no room": _grown,
    "paused with a bad template": lambda world: (_patched(world, B, paused=True), _bad_image(world, B)),
    "paused": lambda world: _patched(world, B, paused=True),
    "one replica": lambda world: _patched(world, B, replicas=1),
}


def _on(name: str, *verbs: tuple[str, dict[str, Any]]) -> list[Action]:
    return [Action(verb, name, arguments) for verb, arguments in verbs]


_EDITS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("set-image", {"image": "a:1"}),
    ("set-image", {"image": "none:at-all"}),
    ("set-env", {"env": {"X": "1"}}),
    ("set-resources", {"requests": {"cpu": "9"}}),
    ("set-probes", {"readiness": {"tcpSocket": {"port": 9}}}),
    ("scale", {"replicas": 0}),
    ("scale", {"replicas": 2}),
    ("scale", {"replicas": 6}),
    ("rollout-restart", {}),
)
ACTIONS = [
    *_on("deployment/b", *_EDITS, ("delete", {}), ("rollout-undo", {}), ("rollout-resume", {})),
    *_on("deployment/b", ("patch", {"patch": {"spec": {"paused": None, "replicas": 1}}})),
    *_on("deployment/b", ("autoscale", {"min": 3, "max": 5}), ("autoscale", {"min": 1, "max": 5})),
    *_on("statefulset/db", *_EDITS),
    *_on("pod/0", ("delete", {}), ("evict", {})),
    *_on("pod/3", ("delete", {}), ("evict", {})),
    *_on("pod/6", ("delete", {}), ("evict", {})),
    *(Action(verb, f"node/node-{n}", {}) for n in (1, 2, 3) for verb in ("drain",)),
    *_on(
        "node/node-1",
        ("taint", {"taints": ["x:NoExecute"]}),
        ("patch", {"patch": {"metadata": {"labels": {"k": "v"}}}}),
    ),
]
CASES = st.builds(
    Case,
    damages=st.lists(st.sampled_from(sorted(DAMAGES)), max_size=2, unique=True).map(tuple),
    before_s=st.sampled_from([0, 5, 60, 200]),
    actions=st.lists(
        st.tuples(st.sampled_from(ACTIONS), st.sampled_from([0, 3, 20, 90, 300])), min_size=1, max_size=3
    ).map(tuple),
)


def resolved(world: World, action: Action) -> Action:
    """`pod/3` is the fourth pod there is."""
    kind, _, name = action.target.partition("/")
    pods = world.store.list("Pod")
    if kind != "pod" or not pods:
        return action
    return Action(action.verb, f"pod/{pods[int(name) % len(pods)].key.name}", action.arguments)


def settled(case: Case) -> tuple[list[Action], bool, str]:
    """(the actions carried out, did it settle no worse than the untouched fork, what happened)."""
    world = World(standing())
    for damage in case.damages:
        DAMAGES[damage](world)
    world.run_for(max(case.before_s, NOTICED_S if "node lost" in case.damages else 0) * SECOND_US)
    untouched = world.fork()
    manager = small.begun(SimulatedCluster(world), limits=LIMITS)
    done = []
    for action, held_s in case.actions:
        if manager.act(resolved(world, action)).performed:
            done.append(action)
            world.run_for(held_s * SECOND_US)
    manager.abandon("enough")
    world.run_for(SETTLE_US)
    untouched.run_until(world.now_us)
    with_, without = measure(world), measure(untouched)
    told = "; ".join(f"{a.verb} {a.target} {dict(a.arguments)}" for a in done)
    return done, no_worse(with_, without), f"{case}: did {told}: {with_} with it, {without} without"


def judge(examples: int) -> Counter[str]:
    """Try so many cases; how often each condition let its action pass. Raises AssertionError for a worse fork."""
    passed: Counter[str] = Counter()

    @settings(
        max_examples=examples, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    @given(CASES)
    def run(case: Case) -> None:
        done, well, told = settled(case)
        assert well, told
        passed.update(str(conditions.classification(action.verb, action.key.kind).condition) for action in done)

    run()
    return passed


def case(damages: tuple[str, ...], action: Action, held_s: int) -> Case:
    return Case(damages, 60, ((action, held_s),))


OUTSIDE = {
    "rollable: no configuration": case(("config gone",), Action("scale", "deployment/b", {"replicas": 0}), 20),
    "rollable: no room": case(("all nodes cordoned",), Action("scale", "deployment/b", {"replicas": 1}), 20),
    "rollable: earlier template": case(("bad roll-out",), Action("scale", "deployment/b", {"replicas": 0}), 90),
    "rollable: paused": case(("paused with a bad template",), Action("rollout-resume", "deployment/b"), 300),
    "rollable: others wait for room": Case(
        ("no room", "the first two nodes cordoned"),
        5,
        ((Action("set-env", "deployment/b", {"env": {"X": "1"}}), 300), (Action("rollout-undo", "deployment/b"), 90)),
    ),
    "replaceable": case(("all nodes cordoned",), Action("delete", "pod/0"), 20),
    "evictable": case(("config gone", "two nodes cordoned"), Action("drain", "node/node-2"), 90),
    "quorum: no room": case(("all nodes cordoned",), Action("scale", "statefulset/db", {"replicas": 2}), 20),
    "quorum: held up": case(
        (),
        Action("patch", "statefulset/db", {"patch": {"spec": {"template": {"spec": {"nodeSelector": {"x": "y"}}}}}}),
        90,
    ),
}


@pytest.mark.parametrize("outside", OUTSIDE.values(), ids=OUTSIDE)
def test_outside_its_condition_it_is_refused_and_would_settle_worse(
    outside: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settled(outside)[0] == []
    monkeypatch.setattr(conditions, "permitted", lambda *_: True)
    done, well, told = settled(outside)
    assert done and not well, told


def test_inside_its_condition_an_aborted_action_settles_no_worse() -> None:
    assert sum(judge(40).values()) >= 10


@pytest.mark.slow
def test_inside_its_condition_an_aborted_action_settles_no_worse_many_times() -> None:
    passed = judge(600)
    assert sum(passed.values()) >= 150
    assert all(passed[name] >= 5 for name in ("rollable", "quorum", "replaceable", "evictable", "only_raises"))
