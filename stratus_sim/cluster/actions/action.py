"""An action as data: what an agent asks for, before anybody has looked whether it fits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stratus_sim.cluster.objects import ObjectKey, key_of
from stratus_sim.manifests.kinds import SERVED, SHORT_NAMES, plural

_KINDS = {
    name: kind
    for kind in (*SERVED, "NetworkChaos")
    for name in (kind.lower(), plural(kind), SHORT_NAMES.get(kind, kind.lower()))
}


class InvalidAction(ValueError):
    """An action the API server would refuse; the message says which part, and what was expected."""


@dataclass(frozen=True, slots=True)
class Action:
    """One write. `target` is `kind/name`; `arguments` depend on the verb (? marks what may be left out):

    scale {replicas} · set-image {container?, image} · set-env {container?, env: {name: value|None}} ·
    set-resources {container?, limits?, requests?} ·
    set-probes {container?, liveness?, readiness?, startup?: a probe, or None to remove it} ·
    patch {patch, type?: strategic|merge|json} · apply, create, replace {manifest} · delete {} ·
    label {labels: {key: value|None}} · annotate {annotations: {key: value|None}} ·
    rollout-undo {revision?} · rollout-restart, rollout-pause, rollout-resume {} ·
    cordon, uncordon, drain {} · taint {taints: ["key=value:Effect", "key:Effect-"]} · evict {} ·
    expose {port, target_port?, name?} · autoscale {max, min?, cpu_percent?, name?} · exec {command}: not undoable.
    """

    verb: str
    target: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    namespace: str = "default"

    @property
    def key(self) -> ObjectKey:
        """The object the action is about.

        Raises:
            InvalidAction: `target` is not `kind/name`.
        """
        kind, slash, name = self.target.partition("/")
        if not slash or not kind or not name:
            raise InvalidAction(f"target {self.target!r}: expected kind/name, as in deployment/frontend")
        return key_of({"kind": _KINDS.get(kind.lower(), kind), "metadata": {"name": name, "namespace": self.namespace}})

    def to_json(self) -> dict[str, Any]:
        """Plain JSON that `from_json` reads back."""
        return {
            "verb": self.verb, "target": self.target, "arguments": dict(self.arguments), "namespace": self.namespace
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Any) -> Action:
        """Raises InvalidAction when `data` is not an action."""
        if not isinstance(data, Mapping) or not isinstance(data.get("verb"), str):
            raise InvalidAction(f"{data!r} is no action: expected a mapping with verb, target, arguments, namespace")
        arguments = data.get("arguments") or {}
        if not isinstance(arguments, Mapping):
            raise InvalidAction(f"arguments {arguments!r}: expected a mapping")
        return cls(data["verb"], str(data.get("target", "")), arguments, str(data.get("namespace") or "default"))

    def __str__(self) -> str:
        words = " ".join(f"{k}={_short(v)}" for k, v in sorted(self.arguments.items()))
        return f"{self.verb} {self.target}{' ' if words else ''}{words} -n {self.namespace}"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."
