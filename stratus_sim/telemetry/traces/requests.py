"""One request walked down the call graph: who was called, how long it took, and where it failed.

How often each call fails and how long it takes is what the flows say. A request that has failed did so somewhere: in
the workload itself, or in one of its calls, each in proportion to its share of the failures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from stratus_sim.application.errors import BREAKER_OPEN, RESET, TIMED_OUT, UPSTREAM, found_out_us, stopped
from stratus_sim.application.flow import CallFlow, Flows, WorkloadFlow
from stratus_sim.application.wire import outlasted
from stratus_sim.manifests.application import Application
from stratus_sim.manifests.calls import Call, is_telemetry
from stratus_sim.manifests.traffic import FOREVER_US, Policy, RequestType, Step
from stratus_sim.telemetry.arrivals import reach_permille
from stratus_sim.telemetry.blame import guilty
from stratus_sim.telemetry.luck import Luck
from stratus_sim.telemetry.traces.spans import Kind, Span, Trace

OVERLOADED = "503 Service Unavailable"
"""What a server says that has no room for a request."""
NETWORK_US = 200
MAX_SPANS = 200
"""A trace is cut off there, as tracing backends do."""


class Scene(NamedTuple):
    """What requests meet: flows, names and uids of the serving `pods` of each workload that has any, and those whose
    software writes no spans, such as databases."""

    application: Application
    flows: Flows
    pods: Mapping[str, Sequence[tuple[str, int]]]
    silent: frozenset[str]

    def wire(self, call: Call) -> _Wire:
        return _wiring(self.application)[call]

    def flow(self, call: Call) -> CallFlow:
        """How a call fares."""
        return self.flows.calls[self.wire(call).place]

    def server(self, workload: str, fate: Fate, luck: Luck) -> tuple[str, WorkloadFlow]:
        """One of the pods of a workload where requests may fare so, and how they do there in the mean."""
        pods = self.pods[workload]
        if workload in self.flows.lanes:
            pods = [(name, uid) for name, uid in pods if fate.met(self.flows.of(workload, uid))] or pods
        name, uid = pods[luck.draw(0, len(pods) - 1)]
        return name, self.flows.of(workload, uid)


class Fate(NamedTuple):
    """How a request fares with the server that it reaches: whether it fails, how long its client waits, and whether in
    vain."""

    failing: bool
    limit_us: int = FOREVER_US
    late: bool = False

    def met(self, flow: WorkloadFlow) -> bool:
        """Whether requests fare so at pods of this flow."""
        if self.late:
            return flow.latency_us >= self.limit_us
        return flow.success_permille < 1000 if self.failing else flow.latency_us < self.limit_us


class _Wire(NamedTuple):
    """A call's place among the application's, the workload it leads to ("" for none that is known), how its client
    bears failure, and whether it is part of requests: not if it carries telemetry only."""

    place: int
    server: str
    policy: Policy
    traced: bool


@lru_cache(maxsize=64)
def _wiring(application: Application) -> dict[Call, _Wire]:
    return {call: _wire(application, place, call) for place, call in enumerate(application.calls)}


def _wire(application: Application, place: int, call: Call) -> _Wire:
    server = next(iter(application.services.get(call.target_key, ())), "")
    policy = application.traffic.policy(call.source_key, call.target_key)
    return _Wire(place, server, policy, not is_telemetry(call.target, call.port))


class _Planned(NamedTuple):
    """A call a request makes, how it fares in the mean, and the calls its server makes in turn."""

    flow: CallFlow
    calls: tuple[Step, ...] | None


class Walk:
    """One request on its way, and the spans it has left so far, parents first."""

    def __init__(self, scene: Scene, luck: Luck, trace_id: str) -> None:
        self._scene, self._luck, self._trace_id = scene, luck, trace_id
        self._spans: list[Span] = []
        self._places: dict[str, int] = {}
        self._inside: list[str] = []

    def enter(self, one: RequestType, workload: str, start_us: int, *, failing: bool) -> Trace:
        """The spans of a request that enters at a workload, which has serving pods."""
        self._serve(workload, one, one.name.rpartition("/")[2], "", start_us, Fate(failing))
        return tuple(self._spans)

    def _serve(
        self,
        workload: str,
        what: RequestType | Step,
        operation: str,
        parent: str,
        start_us: int,
        fate: Fate,
        said: str = OVERLOADED,
    ) -> Span:
        """A server's span and all below it; one that fails by itself has `said` so, and sets nothing off."""
        pod, server = self._scene.server(workload, fate, self._luck)
        span = self._open("server", workload, pod, operation, parent, start_us)
        planned = self._planned(workload, what.calls)
        breaks = fate.failing and not fate.late
        blamed = guilty(server, [one.flow for one in planned], self._luck) if breaks else None
        if breaks and blamed is None:
            return self._close(span, start_us + NETWORK_US, said, 503 if said == OVERLOADED else 500)
        half_us = self._half_us(workload, server, planned)
        before_us, after_us = self._luck.about(half_us), self._luck.about(half_us)
        self._inside.append(workload)
        end_us, error = self._call_all(span, planned, blamed, start_us + before_us, parallel=what.parallel)
        self._inside.pop()
        return self._close(span, end_us + after_us, error, 503 if error else 200)

    def _call_all(
        self, span: Span, planned: list[_Planned], blamed: int | None, start_us: int, *, parallel: bool
    ) -> tuple[int, str]:
        """Make the calls one after the other until one fails, or all at once; nobody waits for a soft one.

        Returns when the last has ended and what went wrong.
        """
        clock_us, end_us, error = start_us, start_us, ""
        for index, one in enumerate(planned):
            hard = one.flow.call.hard
            failing = index == blamed if hard else not self._luck.holds(one.flow.success_permille)
            client = self._insist(span, one, clock_us, failing=failing)
            if hard:
                end_us = max(end_us, client.end_us)
                clock_us = clock_us if parallel else end_us
            if index == blamed:
                error = f"{one.flow.call.target}: {client.error}"
                if not parallel:
                    break
        return end_us, error

    def _insist(self, parent: Span, planned: _Planned, start_us: int, *, failing: bool) -> Span:
        """Call, and call again after a pause as long as the policy allows and it fails; the span of the last try."""
        policy, pause_us = self._policy(planned.flow.call), 0
        for left in range(policy.retries, -1, -1):
            fails = failing or (left > 0 and not self._luck.holds(planned.flow.success_permille))
            client = self._call(parent, planned, start_us + pause_us, failing=fails)
            if not client.error or not left or client.error == BREAKER_OPEN or len(self._spans) >= MAX_SPANS:
                break
            start_us, pause_us = client.end_us, 2 * pause_us or policy.backoff_us
        return client

    def _policy(self, call: Call) -> Policy:
        return self._scene.wire(call).policy

    def _planned(self, workload: str, steps: tuple[Step, ...] | None) -> list[_Planned]:
        """The calls of a workload in order, without those that would close a circle or only carry telemetry."""
        made: list[tuple[Call, tuple[Step, ...] | None]] = []
        if steps is None:
            made += [(call, None) for call in self._scene.application.calls_from(workload)]
        else:
            made += [(s.call, s.calls) for s in steps if s.call.source_key == workload for _ in range(s.times)]
        planned = [_Planned(self._scene.flow(call), calls) for call, calls in made if self._seen(call)]
        return planned[: max(0, MAX_SPANS - len(self._spans))]

    def _seen(self, call: Call) -> bool:
        wire = self._scene.wire(call)
        return wire.traced and wire.server not in self._inside

    def _half_us(self, workload: str, server: WorkloadFlow, planned: list[_Planned]) -> int:
        """Half of what a pod of a workload adds itself to the time its calls take."""
        requests = self._scene.flows.workloads[workload].rate
        calls_us = sum(self._waited_us(one.flow, requests) for one in planned if one.flow.call.hard)
        return max(0, server.latency_us - calls_us) // 2

    def _waited_us(self, flow: CallFlow, requests: int) -> int:
        """How long a request waits for one of its calls, with as many tries as there are in the mean."""
        most = 1 + self._policy(flow.call).retries
        return flow.latency_us * min(most * requests, flow.rate) // max(1, requests)

    def _call(self, parent: Span, planned: _Planned, start_us: int, *, failing: bool) -> Span:
        """A client's span, and the server's below it if the call reaches one that writes spans."""
        call, error = planned.flow.call, self._error(planned.flow) if failing else ""
        policy = self._policy(call)
        client = self._open("client", parent.service, parent.pod, call.target, parent.span_id, start_us)
        if not self._reaches(call, error):
            taken_us = self._luck.about(planned.flow.latency_us) if error in ("", UPSTREAM) else 0
            return self._close(client, start_us + (taken_us or found_out_us(error, policy.timeout_us)), error)
        what, server = Step(call, 1, False, planned.calls), self._scene.wire(call).server
        fate, said = Fate(failing, policy.limit_us, error == TIMED_OUT), OVERLOADED if error == UPSTREAM else error
        served = self._serve(server, what, call.target, client.span_id, start_us + NETWORK_US, fate, said)
        end_us = served.end_us + NETWORK_US
        if failing and (error == TIMED_OUT or end_us > start_us + policy.limit_us):
            return self._close(client, start_us + policy.limit_us, TIMED_OUT)
        return self._close(client, end_us, error)

    def _error(self, flow: CallFlow) -> str:
        """What a client meets that fails: the flow's error, or, as often, that of a server which has failed itself."""
        server = self._scene.flows.workloads.get(self._scene.wire(flow.call).server)
        if server is None or not server.pods or not stopped(flow.error):
            return flow.error
        failed = reach_permille(flow, server) * (1000 - server.success_permille) // 1000
        return UPSTREAM if self._luck.holds(1000 * failed // max(1, 1000 - flow.success_permille)) else flow.error

    def _reaches(self, call: Call, error: str) -> bool:
        """Whether a server writes a span of its own: what is too slow for its client does, what is cut off does not."""
        server = self._scene.wire(call).server
        if server not in self._scene.pods or server in self._scene.silent:
            return False
        late = error == TIMED_OUT and outlasted(self._scene.application, self._scene.flows, call)
        return late or not (error == RESET or stopped(error))

    def _open(self, kind: Kind, workload: str, pod: str, operation: str, parent: str, start_us: int) -> Span:
        span = Span(self._trace_id, self._luck.name(16), parent, kind, workload, pod, operation, start_us, 0)
        self._places[span.span_id] = len(self._spans)
        self._spans.append(span)
        return span

    def _close(self, span: Span, end_us: int, error: str, status: int = 0) -> Span:
        closed = span._replace(duration_us=end_us - span.start_us, error=error, status=status)
        self._spans[self._places[span.span_id]] = closed
        return closed
