"""Nothing an agent can read names a fault, the simulator, or a mechanism that a real system would not reveal."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache

import pytest

from stratus_sim.cluster import api
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.objects import Manifest, ObjectKey
from stratus_sim.faults import FAULTS as CATALOGUE
from stratus_sim.faults import choose_target, everything, inject, noise
from stratus_sim.faults.catalogue import Fault
from stratus_sim.kernel import SECOND_US
from stratus_sim.snapshot import Snapshot
from stratus_sim.telemetry.alerts import RULES, Rule
from stratus_sim.telemetry.metrics import METRICS, Metric, Sample
from stratus_sim.testing.stage import Source, Stage
from stratus_sim.world import World
from tests.conftest import SHARED, stage
from tests.faults.cases import CASES
from tests.telemetry.surfaces import SURFACES
from tests.telemetry.test_blame import told_by

FAULTS = everything()
STAGES: dict[str, str] = {
    "otel-demo": "otel-demo",
    "online-boutique": "online-boutique/release",
    "bank-of-anthos": "bank-of-anthos/kubernetes-manifests",
    "wordpress": "k8s-examples-wordpress",
}
SMALL: dict[str, Callable[[], World]] = {
    "hotel": lambda: World(stage().standing(0).snapshot()),
    **{case.fault: case.world for case in CASES if case.fault in ("mysql-tls-required", "postgres-user-missing")},
    **{
        case.fault: case.world for case in CASES if case.fault in ("valkey-auth-password-mismatch", "kafka-poison-pill")
    },
    **{case.fault: case.world for case in CASES if case.fault == "feature-flag-payment-failure"},
}
"""Worlds that need nothing beside this checkout, by a fault that finds a target there."""
NAMES = tuple(text for name in FAULTS for text in (name, name.replace("-", "_")))
WORDS = (
    "fault", "inject", "chaos", "scripted", "simulat", "stratus_", "counterfactual", "ground truth", "heartbeat",
    "listens", "memory_mib", "evident", " agent:", "episode", "scenario", "noise", "disturb", "stolen", "strain",
    "severity", "planted", "poison", "behaviour", "stratus", "simpy", "oracle", "no-such", "bogus", "dummy",
    "fake",
    *noise.DISTURBANCES,
    *NAMES, *(fault.summary.lower() for fault in FAULTS.values()),
)  # fmt: skip
ALLOWED: dict[str, str] = {
    r"NetworkChaos|networkchaos(?:es)?|chaos-mesh(?:\.org)?": "Chaos Mesh is a program of its own: its objects are "
    "there to be seen, under its own kind, group and namespace",
    r"lastHeartbeatTime": "when a kubelet last wrote its status, as every condition of a node says",
    r"severity (?:\d+ \(components \d+|no worse than without it)": "how the runtime has judged an "
    "attempt, by its own measure",
    r"\"?severity\"?(?:: |=)\"(?:critical|warning|info)\"": "how bad an alert is, its rule says in a label",
}
"""What looks telling and is not: a pattern, and why a real system shows it too."""
_REAL = re.compile("|".join([*ALLOWED, "default"]), re.IGNORECASE)


def tells(text: str) -> bool:
    low = text.lower()
    if not any(word in low for word in WORDS):
        return False
    left = _REAL.sub("", low)
    return any(word in left for word in WORDS)


def leaks(lines: Iterable[str], known: frozenset[str] = frozenset()) -> list[str]:
    """The lines that tell something; those that were there before, in the application's own manifests, do not."""
    new = {line: None for line in lines if line not in known}
    return [line for line in new if tells(line)] if tells("\n".join(new)) else []


@cache
def standing(name: str) -> Snapshot:
    if name in SMALL:
        return SMALL[name]().snapshot()
    return Stage(Source(manifests=str(SHARED / "manifests" / STAGES[name]))).standing(0).snapshot()


