"""Numbers given as a count or as a share of others: surge, unavailability, budgets."""

from __future__ import annotations

from stratus_sim.cluster.objects import Resource


def wanted(workload: Resource) -> int:
    """`spec.replicas`, 1 when absent."""
    replicas: int | None = workload.spec.replicas
    return 1 if replicas is None else replicas


def bounds(deployment: Resource) -> tuple[int, int]:
    """(surge, unavailable) in pods; percentages round up and down, and not both may be 0."""
    rolling = deployment.spec.strategy and deployment.spec.strategy.rolling_update
    surge = portion((rolling and rolling.max_surge), wanted(deployment), up=True)
    unavailable = portion((rolling and rolling.max_unavailable), wanted(deployment), up=False)
    return surge, unavailable if surge or unavailable else 1


def portion(value: int | str | None, whole: int, *, up: bool) -> int:
    """A count, or so many percent of `whole`; a quarter where nothing is said."""
    if isinstance(value, int):
        return value
    percent = int((value or "25%").rstrip("%"))
    return (whole * percent + (99 if up else 0)) // 100
