"""Faults of what users do: suddenly there are more of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratus_sim.application import epochs
from stratus_sim.application.dynamics.load import declared_means
from stratus_sim.application.dynamics.plan import types_of
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.faults.catalogue import SERVER_FAULTS, Fault, register

if TYPE_CHECKING:
    from stratus_sim.world import World

SPIKE_PERMILLE = 2000
"""Twice as many users: what a system that runs near its capacity does not bear."""


def _entered(world: World) -> list[ObjectKey]:
    """The Services by which users come in."""
    found = sorted({one.service for one in types_of(world.application)})
    keys = [ObjectKey("Service", *service.split("/")) for service in found if _usual(world, service)]
    return [key for key in keys if world.store.get(key) is not None]


def _crowded(world: World, target: ObjectKey) -> bool:
    """Whether clearly more come than the load that was declared, or is taken for granted, says."""
    name = _name(target)
    came = sum(entry.rate for entry in epochs.current(world).entries if entry.service == name)
    return 2000 * came > (1000 + SPIKE_PERMILLE) * _usual(world, name)


def _usual(world: World, service: str) -> int:
    """Requests per 1,000 s by a Service as long as nothing happens."""
    means = zip(types_of(world.application), declared_means(world, world.now_us), strict=True)
    return sum(mean for one, mean in means if one.service == service)


def _strike(world: World, target: ObjectKey) -> None:
    epochs.spike(world, _name(target), SPIKE_PERMILLE)


def _mend(world: World, target: ObjectKey) -> None:
    epochs.spike(world, _name(target), 1000)


def _name(service: ObjectKey) -> str:
    return f"{service.namespace}/{service.name}"


register(
    Fault("load-spike", "twice as many users come in by a Service", _entered, _crowded, strike=_strike, mend=_mend),
    SERVER_FAULTS,
)