@cache
def own_words(name: str) -> dict[str, frozenset[str]]:
    """By surface, the lines of an application at rest that would tell something if they were ours."""
    world = World(standing(name))
    return {surface: frozenset(leaks(read(world))) for surface, read in SURFACES.items()}


def struck_in(name: str, fault: str) -> bool:
    """Whether a fault finds a target in an application."""
    return bool(FAULTS[fault].targets(World(standing(name))))


def found_after(name: str, fault: str) -> dict[str, list[str]]:
    """What every surface leaks while a fault is on, some time after it struck and again after it was switched off."""
    world, found = World(standing(name)), {}
    target = choose_target(world, FAULTS[fault])
    inject.schedule(world, 0, fault, target)
    found["striking"] = leaks(SURFACES["watches"](world), own_words(name)["objects"])
    world.run_for(100 * SECOND_US)
    for surface, read in SURFACES.items():
        found[surface] = leaks(read(world), own_words(name)[surface])
    inject.heal(world, fault, target)
    found["healing"] = leaks(SURFACES["watches"](world), own_words(name)["objects"])
    world.run_for(5 * SECOND_US)
    found["after"] = leaks(SURFACES["objects"](world), own_words(name)["objects"])
    return found


STRUCK = {fault: next((name for name in SMALL if struck_in(name, fault)), "") for fault in sorted(FAULTS)}
"""Where each fault is looked for first; only some flags need an application from outside."""


@pytest.mark.parametrize("fault", [fault for fault, name in STRUCK.items() if name])
def test_no_surface_tells_which_fault_struck(fault: str) -> None:
    assert {surface: told for surface, told in found_after(STRUCK[fault], fault).items() if told} == {}


def test_every_fault_there_is_strikes_somewhere() -> None:
    """A fault that finds no target would be looked for in vain."""
    elsewhere = [fault for fault, name in STRUCK.items() if not name]
    assert all(fault.startswith("feature-flag-") for fault in elsewhere)
    if SHARED.is_dir():
        assert [fault for fault in elsewhere if not struck_in("otel-demo", fault)] == []


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared manifests are not beside this checkout")
@pytest.mark.parametrize("fault", ["feature-flag-ad-failure"])
def test_no_surface_tells_in_an_application_with_flags_and_queues(fault: str) -> None:
    assert not any(found_after("otel-demo", fault).values())


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared manifests are not beside this checkout")
@pytest.mark.parametrize("name", sorted(STAGES))
def test_no_surface_tells_in_any_application(name: str) -> None:
    struck = [fault for fault in sorted(FAULTS) if struck_in(name, fault)]
    assert len(struck) >= 5
    told = {fault: {k: v for k, v in found_after(name, fault).items() if v} for fault in struck}
    assert {fault: found for fault, found in told.items() if found} == {}


def test_noise_in_the_background_is_not_named() -> None:
    world = World(standing("hotel"))
    quiet = list(SURFACES["events"](world))
    noise.start(world)
    for _ in range(3):
        world.run_for(100 * SECOND_US)
        assert {surface: found for surface, read in SURFACES.items() if (found := leaks(read(world)))} == {}
    assert list(SURFACES["events"](world)) != quiet, "something happened"


def test_the_embedded_application_has_no_telling_words_of_its_own() -> None:
    assert own_words("hotel") == dict.fromkeys(SURFACES, frozenset())


def test_the_world_itself_knows() -> None:
    """The search would find it."""
    world = World(standing("hotel"))
    inject.schedule(world, 0, "scale-to-zero", choose_target(world, FAULTS["scale-to-zero"]))
    world.run_for(SECOND_US)
    assert world.kernel.log is not None
    assert leaks([str(world.kernel.log.event)])
    assert leaks([str(world.cluster.audit)])


def test_every_allowance_is_used() -> None:
    """An allowance nobody needs would only hide a leak."""
    world = World(standing("hotel"))
    inject.schedule(world, 0, "network-partition", choose_target(world, FAULTS["network-partition"]))
    world.run_for(10 * SECOND_US)
    world.run_for(110 * SECOND_US)
    text = "\n".join(line for read in SURFACES.values() for line in read(world))
    assert [pattern for pattern in ALLOWED if not re.search(pattern, text)] == []
    assert any(word in text.lower() for word in WORDS)


