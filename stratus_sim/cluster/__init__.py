"""A Kubernetes control plane: a store, one file per controller, and the kubelet.

Importing this package registers every controller with the kernel and the store.
"""

from stratus_sim.cluster import (
    endpoints,
    garbage,
    ingress,
    kubelet,
    namespaces,
    nodes,
    orphans,
    scheduler,
    service_accounts,
    taint_eviction,
    volumes_binder,
    volumes_expansion,
    volumes_reclaim,
    workloads,
    zones,
)
from stratus_sim.cluster.admission.plugins import PLUGINS

_VOLUMES = (volumes_binder, volumes_expansion, volumes_reclaim)
_OTHERS = (endpoints, garbage, ingress, namespaces, orphans, service_accounts, taint_eviction, *_VOLUMES, zones)
CONTROLLERS = (*PLUGINS, *workloads.CONTROLLERS, scheduler, kubelet, nodes, *_OTHERS)

__all__ = ["CONTROLLERS"]
