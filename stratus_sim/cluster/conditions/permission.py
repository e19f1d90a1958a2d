"""Which side condition an action has, and whether it holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from stratus_sim.cluster.actions import Action, Write
from stratus_sim.cluster.actions.manifests import given
from stratus_sim.cluster.conditions.autoscalers import only_raises
from stratus_sim.cluster.conditions.change import Change, spec
from stratus_sim.cluster.conditions.drains import evictable
from stratus_sim.cluster.conditions.restarts import replaceable
from stratus_sim.cluster.conditions.rollouts import quorum, rollable
from stratus_sim.cluster.objects import Manifest, ObjectKey, finalizers_of
from stratus_sim.manifests.kinds import SERVED
from stratus_spec.catalogue import CUSTOM, Classification, classify

if TYPE_CHECKING:
    from stratus_sim.world import World

_STORING = frozenset({"apply", "create", "replace"})
"""The verbs that store a manifest they are given."""


def classification(verb: str, kind: str) -> Classification:
    """The catalogue's row for an action; a kind no built-in API group serves is a custom object."""
    return classify(verb, kind if kind in SERVED else CUSTOM)


def subject(action: Action) -> ObjectKey:
    """The object the catalogue knows an action by: that of a manifest it stores, whatever its target says.

    Raises:
        InvalidAction: it names none.
    """
    return given(action.verb, action.arguments.get("manifest"))[0] if action.verb in _STORING else action.key


def permitted(
    world: World, action: Action, writes: tuple[Write, ...], begun: Callable[[ObjectKey], Manifest | None]
) -> bool:
    """Whether the side condition of an action holds; True for one that has none.

    `begun` reads configuration as it was when the transaction began.
    """
    key = subject(action)
    condition = classification(action.verb, key.kind).condition
    after = None if action.verb == "drain" else writes[0].after
    return condition is None or holds(world, condition, key, after, begun(key))


def holds(
    world: World, condition: str, key: ObjectKey, after: Manifest | None = None, begun: Manifest | None = None
) -> bool:
    """Whether a named side condition holds for a change of `key` into `after`, None when the object goes.

    `begun` as in `Change`; None stands for the manifest as found. False for a name nobody evaluates.
    """
    check, found = _CHECKS.get(condition), world.store.get(key)
    before = found.manifest if begun is None and found is not None else begun
    return check is not None and check(world, Change(key, found, after, before))


def _unmounted(world: World, change: Change) -> bool:
    running = world.store.list("Pod", change.key.namespace)
    return all((spec(pod.manifest).get("serviceAccountName") or "default") != change.key.name for pod in running)


def _unused(_world: World, change: Change) -> bool:
    return change.found is None


def _no_finalizers(_world: World, change: Change) -> bool:
    return change.found is not None and not finalizers_of(change.found.manifest)


_CHECKS: dict[str, Callable[[World, Change], bool]] = {
    "replaceable": replaceable,
    "rollable": rollable,
    "quorum": quorum,
    "evictable": evictable,
    "only_raises": only_raises,
    "unmounted": _unmounted,
    "unused": _unused,
    "no_finalizers": _no_finalizers,
}