def mark(world: World) -> None:
    geo = world.store.state.objects[ObjectKey("Deployment", "hotel", "geo")].manifest
    metadata = {**geo["metadata"], "annotations": {"note": "fault-injector was here"}}
    api.put(world, {**geo, "metadata": metadata}, "fault")
    world.run_for(0)


def report(world: World) -> None:
    emit(world, next(world.store.keys("Pod")), "Failed", "injected by the simulator", warning=True)


def fail(world: World) -> None:
    """A caller's error that names what broke it."""
    target = choose_target(world, FAULTS["env-var-wrong-value"], "frontend")
    inject.schedule(world, 0, "env-var-wrong-value", target)
    world.run_for(30 * SECOND_US)
    flows = world.traffic.flows
    assert flows is not None
    calls = tuple(_renamed(flow) if flow.error else flow for flow in flows.calls)
    told_by(world, type(flows)(flows.workloads, calls, flows.entries))


def _renamed(flow):
    return type(flow)(flow.call, flow.rate, flow.success_permille, flow.latency_us, "refused by fault env-var")


def alarm(world: World) -> None:
    RULES["FaultActive"] = Rule("FaultActive", 0, "info", lambda w: iter([("hotel", "geo", w.now_us)]))


def measure(world: World) -> None:
    METRICS["active"] = Metric("active", "gauge", "Faults on.", lambda _: iter([Sample({}, 1)]))


def strike(world: World) -> None:
    """A fault whose writes carry its name."""
    geo = ObjectKey("Deployment", "hotel", "geo")

    def writes(world: World, target: ObjectKey) -> list[tuple[ObjectKey, Manifest | None]]:
        manifest = world.store.state.objects[target].manifest
        return [(target, {**manifest, "metadata": {**manifest["metadata"], "labels": {"is": "planted"}}})]

    CATALOGUE["planted"] = Fault("planted", "A leak.", lambda _: [geo], lambda *_: True, writes)
    inject.schedule(world, 5 * SECOND_US, "planted", geo)


def name_it(world: World) -> None:
    """A pod whose very name tells, so that whoever is refused something about it is told."""
    pod = {"containers": [{"name": "c", "image": "i"}]}
    metadata = {"name": "a-planted", "namespace": "hotel"}
    api.put(world, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod}, "test")
    world.run_for(0)


def rename_it(world: World) -> None:
    """A workload whose very name tells, of which an agent hears what became of its writes."""
    geo = world.store.state.objects[ObjectKey("Deployment", "hotel", "geo")].manifest
    api.put(world, {**geo, "metadata": {"name": "a-planted", "namespace": "hotel"}}, "test")
    world.run_for(0)


PLANTS: dict[str, Callable[[World], None]] = {
    "objects": mark,
    "annotations": mark,
    "events": report,
    "logs": fail,
    "alerts": alarm,
    "metrics and calls": fail,
    "exposition": measure,
    "traces": fail,
    "agents' kubectl": report,
    "agents' tools": fail,
    "served API": mark,
    "answers to writes": name_it,
    "feedback": rename_it,
    "watches": strike,
    "refusals": name_it,
}
"""For every surface a leak that shows there."""


@pytest.mark.parametrize("surface", sorted(SURFACES))
def test_a_leak_that_is_planted_is_found(surface: str) -> None:
    before = dict(RULES), dict(METRICS), dict(CATALOGUE)
    world = World(standing("hotel"))
    assert leaks(SURFACES[surface](world)) == []
    try:
        PLANTS[surface](world)
        assert leaks(SURFACES[surface](world))
    finally:
        for table, kept in zip((RULES, METRICS, CATALOGUE), before, strict=True):
            table.clear()
            table.update(kept)  # type: ignore[arg-type]  # each table gets its own rows back
