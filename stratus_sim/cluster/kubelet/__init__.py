"""Kubelet: mount, pull, initialise, start, watch, restart with back-off, stop.

Follows kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle, one module a concern. Nothing is polled: a timer is
set only for what will change something, so a quiet node costs nothing. Each container has its own fate; the containers
of a pod are started one after the other, and each is restarted alone.
"""

from stratus_sim.cluster.kubelet import (
    admission,
    completion,
    containers,
    deadline,
    images,
    inits,
    probes,
    restarts,
    sync,
)

__all__ = ["admission", "completion", "containers", "deadline", "images", "inits", "probes", "restarts", "sync"]
