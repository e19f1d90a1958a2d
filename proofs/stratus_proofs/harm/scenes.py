"""Incidents a run may be part of: what the crew plans, and what the world does meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from stratus_spec import Machine

from .crew import GONE, Call, Job
from .interpretation import Interpretation, interpretations
from .kinds import SECOND_US
from .setting import Setting, struck

REPAIR = Job("scale", "Deployment", (("geo", 1),))
WRONG = Job("scale", "Deployment", (("profile", 0),))
WRONG_TOO = Job("scale", "Deployment", (("user", 0),))
IDLE = Job("scale", "Deployment", (("profile", 3),))
BOTH = Job("patch", "Deployment", (("profile", 0), ("geo", 1)))
PLACE = Job("patch", "Deployment", (("geo's nodeSelector", GONE),))
DELETION = Job("delete", "PersistentVolumeClaim", (("reviews", GONE),))
STRUCK = ("scale-to-zero",)
STRUCK_TWICE = ("pod-unschedulable-node-selector", "scale-to-zero")


@dataclass(frozen=True)
class Scene:
    """How a run begins, who repairs, and what the world does meanwhile.

    `interpretation` is that of the weakened specification, `usual` that of the whole one; they differ where an axiom
    was dropped. `events` follow the first step of that name in the guarded run, and come at the same hour in the other.
    """

    faults: tuple[str, ...]
    plan: tuple[Job, ...]
    interpretation: Interpretation
    usual: Interpretation
    events: Mapping[str, tuple[Call, ...]] = field(default_factory=dict)

    @property
    def setting(self) -> Setting:
        """The application with the faults standing."""
        return struck(self.faults)


def scenes(machine: Machine, own: Interpretation) -> Iterator[Scene]:
    """Ways an incident goes: straight, with a wrong first attempt, and with what the world does meanwhile."""
    for interpretation, usual in interpretations(machine, own):
        yield from (Scene(STRUCK, plan, interpretation, usual) for plan in PLANS)
        yield Scene(STRUCK_TWICE, (REPAIR, PLACE), interpretation, usual)
        yield from (Scene(STRUCK, plan, interpretation, usual, events) for plan, events in MEANWHILE)
        roomy = [replace(r, constants={**r.constants, "K": 2 * r.constants["K"]}) for r in (interpretation, usual)]
        yield Scene(STRUCK, (WRONG, REPAIR), roomy[0], roomy[1])
        yield Scene(STRUCK, (WRONG, REPAIR), roomy[0], roomy[1], {"complete": (LATE,)})


CRASH, LATE = Call("crash", {}), Call("tick", {"t": 400 * SECOND_US})
HUMAN, HEALED = (Call("foreign", {"f": name, "v": value}) for name, value in (("profile", 3), ("geo", 1)))
PLANS = ((REPAIR,), (WRONG, REPAIR), (WRONG, WRONG, REPAIR), (BOTH, REPAIR), (WRONG, WRONG_TOO))
MEANWHILE: tuple[tuple[tuple[Job, ...], Mapping[str, tuple[Call, ...]]], ...] = (
    ((IDLE, REPAIR), {"send": (HUMAN,)}),
    ((WRONG, REPAIR), {"land": (CRASH,)}),
    ((WRONG, REPAIR), {"send": (CRASH,)}),
    ((IDLE, REPAIR), {"land": (CRASH, HEALED)}),
    ((WRONG, WRONG_TOO), {"land": (HUMAN,)}),
    ((REPAIR,), {"start": (HEALED,)}),
    ((WRONG, REPAIR), {"complete": (LATE,)}),
)
"""Plans, and what happens the first time somebody takes a step of that name."""
