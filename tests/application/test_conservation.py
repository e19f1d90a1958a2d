"""Requests are conserved: over any graph, load, policy and disturbance, every one that arrived is accounted for."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from stratus_sim.application.dynamics.counters import Counts, totals
from stratus_sim.application.dynamics.plan import plan_of
from stratus_sim.cluster import nodes
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.topology import Profile
from stratus_sim.manifests.traffic import UNDECLARED, BreakerRule
from stratus_sim.manifests.traffic_shapes import DeclaredLoad, DeclaredPolicy, DeclaredRequest, DeclaredStep
from stratus_sim.world import World
from tests.application.mesh import mesh, node_of, scale, strain

NAMES = "abcde"
EDGES = [f"{a}>{b}" for a in NAMES for b in NAMES if a != b]

LOADS = st.builds(
    DeclaredLoad,
    rps=st.integers(0, 400),
    arrivals=st.sampled_from(["constant", "poisson"]),
) | st.builds(
    DeclaredLoad,
    trace=st.lists(st.integers(0, 500), min_size=1, max_size=20),
    arrivals=st.sampled_from(["constant", "poisson"]),
    repeat=st.booleans(),
)
BREAKERS = st.builds(BreakerRule, st.integers(1, 1000), st.integers(1, 5), st.integers(1, 50), st.integers(1, 5))
POLICIES = st.fixed_dictionaries(
    {
        "timeout_ms": st.integers(1, 3000),
        "retries": st.integers(0, 3),
        "budget_permille": st.none() | st.integers(0, 1000),
        "breaker": st.none() | BREAKERS,
    }
)
PROFILES = st.builds(
    Profile,
    memory_mib=st.just(1),
    cpu_us_per_request=st.integers(1, 3000),
    latency_us=st.integers(0, 2_000_000),
    concurrency=st.none() | st.integers(1, 50),
    queue=st.integers(0, 300),
)
DISTURBANCES = st.lists(
    st.tuples(st.sampled_from(["scale", "load", "lose", "strain", "wait"]), st.sampled_from(NAMES), st.integers(0, 3)),
    max_size=5,
)


def balance(counts: Counts) -> None:
    for name, c in counts.workloads.items():
        assert min(c.succeeded, c.shed, c.queued, *c.errors.values(), 0) == 0, (name, c)
        assert c.arrived == c.succeeded + sum(c.errors.values()) + c.shed + c.queued, (name, c)
        assert c.arrived == sum(c.durations.values()), (name, c)
    for name, link in [*counts.calls.items(), *counts.entries.items()]:
        assert min(link.succeeded, *link.errors.values(), 0) == 0, (name, link)
        assert link.tried == link.succeeded + sum(link.errors.values()) == sum(link.durations.values()), (name, link)


def disturb(world: World, kind: str, name: str, size: int) -> None:
    if kind == "scale":
        scale(world, name, size)
    elif kind == "load":
        world.schedule(0, "traffic.load", 700 * size)
    elif kind in ("lose", "strain") and any(pod.key.name.startswith(f"{name}-") for pod in world.store.list("Pod")):
        node = node_of(world, name)
        nodes.crash(world, node) if kind == "lose" else strain(world, node, 300 * size)


def trees(edges: list[str], caller: str, depth: int = 3) -> st.SearchStrategy[list[DeclaredStep] | None]:
    """What a request may call from here."""
    callees = [edge[2] for edge in edges if edge[0] == caller]
    if not callees or not depth:
        return st.none()
    steps = st.sampled_from(callees).flatmap(
        lambda to: st.builds(DeclaredStep, st.just(to), st.integers(1, 3), st.booleans(), trees(edges, to, depth - 1))
    )
    return st.none() | st.lists(steps, max_size=3)


def types(edges: list[str]) -> st.SearchStrategy[dict[str, DeclaredRequest]]:
    one = st.sampled_from("ab").flatmap(
        lambda entry: st.builds(DeclaredRequest, st.just(entry), st.integers(1, 5), st.booleans(), trees(edges, entry))
    )
    return st.dictionaries(st.sampled_from(["x", "y", "z"]), one)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from(EDGES), unique=True, max_size=8),
    LOADS,
    st.data(),
    st.dictionaries(st.sampled_from(NAMES), PROFILES),
    DISTURBANCES,
)
def test_every_request_is_accounted_for(edges, load, data, profiles, disturbances) -> None:
    policies = tuple(
        DeclaredPolicy(edge[0], edge[2], **data.draw(POLICIES)) for edge in edges if data.draw(st.booleans())
    )
    policies += (DeclaredPolicy("users", "a", **data.draw(POLICIES)),)
    there = {*"ab", *"".join(edges)}
    profiles = {name: profile for name, profile in profiles.items() if name in there}
    requests = data.draw(types(edges))
    world = mesh(
        *edges, entrypoints=[*"ab"], replicas=2, profiles=profiles, load=load, policies=policies, requests=requests
    )
    for kind, name, size in disturbances:
        disturb(world, kind, name if name in there else "a", size)
        for _ in range(data.draw(st.integers(1, 8))):
            world.run_for(data.draw(st.integers(1, 2 * SECOND_US)))
            balance(totals(world))
    balance(totals(world))
    assert_users_are_counted(world)


def assert_users_are_counted(world: World) -> None:
    """What users tried, a breaker aside, and what calls sent out is what workloads got: nothing comes from nowhere."""
    counts, plan = totals(world), plan_of(world.application)
    sent = sum(c.tried for c in [*counts.entries.values(), *counts.calls.values()])
    arrived = sum(c.arrived for c in counts.workloads.values())
    assert arrived <= sent
    assert set(counts.workloads) == set(plan.workloads)


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.sampled_from(EDGES), unique=True, max_size=8),
    st.dictionaries(st.sampled_from("ab"), PROFILES),
    DISTURBANCES,
)
def test_undeclared_traffic_is_accounted_for(edges, profiles, disturbances) -> None:
    there = {*"ab", *"".join(edges)}
    plain = {name: Profile(1, p.cpu_us_per_request, p.latency_us) for name, p in profiles.items()}
    world = mesh(*edges, entrypoints=[*"ab"], replicas=2, profiles=plain)
    assert world.application.traffic is UNDECLARED
    for kind, name, size in disturbances:
        disturb(world, kind, name if name in there else "a", size)
        world.run_for(3 * SECOND_US + 7)
        balance(totals(world))
    counts = totals(world)
    assert sum(c.tried for c in counts.entries.values()) > 0
    for name in "ab":
        users = counts.entries[f"default/{name}"]
        lost = sum(users.errors.get(text, 0) for text in ("connection refused", "deadline exceeded"))
        assert counts.workloads[f"default/{name}"].arrived >= users.tried - lost
