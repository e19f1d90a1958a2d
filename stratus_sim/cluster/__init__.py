"""A Kubernetes control plane: a store, one file per controller, and the kubelet.

Importing this package registers every controller with the kernel and the store.
"""

from stratus_sim.cluster import (
    deployment,
    endpoints,
    garbage,
    kubelet,
    nodes,
    probes,
    replicaset,
    scheduler,
    statefulset,
)

CONTROLLERS = (deployment, replicaset, statefulset, scheduler, kubelet, probes, nodes, endpoints, garbage)

__all__ = ["CONTROLLERS"]
