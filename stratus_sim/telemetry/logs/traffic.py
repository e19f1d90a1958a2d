"""What a serving process writes of its requests: of one a second, with the ids of the span it worked in.

Source: opentelemetry.io/docs/specs/otel/compatibility/logging_trace_context.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stratus_sim.application.behaviours.images import software
from stratus_sim.cluster.objects import Resource
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.application import Workload
from stratus_sim.manifests.calls import Call
from stratus_sim.telemetry.logs import templates
from stratus_sim.telemetry.logs.entries import Entry
from stratus_sim.telemetry.luck import Luck
from stratus_sim.telemetry.recent import stretches
from stratus_sim.telemetry.traces import OVERLOADED, Span, Trace, logged

if TYPE_CHECKING:
    from stratus_sim.world import World

_ENGINE_PERIOD_S = 60


def entries(world: World, pod: Resource, workload: Workload) -> Iterator[Entry]:
    """What the process of a serving pod wrote in the last minute."""
    engine = software(pod.manifest, workload.container).engine
    written = _own(world, pod, workload, engine) if engine else _requests(world, pod, workload)
    yield from (entry for entry in written if pod.status.since_us <= entry.at_us < world.now_us)


def _requests(world: World, pod: Resource, workload: Workload) -> Iterator[Entry]:
    calls = {call.target: call for call in world.application.calls_from(workload.key)}
    for trace in logged(world):
        for span in reversed(trace):
            if (span.service, span.pod) == (workload.key, pod.key.name):
                told = _served(trace, span) if span.kind == "server" else _called(world, calls[span.operation], span)
                yield from (
                    Entry(span.end_us, f"{text} trace_id={span.trace_id} span_id={span.span_id}") for text in told
                )


def _served(trace: Trace, span: Span) -> Iterator[str]:
    took_ms = span.duration_us // 1000
    if span.error and not any(one.error for one in trace if one.parent_id == span.span_id):
        yield templates.REJECTED if span.error == OVERLOADED else templates.BROKEN.format(error=span.error)
    if took_ms >= templates.SLOW_MS:
        yield templates.SLOW.format(ms=took_ms)
    yield templates.SERVED.format(status=span.status, ms=took_ms)


def _called(world: World, call: Call, span: Span) -> Iterator[str]:
    if span.error:
        policy = world.application.traffic.policy(call.source_key, call.target_key)
        yield templates.failed(call, span.error, policy.timeout_us)


def _own(world: World, pod: Resource, workload: Workload, engine: str) -> Iterator[Entry]:
    """A server's own words: now and then on itself, and on clients it turns away."""
    known = templates.ENGINES.get(engine, ())
    for since_us, until_us, flows in stretches(world):
        called = [f for f in flows.calls if workload.key in world.application.services.get(f.call.target_key, ())]
        for second in range(since_us // SECOND_US, -(-until_us // SECOND_US)):
            luck = Luck(world.kernel.seed, str(pod.key), f"line {second}")
            at_us = second * SECOND_US + luck.draw(0, SECOND_US - 1)
            if known and luck.draw(1, _ENGINE_PERIOD_S) == 1:
                yield Entry(at_us, known[luck.draw(0, len(known) - 1)].format(n=luck.draw(1, 500)))
            for flow in called:
                said = templates.complained(engine, flow.error)
                if said and not luck.holds(flow.success_permille):
                    yield Entry(at_us, said)
