"""A change of an object, as side conditions look at it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from stratus_sim.cluster.objects import Manifest, ObjectKey, Resource

Spec = Mapping[str, Any]


class Change(NamedTuple):
    """A change of an object: as found and as it will be, None where there is none.

    `begun` is its manifest when the transaction began: what undo puts back.
    """

    key: ObjectKey
    found: Resource | None
    after: Manifest | None
    begun: Manifest | None

    @property
    def was(self) -> Spec:
        """The spec undo puts back; {} where there is none."""
        return spec(self.begun)

    @property
    def now(self) -> Spec:
        """The spec as found; {} where there is none."""
        return spec(self.found.manifest if self.found is not None else None)

    @property
    def new(self) -> Spec:
        """The spec to come; {} where there is none."""
        return spec(self.after)


def spec(manifest: Manifest | None) -> Spec:
    """The spec of an object; {} without one."""
    return (manifest or {}).get("spec") or {}


def replicas(spec: Spec) -> int:
    """How many replicas a workload asks for; one when it does not say."""
    found: int | None = spec.get("replicas")
    return 1 if found is None else found
