"""A plan: the actions somebody wants carried out on a cluster, in order, as one transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from stratus_sim.cluster.actions import Action, InvalidAction
from stratus_sim.cluster.conditions import subject
from stratus_sim.errors import UserError, unknown_name
from stratus_sim.manifests.reader import read_documents
from stratus_spec.catalogue import VERBS

_KEYS = frozenset({"verb", "target", "arguments", "namespace"})
_EXAMPLE = "expected a list of actions, such as {verb: scale, target: deployment/web, arguments: {replicas: 2}}"


class Plan(NamedTuple):
    """Actions in order. What is around them in the file (order of keys, comments) does not count."""

    actions: tuple[Action, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of what the plan does, in hex."""
        return digest_of([action.to_json() for action in self.actions])


def digest_of(value: Any) -> str:
    """SHA-256 of JSON data, in hex, whatever the order of keys."""
    return hashlib.sha256(msgspec.json.encode(value, order="deterministic")).hexdigest()


def read_plan(path: Path, namespace: str | None = None) -> Plan:
    """Read a YAML or JSON list of actions, as `Action.to_json` writes them.

    Actions that name no namespace act in `namespace`, or in `default`.

    Raises:
        UserError: the file cannot be read or is no plan; names the file, the action and the field.
    """
    documents = read_documents(path)
    if len(documents) != 1 or not isinstance(documents[0].value, list) or not documents[0].value:
        raise UserError(f"{path}: is no plan: {_EXAMPLE}")
    return Plan(tuple(_action(item, f"{path}: action {n}", namespace) for n, item in enumerate(documents[0].value, 1)))


def _action(item: Any, where: str, namespace: str | None) -> Action:
    if not isinstance(item, Mapping):
        raise UserError(f"{where}: {item!r} is no action: {_EXAMPLE}")
    for key in item:
        if key not in _KEYS:
            raise UserError(f"{where}: {unknown_name('field', key, _KEYS)}")
    if item.get("verb") not in VERBS:
        raise UserError(f"{where}: {unknown_name('verb', str(item.get('verb', '')), VERBS)}")
    if not isinstance(item.get("target"), str):
        raise UserError(f"{where}: target {item.get('target')!r}: expected kind/name, as in deployment/frontend")
    if not isinstance(item.get("namespace", ""), str):
        raise UserError(f"{where}: namespace {item['namespace']!r}: expected a name")
    try:
        action = Action.from_json({"namespace": namespace, **item})
        _ = action.key, subject(action)
    except InvalidAction as error:
        raise UserError(f"{where}: {error}") from None
    return action
