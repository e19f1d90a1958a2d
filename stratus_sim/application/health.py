"""What processes answer when their kubelet asks how they are: late where they have more to do than they can, and that
they are not well where something their health endpoint looks at is not.

Which Services an endpoint looks at no manifest says: a topology declares it. Whoever serves nobody has nothing to do,
and so answers at once, however many others of its kind are overrun.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from stratus_sim.application.answers import behaviours, manner_of
from stratus_sim.application.behaviours.registry import Caller, Offered
from stratus_sim.application.dynamics.queueing import WHOLE
from stratus_sim.application.errors import found_out_us
from stratus_sim.application.flow import Flows
from stratus_sim.application.routes import Hop
from stratus_sim.application.routing import dial
from stratus_sim.cluster import pods
from stratus_sim.cluster.objects import Resource, known_key
from stratus_sim.cluster.process import Answer
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.application import Workload
from stratus_sim.manifests.calls import Call

if TYPE_CHECKING:
    from stratus_sim.world import World

Vitals = Mapping[str, Any]
"""By workload `namespace/name` what its processes answer, as far as a kubelet can tell it from an hour ago: the whole
seconds one that serves takes, and what each pod says. Without those that are quick and look at nothing."""
_MOST = 0.5
"""The share of its calls that has to succeed for something to be well."""


def answer(world: World, pod: Resource, workload: Workload, asked: str) -> Answer:
    """How the process of a pod answers now when it is asked for the path, or gRPC service, `asked`.

    Where that is not what the epoch began with, the next one asks again, whatever it finds.
    """
    found, told = _answer(world, pod, workload, asked), world.traffic.vitals
    looks = asked in world.application.health.get(workload.key, ())
    if looks and _noted(pod, asked, found) not in told.get(workload.key, ()):
        world.traffic.vitals = {**told, workload.key: ()}
    return found


def _answer(world: World, pod: Resource, workload: Workload, asked: str) -> Answer:
    flows, after_us = world.traffic.begun, 0
    if flows is None:
        return Answer()
    if pod.status.ready:
        after_us = flows.of(workload.key, pod.uid).answer_us
    for call in world.application.health.get(workload.key, {}).get(asked, ()):
        success, took_us = _fares(world, flows, pod, call)
        if success < _MOST:
            return Answer(after_us, well=False)
        after_us += took_us
    return Answer(after_us)


def _noted(pod: Resource, asked: str, found: Answer) -> tuple[int, str, int, bool]:
    return pod.uid, asked, _whole_s(found.after_us), found.well


def stirred(world: World, flows: Flows, late: Iterable[str]) -> list[str]:
    """The workloads whose processes answer otherwise in this epoch, in which these are late, than in the last one."""
    before = world.traffic.vitals
    busy = {name: _busy(flows, name) for name in sorted(late)}
    now: dict[str, Any] = {**busy, **{name: _told(world, name) for name in world.application.health}}
    world.traffic.vitals = now
    return [name for name in sorted(before.keys() | now.keys()) if before.get(name) != now.get(name)]


def _busy(flows: Flows, name: str) -> Any:
    """How many whole seconds its processes take, by lane where there are several."""
    lanes = flows.lanes.get(name)
    if lanes is None:
        return _whole_s(flows.workloads[name].answer_us)
    return tuple([(crew, _whole_s(flow.answer_us)) for crew, flow in lanes])


def _whole_s(answer_us: int) -> int:
    return -(-answer_us // SECOND_US)


def _told(world: World, name: str) -> tuple[Any, ...]:
    workload, paths = world.application.workloads[name], world.application.health[name]
    there = pods.of_workload(world, known_key(workload.kind, workload.namespace, workload.name))
    return tuple([_noted(pod, path, _answer(world, pod, workload, path)) for pod in there for path in paths])


def _fares(world: World, flows: Flows, pod: Resource, call: Call) -> tuple[float, int]:
    """The share of the calls a pod would make that succeed, and how long they take in the mean, in microseconds."""
    hops = dial(world, call, pod)
    landed = [(_land(world, flows, hop, call, pod), count) for hop, count in hops.items()]
    total = sum(hops.values())
    if not total:
        return 0.0, 0
    success = sum([fares * count for (fares, _), count in landed]) / total
    return success, sum([took_us * count for (_, took_us), count in landed]) // total


def _land(world: World, flows: Flows, hop: Hop, call: Call, pod: Resource) -> tuple[float, int]:
    if hop.error:
        return 0.0, found_out_us(hop.error)
    flow, behaviour = flows.workloads.get(hop.workload), behaviours(world).get(hop.workload)
    if flow is None:
        return 1.0, 0
    success = flow.success_permille / 1000
    if behaviour is not None and world.traffic.routes is not None:
        offered = Offered(
            world.application.workloads[hop.workload],
            world.traffic.routes.serving[hop.workload].pods,
            0,
            (Caller(call, (pod,), 0),),
            0,
        )
        served = behaviour(world, offered, world.traffic.memory.get(hop.workload))
        manner = manner_of(served)
        success = manner.seen_by(call.source_key)[0] / WHOLE if call.source_key in served.refused else success
    return success, flow.latency_us
