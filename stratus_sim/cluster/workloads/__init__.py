"""The controllers that keep, scale, finish and protect pods: one work queue each.

Each follows the controller of Kubernetes 1.33 its docstring names; what they leave out is said there.
"""

from stratus_sim.cluster.workloads import (
    adoption,
    autoscaler,
    cronjob,
    daemonset,
    deployment,
    job,
    replicaset,
    statefulset,
)

CONTROLLERS = (deployment, replicaset, statefulset, daemonset, job, cronjob, autoscaler, adoption)
