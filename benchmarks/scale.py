"""A very large cluster, in a process of its own: `python -m benchmarks.scale` prints what it took as JSON."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.profiling import memory_top_five
from benchmarks.worlds import cluster
from stratus_sim.world import World

PODS, PODS_PER_NODE, REPLICAS = 100_000, 20, 100
_SAMPLE = 5_000
"""Pods of the cluster that shows where memory goes: looking takes several times as long as starting it."""


class Scale(NamedTuple):
    """`ready` pods on `nodes` nodes; the most memory the process ever had, and the CPU it took to get there."""

    ready: int
    nodes: int
    peak_mib: int
    cpu_s: float


def measured() -> Scale:
    """The figures of a process that has just started."""
    root = Path(__file__).parents[1]
    ended = subprocess.run([sys.executable, "-m", "benchmarks.scale"], capture_output=True, check=True, cwd=root)
    return Scale(**json.loads(ended.stdout))


def top_five() -> tuple[str, ...]:
    """The files that hold most of the memory of a smaller cluster of the same kind."""
    return memory_top_five(lambda: _start(_SAMPLE))


def main() -> None:
    """Start the cluster and say how large it became."""
    world = _start(PODS)
    ready = sum(pod.status.ready for pod in world.store.list("Pod"))
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024  # in KiB, but on macOS
    print(json.dumps(Scale(ready, len(world.store.list("Node")), peak_mib, time.process_time())._asdict()))


def _start(pods: int) -> World:
    return cluster(pods, replicas=REPLICAS, pods_per_node=PODS_PER_NODE)


if __name__ == "__main__":
    main()
