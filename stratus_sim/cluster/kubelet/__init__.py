"""Kubelet: mount, pull, initialise, start, watch, restart with back-off, stop.

Follows kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle, one module a concern. Nothing is polled: a timer is
set only for what will change something, so a quiet node costs nothing. The containers of a pod share one fate, that of
the first of them in trouble.
"""

from stratus_sim.cluster.kubelet import containers, images, inits, restarts, sync

__all__ = ["containers", "images", "inits", "restarts", "sync"]
