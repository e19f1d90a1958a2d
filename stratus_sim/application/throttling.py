"""CPU limits as the kernel's bandwidth controller keeps them: so much time every tenth of a second, then a wait.

Source: kubernetes.io/docs/concepts/configuration/manage-resources-containers ("How Kubernetes applies resource requests
and limits"), docs.kernel.org/scheduler/sched-bwc.html; the kubelet sets periods of 100 ms and a quota of 1 ms at least.
"""

from __future__ import annotations

PERIOD_US = 100_000
_LEAST_QUOTA_US = 1_000


def throttled_us(cpu_us: int, limit_millicores: int | None) -> int:
    """How long one request that needs `cpu_us` of a single thread stands still, in microseconds.

    >>> throttled_us(25_000, 100), throttled_us(10_000, 100), throttled_us(2_000, 1), throttled_us(2_000, None)
    (180000, 0, 99000, 0)
    """
    if limit_millicores is None:
        return 0
    quota_us = max(_LEAST_QUOTA_US, limit_millicores * PERIOD_US // 1000)
    if quota_us >= PERIOD_US:
        return 0
    return max(0, cpu_us - 1) // quota_us * (PERIOD_US - quota_us)


def loaded_us(latency_us: int, load_permille: int) -> float:
    """The time a request takes in a server under load: a short queue makes it up to twenty times as long."""
    return latency_us * 1000 / (1000 - min(load_permille, 950))
