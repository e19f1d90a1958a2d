"""What kube-scheduler says when no node takes a pod.

Follows its FitError: reasons with their counts in the order of the text they make, then what pre-emption found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from stratus_sim.cluster.scheduling.attempt import Refusal

NO_NODES = "no nodes available to schedule pods"
NOT_HELPFUL = Refusal(("Preemption is not helpful for scheduling",), final=True)
NO_VICTIMS = Refusal(("No preemption victims found for incoming pod",), final=True)
GATED = "Scheduling is blocked due to non-empty scheduling gates"
NEVER = "not eligible due to preemptionPolicy=Never."
TERMINATING = "not eligible due to a terminating pod on the nominated node."


def fit_error(total: int, refusals: Iterable[Refusal]) -> str:
    """Why none of `total` nodes fits, from the refusal of each."""
    counts = Counter(reason for refusal in refusals for reason in refusal.reasons)
    told = ", ".join(sorted(f"{count} {reason}" for reason, count in counts.items()))
    return f"0/{total} nodes are available: {told}."


def hopeless(total: int, reason: str) -> str:
    """The same for a reason that lies in the pod and not in any node."""
    return f"0/{total} nodes are available: {reason}."
