"""What goes over the network of pods: requests and answers, those they serve and those they ask others for.

How much these weigh no manifest says: a profile does, else `sizing.REQUEST_BYTES` and `RESPONSE_BYTES`. Who is stopped
on the way has sent nothing to speak of; who is turned away by the server gets a short answer.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from stratus_sim.application.errors import TIMED_OUT, stopped
from stratus_sim.application.flow import CallFlow, Flows, WorkloadFlow
from stratus_sim.manifests.application import Application
from stratus_sim.manifests.calls import Call, is_telemetry
from stratus_sim.manifests.sizing import REQUEST_BYTES, RESPONSE_BYTES

ERROR_BYTES = 200
"""A status line and its headers."""
PACKET_BYTES = 1_000
"""What a packet weighs in the mean: what is longer than a frame goes in several, acknowledgements are short."""


class Weight(NamedTuple):
    """Bytes of a request to a workload and of its answer; of each of its `calls` the same, behind the call's place."""

    request_bytes: int
    response_bytes: int
    calls: tuple[tuple[int, int, int], ...]


Wire = tuple[int, int]
"""Bytes received and bytes sent per 1,000 s."""


def carries(application: Application, flows: Flows, flow: WorkloadFlow, pods: int, weight: Weight) -> Wire:
    """What each pod of a lane of this flow, of a workload with so many serving `pods` and this weight, receives and
    sends."""
    rate, good = flow.rate, flow.rate * flow.success_permille // 1000
    here = rate * weight.request_bytes, good * weight.response_bytes + (rate - good) * ERROR_BYTES
    received = sent = 0
    calls = flows.calls
    for place, request_bytes, response_bytes in weight.calls:
        call = calls[place]
        asked = call.rate
        if call.success_permille == 1000:
            received += asked * response_bytes
        else:
            good = asked * call.success_permille // 1000
            asked, answered = _met(application, flows, call, good)
            received += good * response_bytes + (answered - good) * ERROR_BYTES
        sent += asked * request_bytes
    lane, pods = flow.pods or 1, pods or 1
    return (here[0] * pods + received * lane) // (lane * pods), (here[1] * pods + sent * lane) // (lane * pods)


def _met(application: Application, flows: Flows, flow: CallFlow, good: int) -> tuple[int, int]:
    """Of tries some of which fail: how many are sent to a server, and how many answered."""
    if not stopped(flow.error):
        return flow.rate, flow.rate
    return (flow.rate if flow.error == TIMED_OUT and outlasted(application, flows, flow.call) else good), good


def outlasted(application: Application, flows: Flows, call: Call) -> bool:
    """Whether a server takes longer than its client waits: such a request has arrived, though it runs out of time."""
    servers = application.services.get(call.target_key, ())
    limit_us = application.traffic.policy(call.source_key, call.target_key).limit_us
    return any(flows.slowest_us(server) >= limit_us for server in servers[:1])


@lru_cache(maxsize=64)
def weighed(application: Application) -> dict[str, Weight]:
    """What requests of each workload (`namespace/name`) weigh; calls that carry telemetry only are left out."""
    calls: dict[str, list[tuple[int, int, int]]] = {name: [] for name in application.workloads}
    for place, call in enumerate(application.calls):
        if not is_telemetry(call.target, call.port):
            calls[call.source_key].append((place, *_sizes(application, call)))
    known = application.workloads.items()
    return {name: Weight(one.request_bytes, one.response_bytes, tuple(calls[name])) for name, one in known}


def _sizes(application: Application, call: Call) -> tuple[int, int]:
    for server in application.services.get(call.target_key, ()):
        return application.workloads[server].request_bytes, application.workloads[server].response_bytes
    return REQUEST_BYTES, RESPONSE_BYTES
