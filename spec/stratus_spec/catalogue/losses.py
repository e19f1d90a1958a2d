"""What undo does not bring back, and the class of an action that follows from it.

Configuration always comes back, field by field. The rest of a system is made good in one of three ways: nothing that
settles ever reads it; something remakes it from configuration, under a condition; or nothing does, because it is
written down nowhere, or because what should remake it is held up.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ..sorts import Reversibility


class Facet(StrEnum):
    """The parts of a system beside an object's configuration, as far as undo is concerned."""

    STAMP = "stamp"
    """What the server counts and chooses: uid, versions, times, addresses. Never the same twice."""
    STANDING = "standing"
    """What controllers keep up from configuration as long as the environment lets them: pods, sizes, tokens in use."""
    HELD = "held"
    """What a controller would remake, were it not waiting for what the action has broken."""
    DATA = "data"
    """What is written down nowhere else."""


@dataclass(frozen=True)
class Loss:
    """Something an action takes with it. `facet` decides how it is made good, if at all."""

    name: str
    facet: Facet
    text: str


VERSION = Loss("version", Facet.STAMP, "resourceVersion, generation and managedFields of the object go on")
IDENTITY = Loss("uid", Facet.STAMP, "the object comes back under another uid, creation time and addresses chosen anew")
COUNTERS = Loss("counters", Facet.STAMP, "the server's counters, and the Events that tell of it, stay")
PODS = Loss("pods", Facet.STANDING, "pods are replaced: their names, memory, logs and emptyDir volumes are gone")
MEMBERS = Loss("members", Facet.STANDING, "members of an ensemble restart or leave; they catch up from the others")
RESIZED = Loss("resized", Facet.STANDING, "what the autoscaler set in the meantime is a foreign write and stays")
STUCK = Loss(
    "stuck",
    Facet.HELD,
    "a StatefulSet waits for a pod that never gets ready, also once its template is put back (forced rollback)",
)
TOKENS = Loss("tokens", Facet.STANDING, "tokens bound to the account's old uid are void")
CONTENT = Loss("content", Facet.STANDING, "what others put into it in the meantime goes with it")
OUTSIDE = Loss("outside", Facet.STANDING, "what a controller did outside the cluster is done again, not undone")
DATA = Loss("data", Facet.DATA, "data that no object describes is destroyed")
UNKNOWN = Loss("unknown", Facet.DATA, "nobody knows what it does: no before-image can be taken")

_CLASS = {
    Facet.STAMP: Reversibility.REVERSIBLE,
    Facet.STANDING: Reversibility.COMPENSABLE,
    Facet.HELD: Reversibility.IRREVERSIBLE,
    Facet.DATA: Reversibility.IRREVERSIBLE,
}


def class_of(losses: tuple[Loss, ...]) -> Reversibility:
    """The class that follows from what is lost: that of the worst loss.

    `stratus_proofs.catalogue` proves, row by row, that no milder class would be right.
    """
    order = list(Reversibility)
    return max((_CLASS[loss.facet] for loss in losses), key=order.index, default=Reversibility.REVERSIBLE)
