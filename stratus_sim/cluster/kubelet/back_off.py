"""How long the kubelet waits before it tries again.

Source: kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle ("Container restarts"), .../containers/images
("ImagePullBackOff").
"""

from __future__ import annotations

from functools import cache

from stratus_sim.kernel import SECOND_US

BACK_OFF_US = 10 * SECOND_US
BACK_OFF_CAP_US = 300 * SECOND_US
FORGIVEN_AFTER_US = 600 * SECOND_US
"""Who has run for so long starts again as if it had never failed."""


@cache
def back_off_us(failures: int) -> int:
    """The wait after so many failures in a row: ten seconds, twice as long each further time, at most five minutes.

    >>> [back_off_us(n) // SECOND_US for n in (1, 2, 5, 6, 40)]
    [10, 20, 160, 300, 300]
    """
    return min(BACK_OFF_CAP_US, BACK_OFF_US << min(max(0, failures - 1), 10))


@cache
def restart_us(ends: int) -> int:
    """The wait before a container that has ended so often in a row is started again: none the first time.

    >>> [restart_us(n) // SECOND_US for n in (1, 2, 3, 7)]
    [0, 10, 20, 300]
    """
    return back_off_us(ends - 1) if ends > 1 else 0
