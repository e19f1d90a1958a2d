"""What autoscalers promise.

From kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale ("Algorithm details", "Configurable scaling
behavior": policies, stabilization window, default behaviour; "Implicit maintenance-mode deactivation").
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

from stratus_sim.cluster import api
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.workloads.proposals import readings
from stratus_sim.kernel import SECOND_US
from tests.invariants.promises.look import Look

KIND, WRITER = "HorizontalPodAutoscaler", "horizontal-pod-autoscaler"
SYNC_US = 15 * SECOND_US
DEFAULTS: dict[str, dict[str, Any]] = {
    "scaleUp": {
        "stabilizationWindowSeconds": 0,
        "policies": [
            {"type": "Pods", "value": 4, "periodSeconds": 15},
            {"type": "Percent", "value": 100, "periodSeconds": 15},
        ],
    },
    "scaleDown": {
        "stabilizationWindowSeconds": 300,
        "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
    },
}


class Resize(NamedTuple):
    """A change an autoscaler has made to the replicas of its target."""

    time_us: int
    before: int
    after: int


class Past(NamedTuple):
    """What is known of one autoscaler since it last changed: its resizes and what metrics called for, from when on."""

    uid: int
    generation: int
    since_us: int
    resizes: tuple[Resize, ...] = ()
    called_for: tuple[tuple[int, int | None], ...] = ()
    outside_us: int | None = None


def target_of(found: Resource) -> ObjectKey:
    reference = found.spec.scale_target_ref
    return ObjectKey(reference.kind, found.key.namespace, reference.name)


def limits_of(found: Resource) -> tuple[int, int]:
    return (1 if found.spec.min_replicas is None else found.spec.min_replicas), found.spec.max_replicas


def _rules(found: Resource, direction: str) -> dict[str, Any]:
    given = (found.manifest["spec"].get("behavior") or {}).get(direction) or {}
    return {**DEFAULTS[direction], **given}


class Autoscaling:
    """An autoscaler keeps its target within its bounds, changes it no faster than its policies let it, and takes no
    replicas that metrics called for within the window; a target of none it leaves alone."""

    def __init__(self) -> None:
        self._past: dict[ObjectKey, Past] = {}
        self._audited: int | None = None

    def __call__(self, look: Look) -> Iterator[str]:
        resizes = list(self._resizes(look))
        for found in look.world.store.list(KIND):
            past, target = self._known(look, found), look.world.store.get(target_of(found))
            rivals = [one for one in look.world.store.list(KIND) if target_of(one) == target_of(found)]
            for resize in (one for key, one in resizes if key == target_of(found) and len(rivals) == 1):
                yield from (f"{found.key}: {resize} {told}" for told in _faults(found, past, resize))
                past = past._replace(resizes=(*past.resizes, resize))
            outside_us = _outside_since(look, found, target, past) if len(rivals) == 1 else None
            if outside_us is not None and look.world.now_us - outside_us > SYNC_US:
                yield f"{found.key}: its target has been outside of {limits_of(found)} since {outside_us}"
            called = past.called_for
            if look.settled and target is not None:
                called = (*called, (look.world.now_us, _wish(look, found, target)))
            self._past[found.key] = past._replace(called_for=called, outside_us=outside_us)

    def _resizes(self, look: Look) -> Iterator[tuple[ObjectKey, Resize]]:
        last = look.world.cluster.audit
        number = 0 if last is None else last.number
        changes = api.changes_since(look.world, number if self._audited is None else self._audited)
        self._audited = number
        for change in changes:
            if change.writer == WRITER and change.before is not None and change.after is not None:
                before, after = (one["spec"].get("replicas", 1) for one in (change.before, change.after))
                yield change.key, Resize(change.time_us, before, after)

    def _known(self, look: Look, found: Resource) -> Past:
        past = self._past.get(found.key)
        if past is not None and (past.uid, past.generation) == (found.uid, found.generation):
            return past
        return Past(found.uid, found.generation, look.world.now_us)


def _wish(look: Look, found: Resource, target: Resource) -> int | None:
    """What the metrics call for now; None where that says nothing."""
    replicas, (low, high) = target.spec.replicas if target.spec.replicas is not None else 1, limits_of(found)
    if not low <= replicas <= high or not replicas:
        return None
    read = readings(look.world, found, target)
    return None if read.failures else max((count for count, _ in read.proposals), default=None)


def _outside_since(look: Look, found: Resource, target: Resource | None, past: Past) -> int | None:
    replicas = target.spec.replicas if target is not None else 0
    replicas = 1 if replicas is None else replicas
    low, high = limits_of(found)
    if not replicas or low <= replicas <= high:
        return None
    return look.world.now_us if past.outside_us is None else past.outside_us


def _faults(found: Resource, past: Past, resize: Resize) -> Iterator[str]:
    low, high = limits_of(found)
    if not low <= resize.after <= high:
        yield f"leaves {low} to {high}"
    if not resize.before:
        yield "begins at none"
    if not low <= resize.before <= high:
        return  # who is outside comes inside at once
    direction = "scaleUp" if resize.after > resize.before else "scaleDown"
    rules = _rules(found, direction)
    wished = list(_wishes(found, past, resize, rules["stabilizationWindowSeconds"]))
    if direction == "scaleDown" and wished and resize.after < min(high, max(wished)):
        yield f"though {max(wished)} were called for within the window"
    if direction == "scaleUp" and wished and resize.after > max(low, min(wished)):
        yield f"though only {min(wished)} were called for within the window"
    if found.spec.behavior is None:
        most = max(2 * resize.before, 4)
        if resize.after > most:
            yield f"goes beyond {most} at once"
    elif _too_far(past, resize, rules):
        yield f"is farther than {rules} allow after {past.resizes}"


def _wishes(found: Resource, past: Past, resize: Resize, window_s: int) -> Iterator[int]:
    """What was called for at the autoscaler's instants within the window; nothing where it changed just then."""
    spans = pairwise([*past.called_for, (resize.time_us, None)])
    for (begin_us, wish), (end_us, _) in spans:
        first = max(begin_us + 1, resize.time_us - window_s * SECOND_US + 1)
        rounds = -(-(first - found.created_us) // SYNC_US)
        at_us = found.created_us + max(1, rounds) * SYNC_US
        if wish is not None and at_us < end_us:
            yield wish


def _too_far(past: Past, resize: Resize, rules: dict[str, Any]) -> bool:
    if rules.get("selectPolicy") == "Disabled":
        return True
    longest_us = max(policy["periodSeconds"] for policy in rules["policies"]) * SECOND_US
    if resize.time_us - past.since_us < longest_us:
        return False  # it may have been changed in between
    up = resize.after > resize.before
    ends = [_end(past, resize, policy, up) for policy in rules["policies"]]
    far = max if up == (rules.get("selectPolicy") != "Min") else min
    return resize.after > far(ends) if up else resize.after < far(ends)


def _end(past: Past, resize: Resize, policy: dict[str, Any], up: bool) -> int:
    since_us = resize.time_us - policy["periodSeconds"] * SECOND_US
    began = resize.before - sum(one.after - one.before for one in past.resizes if one.time_us > since_us)
    if policy["type"] == "Pods":
        return int(began + policy["value"]) if up else int(began - policy["value"])
    if up:
        return int(-(-began * (100 + policy["value"]) // 100))
    return int(began * (100 - policy["value"]) // 100)


PROMISES = (Autoscaling,)
