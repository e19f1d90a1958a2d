"""What the behaviours of workloads answer in an epoch, asked once for each with what it is offered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from immutables import Map

from stratus_sim.application.behaviours.registry import BEHAVIOURS, Behaviour, Caller, Offered, Served, behaviour_of
from stratus_sim.application.dynamics.queueing import WHOLE
from stratus_sim.application.routes import Serving
from stratus_sim.manifests.application import Application
from stratus_sim.manifests.calls import Call

if TYPE_CHECKING:
    from stratus_sim.world import World

Answers = Mapping[str, Served]
"""By workload `namespace/name`, of those that have a behaviour."""
Pods = Mapping[str, Serving]
"""The serving pods of each workload."""
_DATABASE = "database"


class Manner(NamedTuple):
    """What flows follow from of an answer: `success` in ppm, what is complained about most often else, and the same by
    caller for those `refused`; the rest as in `Served`."""

    success: int = WHOLE
    complaint: str = ""
    latency_us: int = 0
    cpu_permille: int = 1000
    refused: tuple[tuple[str, int, str], ...] = ()

    def seen_by(self, caller: str) -> tuple[int, str]:
        """The share of a caller's requests that succeed, and what it prints most often of the others or ""."""
        found = next((one for one in self.refused if one[0] == caller), None)
        return (self.success, self.complaint) if found is None else found[1:]


PLAIN = Manner()


def manner_of(answer: Served) -> Manner:
    """An answer as far as flows go."""
    success, complaint = _seen(answer.success, answer.errors)
    refused = [(caller, *_seen(max(0.0, 1.0 - sum(texts.values())), texts)) for caller, texts in answer.refused.items()]
    return Manner(success, complaint, answer.latency_us, answer.cpu_permille, tuple(sorted(refused)))


def _seen(success: float, errors: Mapping[str, float]) -> tuple[int, str]:
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


def ask(world: World, found: Mapping[str, Behaviour], serving: Pods, rates: Mapping[str, int]) -> Answers:
    """What workloads answer at these rates (requests per 1,000 s), those of the last epoch.

    `serving` are the pods of each workload.
    """
    return {name: _ask(world, serving, rates, name, behaviour) for name, behaviour in found.items()}


def is_database(behaviour: Behaviour) -> bool:
    """Whether it stands for what a caller asks when a cache has no answer."""
    return behaviour is BEHAVIOURS.get(_DATABASE)


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


def _ask(world: World, serving: Pods, rates: Mapping[str, int], name: str, behaviour: Behaviour) -> Served:
    traffic = world.traffic
    calls = callers_of(world.application).get(name, ())
    callers = tuple(Caller(call, serving[call.source_key].pods, rates[call.source_key]) for call in calls)
    elapsed_us = world.now_us - traffic.asked_us
    offered = Offered(world.application.workloads[name], serving[name].pods, rates[name], callers, elapsed_us)
    return behaviour(world, offered, traffic.memory.get(name))


@lru_cache(maxsize=64)
def callers_of(application: Application) -> Mapping[str, tuple[Call, ...]]:
    """The calls of each workload that is called."""
    found: dict[str, list[Call]] = {}
    for call in application.calls:
        for workload in application.services.get(call.target_key, ()):
            found.setdefault(workload, []).append(call)
    return {name: tuple(calls) for name, calls in found.items()}


def missed_by(application: Application, answers: Answers) -> dict[str, float]:
    """How many answers of caches each caller misses per request of its own."""
    found: dict[str, float] = {}
    for name, answer in answers.items():
        for call in callers_of(application).get(name, ()) if answer.missed else ():
            found[call.source_key] = found.get(call.source_key, 0.0) + answer.missed
    return found
