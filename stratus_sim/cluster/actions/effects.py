"""From an action to the objects it writes: the API server's part, and the catalogue's bounds on an agent's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from stratus_sim.cluster.actions import manifests, nodes, rollouts, workloads
from stratus_sim.cluster.actions.action import Action, InvalidAction
from stratus_sim.cluster.configuration import Path, difference
from stratus_sim.cluster.objects import Manifest, ObjectKey, Resource
from stratus_sim.errors import UserError
from stratus_sim.manifests.kinds import is_known
from stratus_sim.manifests.shapes import read_shape
from stratus_spec.catalogue import VERB, refusal

if TYPE_CHECKING:
    from stratus_sim.world import World


class Write(NamedTuple):
    """One object an action writes: its manifest before and after, None where there is no object."""

    key: ObjectKey
    before: Manifest | None
    after: Manifest | None

    @property
    def fields(self) -> dict[Path, tuple[Any, Any]]:
        """The fields that differ: path -> (before, after)."""
        return difference(self.before, self.after)


def effects(world: World, action: Action) -> tuple[Write, ...]:
    """The objects an action writes, in order. Changes nothing.

    Raises:
        InvalidAction: unknown verb, missing object, arguments of the wrong form, or what the API server would refuse.
    """
    written = tuple(Write(key, _manifest(world, key), after) for key, after in _written(world, action))
    for write in written:
        if write.after is not None:
            _admit(write.after)
    return written


def effect(world: World, action: Action) -> tuple[ObjectKey, Manifest | None]:
    """The one object an action writes and its manifest afterwards, None for a deletion. Changes nothing.

    Raises:
        InvalidAction: as `effects`; or the action writes several objects.
    """
    first, *more = effects(world, action)
    if more:
        raise InvalidAction(f"{action.verb} writes {1 + len(more)} objects at once: take its steps one by one here")
    return first.key, first.after


def admitted(manifest: Manifest) -> tuple[ObjectKey, Manifest]:
    """The object a whole manifest stands for, and the manifest to store.

    Raises:
        InvalidAction: the API server would refuse it.
    """
    key, accepted = manifests.given("apply", manifest)
    _admit(accepted)
    return key, accepted


def outside_catalogue(action: Action, write: Write) -> str:
    """Why a write goes beyond what the catalogue lets this verb touch; "" when it does not.

    A change of fields that the server sets, or that cannot be set back, is not one an agent can undo.
    """
    verb = VERB[VERB[action.verb].parts[0]] if VERB[action.verb].parts else VERB[action.verb]
    update = write.before is not None and write.after is not None
    return refusal(write.key.kind, verb.writes, write.fields, update=update)


def _written(world: World, action: Action) -> list[tuple[ObjectKey, Manifest | None]]:
    if action.verb in _COMPOSITES:
        return _fitted(action, lambda: _COMPOSITES[action.verb](world, action))
    if action.verb not in _EFFECTS:
        raise InvalidAction(f"verb {action.verb!r}: expected one of {', '.join(sorted(VERB))}")
    found = _found(world, action)
    return _fitted(action, lambda: [(action.key, _EFFECTS[action.verb](world, found, action.arguments))])


def _found(world: World, action: Action) -> Resource:
    found = world.store.get(action.key)
    if found is None:
        raise InvalidAction(f'{action.key.kind} "{action.key.name}" not found in namespace {action.key.namespace!r}')
    return found


_Written = list[tuple[ObjectKey, Manifest | None]]


def _fitted(action: Action, make: Callable[[], _Written]) -> _Written:
    try:
        return make()
    except (KeyError, TypeError, AttributeError) as error:
        raise InvalidAction(f"{action}: arguments do not fit the verb ({error!r})") from None


def _manifest(world: World, key: ObjectKey) -> Manifest | None:
    found = world.store.get(key)
    return found.manifest if found is not None else None


def _admit(manifest: Manifest) -> None:
    """Raises InvalidAction for what the API server's validation would not let in."""
    kind, version = manifest["kind"], manifest["apiVersion"]
    built_in = is_known(version, kind)
    try:
        read_shape(manifest if built_in else {**manifest, "kind": f"{kind}.{version}"}, "the API server refuses it")
    except UserError as error:
        raise InvalidAction(str(error)) from None


_EFFECTS: dict[str, Callable[[World, Resource, Mapping[str, Any]], Manifest | None]] = {
    **workloads.EFFECTS,
    **rollouts.EFFECTS,
    **nodes.EFFECTS,
    **manifests.EFFECTS,
}
_COMPOSITES: dict[str, Callable[[World, Action], _Written]] = {
    **workloads.COMPOSITES,
    **nodes.COMPOSITES,
    **manifests.COMPOSITES,
}
