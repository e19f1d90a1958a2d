"""Where a request failed that has failed: in the workload itself, or in one of its calls."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from math import prod

from stratus_sim.application.flow import CallFlow, WorkloadFlow
from stratus_sim.telemetry.luck import Luck


def guilty(workload: WorkloadFlow, calls: Sequence[CallFlow], luck: Luck) -> int | None:
    """The index of the call a failing request failed in, None for the workload itself; soft calls are innocent.

    Each has its share of what the flows say fails.
    """
    blame = [1000 - flow.success_permille if flow.call.hard else 0 for flow in calls]
    passing = prod(1 - share / 1000 for share in blame)
    alone = workload.success_permille / 1000 / passing if passing else 1.0
    own = max(0, round(1000 * (1 - alone)))
    drawn = luck.draw(0, max(0, own + sum(blame) - 1)) - own
    return None if drawn < 0 else next((index for index, bound in enumerate(accumulate(blame)) if drawn < bound), None)
