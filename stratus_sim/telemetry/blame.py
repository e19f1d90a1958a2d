"""Where a request failed that has failed: in the workload itself, or in one of its calls."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from stratus_sim.application.flow import CallFlow, WorkloadFlow
from stratus_sim.telemetry.luck import Luck


def guilty(workload: WorkloadFlow, calls: Sequence[CallFlow], luck: Luck) -> int | None:
    """The index of the call a failing request failed in, None for the workload itself; soft calls are innocent.

    Each has its share of what the flows say fails: a call that comes after others is only made where these succeed.
    """
    passing, blame = 1.0, []
    for flow in calls:
        success = flow.success_permille / 1000 if flow.call.hard else 1.0
        blame.append(round(1000 * passing * (1 - success)))
        passing *= success
    alone = workload.success_permille / 1000 / passing if passing else 1.0
    own = max(0, round(1000 * (1 - alone)))
    drawn = luck.draw(0, max(0, own + sum(blame) - 1)) - own
    return None if drawn < 0 else next((index for index, bound in enumerate(accumulate(blame)) if drawn < bound), None)
