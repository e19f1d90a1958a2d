"""What the behaviours of workloads answer in an epoch, asked once for each with what it is offered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from immutables import Map

from stratus_sim.application.behaviours.registry import BEHAVIOURS, Behaviour, Caller, Offered, Served, behaviour_of
from stratus_sim.application.dynamics.queueing import WHOLE
from stratus_sim.application.flow import Flows
from stratus_sim.application.routes import Serving
from stratus_sim.manifests.application import Application
from stratus_sim.manifests.calls import Call

if TYPE_CHECKING:
    from stratus_sim.world import World

Answers = Mapping[str, Served]
"""By workload `namespace/name`, of those that have a behaviour."""
Pods = Mapping[str, Serving]
"""The serving pods of each workload."""
_DATABASE, _CACHE = "database", "cache"


Seen = tuple[int, str]
"""The share (ppm) of a caller's requests that succeed, and what it prints most often of the others or ""."""


class Manner(NamedTuple):
    """What flows follow from of an answer: `success` in ppm, what is complained about most often else, and the same by
    caller for those `refused`; the rest as in `Served`."""

    success: int = WHOLE
    complaint: str = ""
    latency_us: int = 0
    cpu_permille: int = 1000
    refused: tuple[tuple[str, int, str], ...] = ()

    def seen_by(self, caller: str) -> Seen:
        """How a caller fares."""
        found = next((one for one in self.refused if one[0] == caller), None)
        return (self.success, self.complaint) if found is None else found[1:]


PLAIN = Manner()


def manner_of(answer: Served) -> Manner:
    """An answer as far as flows go."""
    success, complaint = _seen(answer.success, answer.errors)
    refused = [(caller, *_seen(max(0.0, 1.0 - sum(texts.values())), texts)) for caller, texts in answer.refused.items()]
    return Manner(success, complaint, answer.latency_us, answer.cpu_permille, tuple(sorted(refused)))


def _seen(success: float, errors: Mapping[str, float]) -> Seen:
    return round(WHOLE * success), max(sorted(errors), key=lambda text: errors[text], default="")


class Roles(NamedTuple):
    """The behaviours of an application's workloads. They are found again rather than sent elsewhere."""

    application: Application
    behaviours: Mapping[str, Behaviour]

    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        """Pickles as None: behaviours are any function, also one that cannot be pickled."""
        return type(None), ()


def behaviours(world: World) -> Mapping[str, Behaviour]:
    """The behaviours of the workloads that have one, by `namespace/name`; they change only with pod templates."""
    roles, application = world.traffic.roles, world.application
    if roles is None or roles.application is not application:
        workloads = application.workloads.values()
        found = {workload.key: one for workload in workloads if (one := behaviour_of(world, workload)) is not None}
        world.traffic.roles = roles = Roles(application, found)
    return roles.behaviours


def ask(world: World, found: Mapping[str, Behaviour], serving: Pods) -> Answers:
    """What workloads answer at the rates of the last epoch; `serving` are the pods of each."""
    return {
        name: behaviour(world, _offered(world, serving, name), world.traffic.memory.get(name))
        for name, behaviour in found.items()
    }


def is_database(behaviour: Behaviour) -> bool:
    """Whether it stands for what a caller asks when a cache has no answer."""
    return _is(_DATABASE, behaviour)


def _is(name: str, behaviour: Behaviour) -> bool:
    return behaviour is BEHAVIOURS.get(name)


def restless(answers: Answers) -> bool:
    """Whether a behaviour will answer otherwise next epoch although nothing happens."""
    return any(answer.restless and not answer.again_us for answer in answers.values())


def again_us(answers: Answers) -> int:
    """After how long a behaviour will answer otherwise although nothing happens; 0 for never."""
    return min((answer.again_us for answer in answers.values() if answer.restless and answer.again_us), default=0)


def remembered(memory: Map[str, object], answers: Answers) -> Map[str, object]:
    """What behaviours want to know next time."""
    changed = {name: a.memory for name, a in answers.items() if memory.get(name) is not a.memory}
    return memory.update(changed) if changed else memory


def _offered(world: World, serving: Pods, name: str) -> Offered:
    application, flows = world.application, world.traffic.begun
    calls = callers_of(application).get(name, ())
    callers = tuple([Caller(call, serving[call.source_key].pods, _made(flows, place)) for place, call in calls])
    rate, elapsed_us = flows.workloads[name].rate if flows is not None else 0, world.now_us - world.traffic.asked_us
    return Offered(application.workloads[name], serving[name].pods, rate, callers, elapsed_us)


def _made(flows: Flows | None, place: int) -> int:
    """How many of the calls at a place among the application's succeed."""
    return flows.calls[place].rate * flows.calls[place].success_permille // 1000 if flows is not None else 0


@lru_cache(maxsize=64)
def callers_of(application: Application) -> Mapping[str, tuple[tuple[int, Call], ...]]:
    """The calls of each workload that is called, behind their place among the application's."""
    found: dict[str, list[tuple[int, Call]]] = {}
    for place, call in enumerate(application.calls):
        for workload in application.services.get(call.target_key, ()):
            found.setdefault(workload, []).append((place, call))
    return {name: tuple(calls) for name, calls in found.items()}


def missed_by(world: World, answers: Answers) -> dict[str, float]:
    """How many answers of caches each caller misses per request of its own.

    Who can do without a cache that does not answer takes that for a miss.
    """
    flows, found = world.traffic.begun, dict[str, float]()
    for name, answer in answers.items():
        cached = answer.missed > 0 or _is(_CACHE, behaviours(world)[name])
        for place, call in callers_of(world.application).get(name, ()) if cached else ():
            answered = 1.0 if call.hard or flows is None else flows.calls[place].success_permille / 1000
            missed = 1.0 - (1.0 - answer.missed) * answered
            found[call.source_key] = found.get(call.source_key, 0.0) + missed
    return {caller: missed for caller, missed in found.items() if missed}
