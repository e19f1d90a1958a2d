"""Taints and tolerations: who may come to a node, and who may stay.

Follows kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from stratus_sim.cluster.objects import Manifest, Resource
from stratus_sim.cluster.specs import best_effort

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_TEXT = re.compile(r"(?P<key>[^=:\s]+)(=(?P<value>[^=:\s]*))?:(?P<effect>\w+)(?P<gone>-?)")
Taint = dict[str, str]
UNREACHABLE: Taint = {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}
"""What the control plane puts on a node that has fallen silent."""
PRESSURE: Mapping[str, Taint] = {
    word: {"key": f"node.kubernetes.io/{word.lower()}-pressure", "effect": "NoSchedule"} for word in ("Disk", "Memory")
}
"""What it puts on a node that is short of something."""
UNSCHEDULABLE: Taint = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
"""What it puts on a node that was cordoned."""


def parse(text: str) -> tuple[Taint, bool]:
    """A taint as kubectl writes it, and whether it is to be removed.

    >>> parse("dedicated=db:NoSchedule"), parse("dedicated:NoSchedule-")[1]
    (({'key': 'dedicated', 'value': 'db', 'effect': 'NoSchedule'}, False), True)

    Raises:
        TypeError: it is none.
    """
    found = _TEXT.fullmatch(text)
    if found is None or found["effect"] not in EFFECTS:
        raise TypeError(f"taint {text!r}: expected KEY=VALUE:EFFECT or KEY:EFFECT-, EFFECT one of {', '.join(EFFECTS)}")
    value = {} if found["value"] is None else {"value": found["value"]}
    return {"key": found["key"], **value, "effect": found["effect"]}, bool(found["gone"])


def of(node: Manifest) -> list[Mapping[str, Any]]:
    """A node's taints."""
    spec = node.get("spec")
    found = spec.get("taints") if isinstance(spec, Mapping) else None
    return [taint for taint in found if isinstance(taint, Mapping)] if isinstance(found, list) else []


def untolerated(node: Manifest, pod: Resource, *effects: str) -> str:
    """The first taint of a node with one of these effects that a pod does not tolerate, as kubectl shows it; or ""."""
    return repelling(node, (pod.manifest.get("spec") or {}).get("tolerations") or [], *effects)


def repelling(node: Manifest, tolerations: Iterable[Mapping[str, Any]], *effects: str) -> str:
    """The first taint of a node with one of these effects that none of the tolerations covers; or ""."""
    tolerations = list(tolerations)
    for taint in of(node):
        if taint.get("effect") in effects and not any(_tolerates(t, taint) for t in tolerations):
            return f"{{{taint.get('key')}: {taint.get('value', '')}}}"
    return ""


def _tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    if toleration.get("effect") not in (None, "", taint.get("effect")):
        return False
    if toleration.get("key") not in (None, "", taint.get("key")):
        return False
    return toleration.get("operator") == "Exists" or (toleration.get("value") or "") == (taint.get("value") or "")


def pressing(node: Resource, pod: Resource) -> str:
    """The first pressure on a node that keeps a pod away, as kubectl shows its taint; or "".

    Admission lets all but BestEffort pods tolerate a lack of memory, and the DaemonSet controller its pods any.
    """
    if pod.owner is not None and pod.owner.kind == "DaemonSet":
        return ""
    for word in sorted(node.status.pressure):
        taint = PRESSURE[word]
        if not tolerating(pod, taint) and (word != "Memory" or best_effort(pod.spec)):
            return f"{{{taint['key']}: }}"
    return ""


def lost(node: Resource) -> list[Taint]:
    """The taints of a node that does not answer; the one that sends pods away comes when its zone's turn has come."""
    if node.status.ready:
        return []
    unreachable = {**UNREACHABLE, "effect": "NoSchedule"}
    return [unreachable] if node.status.evicting_us is None else [UNREACHABLE, unreachable]


def controllers(node: Resource) -> list[Taint]:
    """The taints the control plane has put on a node for what is the matter with it."""
    pressing = [PRESSURE[word] for word in sorted(node.status.pressure)]
    return [*lost(node), *pressing, *([UNSCHEDULABLE] if node.spec.unschedulable else ())]


def tolerating(pod: Resource, taint: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The tolerations of a pod that cover a taint."""
    tolerations = (pod.manifest.get("spec") or {}).get("tolerations") or []
    return [toleration for toleration in tolerations if _tolerates(toleration, taint)]
