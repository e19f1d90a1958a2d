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


class Usage(NamedTuple):
    """What some pods use and request together, in millicores or MiB."""

    pods: int = 0
    used: int = 0
    requested: int = 0


class Measured(NamedTuple):
    """A metric against its target: of pods that count, of those not ready yet, and of those nobody has a value of.

    With `share` the target is percent of what is requested, else an amount for each pod.
    """

    target: int
    share: bool
    ready: Usage
    unready: Usage = Usage()
    missing: Usage = Usage()

    @property
    def value(self) -> int:
        """The mean over the pods that count, in the unit of the target."""
        return _mean(self.ready, share=self.share)


def _mean(usage: Usage, *, share: bool) -> int:
    return 100 * usage.used // max(1, usage.requested) if share else usage.used // max(1, usage.pods)


def proposal(replicas: int, found: Measured) -> int:
    """The replicas one metric calls for.

    Who is not ready yet counts as idle where more are called for; who has no value does too, and where fewer are called
    for as using all it may. Both may slow a change down, neither turns it round.
    """
    value, target = found.value, found.target
    if not found.missing.pods and not (found.unready.pods and value > target):
        return replicas if _close(value, target) else -(-value * found.ready.pods // target)
    everyone = _completed(found)
    mean = _mean(everyone, share=found.share)
    wanted = -(-mean * everyone.pods // target)
    if _close(mean, target) or (mean > target) != (value > target):
        return replicas
    return max(replicas, wanted) if mean > target else min(replicas, wanted)


def _completed(found: Measured) -> Usage:
    """What all pods use, with a guess for those nobody knows of."""
    up, down = found.value > found.target, found.value < found.target
    full = found.missing.requested * max(100, found.target) // 100 if found.share else found.target * found.missing.pods
    parts = [found.ready]
    if up or down:
        parts.append(found.missing._replace(used=full if down else 0))
    if up:
        parts.append(found.unready._replace(used=0))
    return Usage(*(sum(column) for column in zip(*parts, strict=True)))


def _close(value: int, target: int) -> bool:
    return 10 * abs(value - target) <= target


def unruly(replicas: int, wanted: int) -> int:
    """How far a change goes at once where the autoscaler has no `behavior`: up to twice as many, or four."""
    return min(wanted, max(2 * replicas, 4))


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
