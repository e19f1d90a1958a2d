"""What a serving process writes of its requests: a sample of at most one a second, of the last minute."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from stratus_sim.application import epochs
from stratus_sim.application.behaviours.images import software
from stratus_sim.application.flow import CallFlow, WorkloadFlow
from stratus_sim.cluster.objects import Resource
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.application import Workload
from stratus_sim.manifests.calls import is_telemetry
from stratus_sim.telemetry.arrivals import arriving
from stratus_sim.telemetry.blame import guilty
from stratus_sim.telemetry.logs import templates
from stratus_sim.telemetry.logs.entries import Entry
from stratus_sim.telemetry.luck import Luck

if TYPE_CHECKING:
    from stratus_sim.world import World

WINDOW_S = 60
KNOWN_US = 5 * SECOND_US
"""How far back the present flows are taken to hold where nothing tells since when."""
_ENGINE_PERIOD_S = 60


class _Process(NamedTuple):
    """A serving pod's process: its flows, the calls it makes, those made to it, since when it has been failing, and the
    chance (permille) that a request comes in a second."""

    workload: Workload
    flow: WorkloadFlow
    calls: tuple[CallFlow, ...]
    called: tuple[CallFlow, ...]
    failing_since_us: int
    engine: str
    chance_permille: int


def entries(world: World, pod: Resource, workload: Workload) -> Iterator[Entry]:
    """What the process of a serving pod wrote in the last minute, oldest first."""
    process = _process(world, pod, workload)
    last_s, first_us = world.now_us // SECOND_US, int(pod.status.since_us)
    for second in range(max(0, last_s - WINDOW_S), last_s + 1):
        luck = Luck(world.kernel.seed, str(pod.key), f"line {second}")
        at_us = second * SECOND_US + luck.draw(0, SECOND_US - 1)
        if first_us <= at_us < world.now_us:
            yield from _second(world, process, at_us, luck)


def _process(world: World, pod: Resource, workload: Workload) -> _Process:
    flows = epochs.current(world)
    calls = [flow for flow in flows.calls if flow.call.source_key == workload.key]
    called = [f for f in flows.calls if workload.key in world.application.services.get(f.call.target_key, ())]
    return _Process(
        workload,
        flows.workloads[workload.key],
        tuple(flow for flow in calls if not is_telemetry(flow.call.target, flow.call.port)),
        tuple(called),
        world.traffic.erring.get(workload.key, world.now_us - KNOWN_US),
        software(pod.manifest, workload.container).engine,
        arriving(world.application, flows, workload.key) // max(1, flows.workloads[workload.key].pods),
    )


def _second(world: World, process: _Process, at_us: int, luck: Luck) -> Iterator[Entry]:
    if process.engine:
        yield from _engine(world, process, at_us, luck)
        return
    flow = process.flow
    comes, took_ms = luck.holds(process.chance_permille), luck.about(flow.latency_us) // 1000
    failing = not luck.holds(flow.success_permille) and at_us >= process.failing_since_us
    if not comes:
        return
    texts = [*_soft(world, process, at_us, luck), *(_failed(world, process, luck) if failing else ())]
    texts += [templates.SLOW.format(ms=took_ms)] if took_ms >= templates.SLOW_MS else []
    texts.append(templates.SERVED.format(status=503 if failing else 200, ms=took_ms))
    yield from (Entry(at_us, text) for text in texts)


def _failed(world: World, process: _Process, luck: Luck) -> Iterator[str]:
    index = guilty(process.flow, process.calls, luck)
    yield templates.REJECTED if index is None else _failure(world, process.calls[index])


def _soft(world: World, process: _Process, at_us: int, luck: Luck) -> Iterator[str]:
    """Calls whose failure fails no request."""
    for flow in process.calls:
        if not flow.call.hard and not luck.holds(flow.success_permille) and at_us >= world.now_us - KNOWN_US:
            yield _failure(world, flow)


def _failure(world: World, flow: CallFlow) -> str:
    traffic = world.application.traffic
    policy = traffic.policy(flow.call.source_key, flow.call.target_key)
    return templates.failed(flow.call, flow.error, policy.timeout_us)


def _engine(world: World, process: _Process, at_us: int, luck: Luck) -> Iterator[Entry]:
    """A server's own words: now and then on itself, and on clients it turns away."""
    known = templates.ENGINES.get(process.engine)
    if known and luck.draw(1, _ENGINE_PERIOD_S) == 1:
        yield Entry(at_us, known[luck.draw(0, len(known) - 1)].format(n=luck.draw(1, 500)))
    for flow in process.called if at_us >= world.now_us - KNOWN_US else ():
        said = templates.complained(process.engine, flow.error)
        if said and not luck.holds(flow.success_permille):
            yield Entry(at_us, said)
