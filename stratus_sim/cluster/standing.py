"""How many pods of each owner count, and since when those that serve are the ones they are."""

from __future__ import annotations

from collections.abc import Collection

from stratus_sim.cluster import pods
from stratus_sim.cluster.indexes import StoreState
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.kernel.draft import Draft

_NOBODY = (0, 0, 0)


class Standing:
    """The counts of a store, and whose have changed."""

    def __init__(self, state: StoreState) -> None:
        self._state = state
        self._counts = Draft(state.standing)
        self._forget()

    def freeze(self) -> None:
        """Put the counts into the state of the store."""
        self._state.standing = self._counts.freeze()

    def of(self, owner: ObjectKey) -> tuple[int, int]:
        """How many pods of an owner are active, and how many of these ready, however many there are to count."""
        active, ready, _ = self._counts[owner] or _NOBODY
        return active, ready

    def since(self, owner: ObjectKey) -> int:
        """The version that last changed which pods of an owner serve, or what a serving one is like; 0 without pods."""
        return (self._counts[owner] or _NOBODY)[2]

    def stirred(self, since: int) -> Collection[ObjectKey] | None:
        """Whose pods serve since this version that did not, or the other way round, or are others; and maybe more.

        They are told by their owner, or by their own key without one, among what was given to `stir`; None when it is
        not known that far back. What one has asked for is forgotten.
        """
        found = self._stirred if since >= self._stirred_from else None
        self._forget()
        return found

    def _forget(self) -> None:
        self._stirred: dict[ObjectKey, None] = {}
        self._stirred_from = self._state.version

    def stir(self, key: ObjectKey) -> None:
        """Note that another object has changed which `stirred` is to tell."""
        self._stirred[key] = None

    def depart(self, owner: ObjectKey) -> None:
        """An owner of pods is gone or left to itself: whose they are now, owners stirred do not tell."""
        if self._counts[owner]:
            self._forget()

    def recount(self, old: Resource | None, new: Resource | None) -> None:
        """Count a pod that has changed."""
        before, after = pods.standing(old), pods.standing(new)
        if before == after and not (after[1] and _altered(old, new)):
            return
        changed: Resource = new or old  # type: ignore[assignment]  # one of them is there
        owner = changed.owner
        self._stirred[owner or changed.key] = None
        if owner is None:
            return
        active, ready, _ = self._counts[owner] or _NOBODY
        active, ready = active + after[0] - before[0], ready + after[1] - before[1]
        if active or ready:
            self._counts[owner] = active, ready, self._state.version
        else:
            self._counts[owner] = None


def _altered(old: Resource | None, new: Resource | None) -> bool:
    """Whether a pod is another one for whoever looks at its manifest and at the environment of its process."""
    if old is None or new is None:
        return True
    return old.generation != new.generation or old.status.env is not new.status.env
