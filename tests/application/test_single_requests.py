"""Queues as fluids against requests one by one: replicas, bounds, clients in a hurry, a minute of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from stratus_sim.application.dynamics.counters import totals
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.topology import Profile
from stratus_sim.manifests.traffic_shapes import DeclaredLoad, DeclaredPolicy
from stratus_sim.world import World
from tests.application.mesh import mesh, strain

A = "default/a"
CALM_S, SLOW_S, AFTER_S = 10, 30, 20
NEAR_S = 2
"""An epoch ends with its second. Who arrives is judged by the pace then, which may change while it is waiting."""
LIMIT_MILLICORES = 100


@dataclass
class Replica:
    """A server that works on one request after the other; `pace` is what it can do a second."""

    pace: float
    bound: int
    waiting: list[float] = field(default_factory=list)
    busy: bool = False


@dataclass
class Seen:
    """What came of requests, as their clients and their servers have it."""

    answered: int = 0
    shed: int = 0
    served: int = 0

    def figures(self) -> tuple[int, ...]:
        return self.served, self.shed, self.answered


class OneByOne:
    """Requests at even distances, to one replica after the other."""

    def __init__(self, replicas: int, pace: float, bound: int, rps: int, patience_s: float) -> None:
        self.env = simpy.Environment()
        self.replicas = [Replica(pace, bound) for _ in range(replicas)]
        self.seen, self.patience_s = Seen(), patience_s
        self.env.process(self._arrive(rps))

    def run(self, seconds: int) -> None:
        self.env.run(until=self.env.now + seconds)

    def _arrive(self, rps: int) -> Iterator[simpy.Event]:
        number = 0
        while True:
            yield self.env.timeout(1 / rps)
            replica = self.replicas[number % len(self.replicas)]
            number += 1
            if len(replica.waiting) >= replica.bound + 1:
                self.seen.shed += 1
                continue
            replica.waiting.append(self.env.now)
            if not replica.busy:
                self.env.process(self._work(replica))

    def _work(self, replica: Replica) -> Iterator[simpy.Event]:
        replica.busy = True
        while replica.waiting:
            yield self.env.timeout(1 / replica.pace)
            arrived = replica.waiting.pop(0)
            self.seen.served += 1
            self.seen.answered += self.env.now - arrived <= self.patience_s
        replica.busy = False


@settings(max_examples=25, deadline=None)
@given(
    replicas=st.integers(1, 4),
    slow=st.integers(1, 4),
    stolen_permille=st.sampled_from([0, 300, 600, 900]),
    load_permille=st.sampled_from([400, 800, 1200, 2500]),
    bound=st.sampled_from([5, 50, 400]),
    patience_ms=st.sampled_from([400, 700]),
)
def test_a_fluid_comes_to_what_requests_do_one_by_one(
    replicas: int, slow: int, stolen_permille: int, load_permille: int, bound: int, patience_ms: int
) -> None:
    """One of the replicas is slow for half a minute; the load is told against what all carry when they are well."""
    pace, cpu_us = 50, LIMIT_MILLICORES * 1000 // 50
    rps = max(1, replicas * pace * load_permille // 1000)
    profile = Profile(1, cpu_us, 0, queue=bound)
    policies = (DeclaredPolicy("users", "a", timeout_ms=patience_ms),)
    world = mesh(replicas=replicas, profile=profile, load=DeclaredLoad(rps=rps), policies=policies)
    pods = sorted(world.store.list("Pod"), key=lambda pod: pod.uid)
    node = pods[slow % replicas].status.node
    single = OneByOne(replicas, pace, bound, rps, patience_ms / 1000)
    single.run(120)  # until it has forgotten that it began empty, as the world has
    then, seen = figures(world), single.seen.figures()
    for seconds, stolen in ((CALM_S, 0), (SLOW_S, stolen_permille), (AFTER_S, 0)):
        strain(world, node, stolen)
        for replica, pod in zip(single.replicas, pods, strict=True):
            replica.pace = pace * (1000 - stolen if pod.status.node == node else 1000) / 1000
        world.run_for(seconds * SECOND_US)
        single.run(seconds)
    near, judged = NEAR_S * rps, 2 * patience_ms * rps / 1000
    for now, before, real, was in zip(figures(world), then, single.seen.figures(), seen, strict=True):
        assert (now - before) / 1000 == pytest.approx(real - was, abs=near + judged)
    waiting = sum(len(replica.waiting) for replica in single.replicas)
    assert totals(world).workloads[A].queued / 1000 == pytest.approx(waiting, abs=near)


def figures(world: World) -> tuple[int, ...]:
    """What was served and shed, and what users were answered in time, in thousandths."""
    counts = totals(world)
    return counts.workloads[A].succeeded, counts.workloads[A].shed, counts.entries[A].succeeded
