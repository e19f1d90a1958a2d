"""What an autoscaler found out and did. Times are microseconds since the world began."""

from __future__ import annotations

import msgspec

from stratus_sim.kernel.timers import Timer


class Recommendation(msgspec.Struct, frozen=True, gc=False):
    """A number of replicas that metrics called for up to and including `last_us`."""

    replicas: int
    last_us: int


class ScaleEvent(msgspec.Struct, frozen=True, gc=False):
    """A change an autoscaler made, in replicas."""

    change: int
    time_us: int


class AutoscalerStatus(msgspec.Struct, frozen=True, gc=False):
    """What a HorizontalPodAutoscaler measured and did.

    `measured` has the current value of each metric (permille for Utilization, millicores or MiB otherwise), None
    where there is none. `active`, `able`, `limited` are reasons of the conditions ScalingActive, AbleToScale and
    ScalingLimited; `metric` calls for most replicas, `problem` says why scaling is not active. `timer` is set for the
    next look, if one is needed.
    """

    current: int = 0
    desired: int = 0
    measured: tuple[int | None, ...] = ()
    recommended: tuple[Recommendation, ...] = ()
    scaled: tuple[ScaleEvent, ...] = ()
    last_scale_us: int | None = None
    able: str = ""
    active: str = ""
    limited: str = ""
    metric: str = ""
    problem: str = ""
    timer: Timer | None = None
