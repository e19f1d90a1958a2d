"""What a server does with its requests beyond having room for them: plain functions, by name.

A behaviour is asked once an epoch for each workload it stands for and answers for that epoch; what it wants to know
next time it hands back as `memory`. Who writes one needs nothing but `behaviour("name")`, and names it in the
profile of a workload (`--topology`) where the image does not tell: no object an agent reads or writes does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from stratus_sim.application.behaviours.images import software
from stratus_sim.cluster.objects import Resource, known_key
from stratus_sim.errors import unknown_name
from stratus_sim.manifests.application import Application, Workload
from stratus_sim.manifests.calls import FLAG_PORTS, Call

if TYPE_CHECKING:
    from stratus_sim.world import World

FLAGGED = "flagged"
_NOBODY: Mapping[str, Mapping[str, float]] = {}
_NOTHING: Mapping[str, float] = {}


class Caller(NamedTuple):
    """One call to the workload: the caller's serving `pods` and how many requests per 1,000 s it makes that succeed.

    What it dials with stands in `pod.status.env[call.container]`.
    """

    call: Call
    pods: tuple[Resource, ...]
    rate: int


class Offered(NamedTuple):
    """An epoch as a workload meets it: its serving `pods`, `rate` in requests per 1,000 s, who sends them.

    `elapsed_us` is the time since it was last asked; its answer then has held for so long.
    """

    workload: Workload
    pods: tuple[Resource, ...]
    rate: int
    callers: tuple[Caller, ...]
    elapsed_us: int


class Served(NamedTuple):
    """How requests fare that reach a serving pod with room for them.

    `success` is the share of them that succeed, `errors` the texts a client prints with the share of each. A caller
    (`namespace/name`) in `refused` fares as it says there instead. `latency_us` comes on top of each request,
    `cpu_permille` scales the CPU it takes. `missed` is the share that a cache does not have, which its caller asks a
    database for in addition. `memory` (immutable) is handed back next epoch; `restless` says that the answer will be
    another one by then although nothing happens, or, with `again_us`, after so many microseconds.
    """

    success: float = 1.0
    latency_us: int = 0
    errors: Mapping[str, float] = _NOTHING
    refused: Mapping[str, Mapping[str, float]] = _NOBODY
    cpu_permille: int = 1000
    missed: float = 0.0
    memory: Any = None
    restless: bool = False
    again_us: int = 0


Behaviour = Callable[["World", Offered, Any], Served]
"""A function of the world, what is offered, and its own memory (None at first). It changes nothing."""

BEHAVIOURS: dict[str, Behaviour] = {}


def behaviour(name: str) -> Callable[[Behaviour], Behaviour]:
    """Register what workloads called `name` do.

    Raises:
        ValueError: another function already has this name.
    """

    def register(function: Behaviour) -> Behaviour:
        if BEHAVIOURS.setdefault(name, function) is not function:
            raise ValueError(f"two behaviours are called {name!r}: rename one")
        return function

    return register


def behaviour_of(world: World, workload: Workload) -> Behaviour | None:
    """What a workload does: as its profile says, else as software of its image does, else None.

    One that dials a flag server does what its flags say.

    Raises:
        UserError: its profile names what nobody has registered.
    """
    if workload.behaviour:
        return _declared(workload)
    found = world.store.get(known_key(workload.kind, workload.namespace, workload.name))
    if found is None:
        return None
    template: Mapping[str, Any] = found.manifest["spec"]["template"]
    implied = FLAGGED if workload.key in _asking_flags(world.application) else ""
    return BEHAVIOURS.get(software(template, workload.container).role or implied)


def _declared(workload: Workload) -> Behaviour:
    if workload.behaviour not in BEHAVIOURS:
        raise unknown_name(f"behaviour in the profile of {workload.key},", workload.behaviour, BEHAVIOURS)
    return BEHAVIOURS[workload.behaviour]


@lru_cache(maxsize=64)
def _asking_flags(application: Application) -> frozenset[str]:
    return frozenset(call.source_key for call in application.calls if call.port in FLAG_PORTS)
