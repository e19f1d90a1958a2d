"""How many replicas metrics call for, and how fast to go there: the arithmetic of autoscaling/v2, without a world.

Follows kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale: "Algorithm details", "Configurable scaling
behavior" (policies, stabilisation window, default behaviour). Whole numbers throughout; tolerance is the default 10 %.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from stratus_sim.cluster.scale_status import Recommendation, ScaleEvent
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.workload_shapes import ScalingPolicy, ScalingRules

SYNC_US = 15 * SECOND_US
UP = ScalingRules(0, "Max", [ScalingPolicy("Pods", 4, 15), ScalingPolicy("Percent", 100, 15)])
DOWN = ScalingRules(300, "Max", [ScalingPolicy("Percent", 100, 15)])


class Reading(NamedTuple):
    """A metric's mean over some pods, in the unit of its target, and over how many."""

    value: int
    pods: int


def proposal(replicas: int, target: int, ready: Reading, everyone: Reading) -> int:
    """The replicas one metric calls for.

    `everyone` counts pods that are not ready as idle: they may slow an increase down, never turn it round.
    """
    if everyone.pods == ready.pods or ready.value <= target:
        return replicas if _close(ready.value, target) else -(-ready.value * ready.pods // target)
    wanted = -(-everyone.value * everyone.pods // target)
    slow = _close(everyone.value, target) or everyone.value < target
    return replicas if slow else max(replicas, wanted)


def _close(value: int, target: int) -> bool:
    return 10 * abs(value - target) <= target


def rules(given: ScalingRules | None, default: ScalingRules) -> ScalingRules:
    """What is said, completed by the defaults."""
    if given is None:
        return default
    window = given.stabilization_window_seconds
    return ScalingRules(
        default.stabilization_window_seconds if window is None else window,
        given.select_policy or default.select_policy,
        given.policies or default.policies,
    )


def window_us(rule: ScalingRules) -> int:
    return (rule.stabilization_window_seconds or 0) * SECOND_US


def remembered(past: Iterable[Recommendation], wanted: int, now_us: int, longest_us: int) -> tuple[Recommendation, ...]:
    """Past recommendations with the present one: the one before held until the sync before this."""
    kept = list(past)
    if kept and kept[-1].last_us < now_us - SYNC_US:
        kept[-1] = Recommendation(kept[-1].replicas, now_us - SYNC_US)
    if kept and kept[-1].replicas == wanted:
        kept.pop()
    kept.append(Recommendation(wanted, now_us))
    return tuple(r for r in kept if r.last_us > now_us - longest_us or r.last_us == now_us)


def stabilised(
    past: Iterable[Recommendation], replicas: int, wanted: int, now_us: int, up_us: int, down_us: int
) -> tuple[int, int | None]:
    """What is left of a change once the window is heeded, and when one that was held back has to be looked at again."""
    recent = list(past)
    lowest = [r for r in recent if r.last_us > now_us - up_us]
    highest = [r for r in recent if r.last_us > now_us - down_us]
    up = min([wanted, *(r.replicas for r in lowest)])
    down = max([wanted, *(r.replicas for r in highest)])
    settled = up if replicas < up else down if replicas > down else replicas
    if settled == wanted:
        return settled, None
    window, blocking = (up_us, lowest) if wanted > replicas else (down_us, highest)
    ends = [r.last_us + window for r in blocking if r.replicas != wanted]
    return settled, min(ends, default=now_us + SYNC_US)


def limited(replicas: int, wanted: int, events: Iterable[ScaleEvent], rule: ScalingRules, now_us: int) -> int:
    """How far towards `wanted` the policies let a change go now."""
    if rule.select_policy == "Disabled":
        return replicas
    past = list(events)
    ends = [_end(replicas, past, policy, now_us, up=wanted > replicas) for policy in rule.policies or ()]
    if wanted > replicas:
        reach = min(ends) if rule.select_policy == "Min" else max(ends)
        return min(wanted, max(replicas, reach))
    reach = max(ends) if rule.select_policy == "Min" else min(ends)
    return max(wanted, min(replicas, reach))


def _end(replicas: int, events: list[ScaleEvent], policy: ScalingPolicy, now_us: int, *, up: bool) -> int:
    """The farthest number of replicas one policy allows, counted from where its period began."""
    recent = [event for event in events if event.time_us > now_us - policy.period_seconds * SECOND_US]
    began = replicas - sum(event.change for event in recent)
    if policy.type == "Pods":
        return began + policy.value if up else began - policy.value
    if up:
        return -(-began * (100 + policy.value) // 100)
    return max(0, began * (100 - policy.value) // 100)
