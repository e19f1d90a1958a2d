"""Queues as fluids against requests one by one: replicas, bounds, clients in a hurry who try again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

import pytest
import simpy
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stratus_sim.application.dynamics.counters import totals
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.topology import Profile
from stratus_sim.manifests.traffic_shapes import DeclaredLoad, DeclaredPolicy
from stratus_sim.world import World
from tests.application.mesh import mesh, strain

A = "default/a"
PACE = 50
"""Requests a second of a replica that is well."""
CALM_S, AFTER_S = 10, 60
NEAR_S = 2
"""An epoch ends with its second. Who arrives is judged by the pace then, which may change while it is waiting."""
LIMIT_MILLICORES = 100
FIGURES = ("served", "shed", "tried", "answered")


class Client(NamedTuple):
    """Waits so long for an answer, and tries so often again, after a pause that doubles."""

    patience_ms: int
    retries: int = 0
    backoff_ms: int = 25

    @property
    def numbers(self) -> range:
        """Of tries."""
        return range(1, self.retries + 2)


@dataclass
class Replica:
    """A server that works on one request after the other; `pace` is what it can do a second."""

    pace: float
    bound: int
    waiting: list[simpy.Event] = field(default_factory=list)
    busy: bool = False


@dataclass
class Seen:
    """What came of requests, as their clients and their servers have it."""

    served: int = 0
    shed: int = 0
    tried: int = 0
    answered: int = 0

    def figures(self) -> tuple[int, ...]:
        return self.served, self.shed, self.tried, self.answered


class OneByOne:
    """Requests at about even distances, each try to the next replica."""

    def __init__(self, replicas: int, bound: int, rps: int, client: Client) -> None:
        self.env = simpy.Environment()
        self.replicas = [Replica(PACE, bound) for _ in range(replicas)]
        self.seen, self.client, self.luck = Seen(), client, Random(1)
        self.env.process(self._arrive(rps))

    def run(self, seconds: int) -> None:
        self.env.run(until=self.env.now + seconds)

    def _arrive(self, rps: int) -> Iterator[simpy.Event]:
        while True:
            yield self.env.timeout(self.luck.uniform(0.5, 1.5) / rps)
            self.env.process(self._insist())

    def _insist(self) -> Iterator[simpy.Event]:
        for number in range(self.client.retries + 1):
            if number:
                pause_s = self.client.backoff_ms / 1000 * 2 ** (number - 1)
                yield self.env.timeout(pause_s * self.luck.uniform(0.5, 1.5))
            replica = self.replicas[self.seen.tried % len(self.replicas)]
            self.seen.tried += 1
            if len(replica.waiting) >= replica.bound + 1:
                self.seen.shed += 1
                continue
            answer = self._wait_at(replica)
            yield answer | self.env.timeout(self.client.patience_ms / 1000)
            if answer.processed:
                self.seen.answered += 1
                return

    def _wait_at(self, replica: Replica) -> simpy.Event:
        answer = self.env.event()
        replica.waiting.append(answer)
        if not replica.busy:
            self.env.process(self._work(replica))
        return answer

    def _work(self, replica: Replica) -> Iterator[simpy.Event]:
        replica.busy = True
        while replica.waiting:
            yield self.env.timeout(1 / replica.pace)
            self.seen.served += 1
            replica.waiting.pop(0).succeed()
        replica.busy = False


class Case(NamedTuple):
    """Replicas, all or the first of them slow for a while; the load in permille of what all carry when well."""

    replicas: int
    all_slow: bool
    slow_s: int
    stolen_permille: int
    load_permille: int
    bound: int
    client: Client

    @property
    def edgy(self) -> bool:
        """A full queue would be just in time, or just not; or all tries just within what replicas carry, or not."""
        paces = (PACE, PACE * (1000 - self.stolen_permille) // 1000)
        shares = [number * self.load_permille / 1000 * PACE / pace for pace in paces for number in self.client.numbers]
        waits = [self.bound * 1000 / pace / self.client.patience_ms for pace in paces]
        return any(0.8 < share < 1.2 for share in waits) or any(0.9 < share < 1.1 for share in shares)


CLIENTS = st.builds(Client, st.sampled_from([400, 700, 3000]), st.integers(0, 3), st.sampled_from([25, 400]))
CASES = st.builds(
    Case,
    st.integers(1, 4),
    st.booleans(),
    st.just(30),  # what is over soon may end just before an overload keeps itself alive, or just after
    st.sampled_from([0, 300, 600, 900]),
    st.sampled_from([400, 800, 1200, 2500]),
    st.sampled_from([5, 50, 400]),
    CLIENTS,
).filter(lambda case: not case.edgy)


@settings(max_examples=15, deadline=None)
@given(CASES)
@example(Case(2, True, 30, 900, 400, 50, Client(700, 3)))  # it recovers: who was turned away has given up by then
@example(Case(2, True, 5, 900, 400, 400, Client(3000, 3)))  # who waits long tries again when it is over
def test_a_fluid_comes_to_what_requests_do_one_by_one(case: Case) -> None:
    compare(case)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(CASES)
def test_a_fluid_comes_to_what_requests_do_one_by_one_many_times(case: Case) -> None:
    compare(case)


def compare(case: Case) -> None:
    client, rps = case.client, max(1, case.replicas * PACE * case.load_permille // 1000)
    profile = Profile(1, LIMIT_MILLICORES * 1000 // PACE, 0, queue=case.bound)
    policy = DeclaredPolicy("users", "a", client.patience_ms, client.retries, client.backoff_ms)
    world = mesh(replicas=case.replicas, profile=profile, load=DeclaredLoad(rps=rps), policies=(policy,))
    pods = sorted(world.store.list("Pod"), key=lambda pod: pod.uid)
    nodes = {pod.status.node for pod in pods[: None if case.all_slow else 1]}
    single = OneByOne(case.replicas, case.bound, rps, client)
    for permille in (50, 1000):  # who tried again while nobody served yet may have left an overload
        world.schedule(0, "traffic.load", permille)
        world.run_for(60 * SECOND_US)
    single.run(60)
    then, seen = figures(world), single.seen.figures()
    for seconds, stolen in ((CALM_S, 0), (case.slow_s, case.stolen_permille), (AFTER_S, 0)):
        for node in sorted(nodes):
            strain(world, node, stolen)
        for replica, pod in zip(single.replicas, pods, strict=True):
            replica.pace = PACE * (1000 - stolen if pod.status.node in nodes else 1000) / 1000
        world.run_for(seconds * SECOND_US)
        single.run(seconds)
    near = rps * (NEAR_S + 2 * client.patience_ms / 1000) * len(client.numbers)
    for told, now, before, real, was in zip(FIGURES, figures(world), then, single.seen.figures(), seen, strict=True):
        far = near + (real - was) / 5 if told in ("shed", "tried") else near
        assert (now - before) / 1000 == pytest.approx(real - was, abs=far), told
    waiting = sum(len(replica.waiting) for replica in single.replicas)
    assert totals(world).workloads[A].queued / 1000 == pytest.approx(waiting, abs=NEAR_S * rps)


def figures(world: World) -> tuple[int, ...]:
    """What was served, shed, tried and answered in time, in thousandths."""
    counts = totals(world)
    entry = counts.entries[A]
    return counts.workloads[A].succeeded, counts.workloads[A].shed, entry.tried, entry.succeeded
