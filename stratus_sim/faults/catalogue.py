"""The faults there are, by the names the benchmarks' problems use."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from stratus_sim.cluster.objects import Manifest, ObjectKey
from stratus_sim.errors import UserError, unknown_name

if TYPE_CHECKING:
    from stratus_sim.world import World

Writes = list[tuple[ObjectKey, Manifest | None]]


class Fault(NamedTuple):
    """A fault as a step with an off switch.

    `targets` lists what it can strike, in order of name; `writes` are the objects it leaves behind (None deletes
    one); `strike` and `mend` do what no manifest expresses; `evident` is the proof of effect: whether the
    mechanism shows in the world now.
    """

    name: str
    summary: str
    targets: Callable[[World], list[ObjectKey]]
    evident: Callable[[World, ObjectKey], bool]
    writes: Callable[[World, ObjectKey], Writes] = lambda _world, _target: []
    strike: Callable[[World, ObjectKey], None] = lambda _world, _target: None
    mend: Callable[[World, ObjectKey], None] = lambda _world, _target: None


FAULTS: dict[str, Fault] = {}
"""What scenarios are drawn from: faults that find a target in any application."""
SERVER_FAULTS: dict[str, Fault] = {}
"""Faults of databases, caches, queues, flags and users, which strike where they are asked for by name."""


def register(fault: Fault, catalogue: dict[str, Fault] = FAULTS) -> Fault:
    """Add a fault to a catalogue.

    Raises:
        ValueError: another one has this name.
    """
    if everything().get(fault.name, fault) is not fault:
        raise ValueError(f"two faults are called {fault.name!r}: rename one")
    catalogue[fault.name] = fault
    return fault


def everything() -> dict[str, Fault]:
    """All faults by name."""
    return {**FAULTS, **SERVER_FAULTS}


def find(name: str) -> Fault:
    """The fault of this name.

    Raises:
        UserError: there is none.
    """
    found = everything()
    if name not in found:
        raise unknown_name("fault", name, found)
    return found[name]


def choose_target(world: World, fault: Fault, wanted: str | None = None) -> ObjectKey:
    """What the fault can strike that is called `wanted` (`name`, `kind/name`, `namespace/name`); for None the first.

    Raises:
        UserError: it can strike nothing here, or nothing of that name.
    """
    candidates = fault.targets(world)
    if not candidates:
        raise UserError(f"fault {fault.name!r} finds nothing to strike in these manifests: choose another fault")
    if wanted is None:
        return candidates[0]
    for key in candidates:
        if wanted.lower() in (
            key.name.lower(),
            f"{key.kind}/{key.name}".lower(),
            f"{key.namespace}/{key.name}".lower(),
        ):
            return key
    raise unknown_name(f"target of fault {fault.name!r},", wanted, [key.name for key in candidates])
