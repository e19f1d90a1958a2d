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
    return throttles(cpu_us, limit_millicores) * (PERIOD_US - quota_us(limit_millicores))


def throttles(cpu_us: int, limit_millicores: int) -> int:
    """How often one request that needs `cpu_us` of a single thread uses a quota up before it is done.

    >>> throttles(25_000, 100), throttles(10_000, 100), throttles(10**6, 1000)
    (2, 0, 0)
    """
    quota = quota_us(limit_millicores)
    return 0 if quota >= PERIOD_US else max(0, cpu_us - 1) // quota


def quota_us(limit_millicores: int) -> int:
    """CPU time a limit allows in every period, in microseconds."""
    return max(_LEAST_QUOTA_US, limit_millicores * PERIOD_US // 1000)


def loaded_us(latency_us: int, load_permille: int) -> float:
    """The time a request takes in a server under load: a short queue makes it up to twenty times as long."""
    return latency_us * 1000 / (1000 - min(load_permille, 950))
