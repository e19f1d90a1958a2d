"""kube-state-metrics about what pods ask for: accounts, tolerations, volumes.

Names, labels and units: github.com/kubernetes/kube-state-metrics, docs/metrics/workload/pod-metrics.md (v2.17).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from stratus_sim.telemetry.metrics.reading import at, described, gauge, plain_amount, texts
from stratus_sim.telemetry.metrics.table import Labels
from stratus_sim.telemetry.render import Json

_TEXTS: tuple[tuple[str, str, Mapping[str, str]], ...] = (
    ("restart_policy", "Describes the restart policy in use by this pod.", {"type": "spec.restartPolicy"}),
    ("service_account", "The service account for a pod.", {"service_account": "spec.serviceAccountName"}),
    ("scheduler", "The scheduler for a pod.", {"name": "spec.schedulerName"}),
)
for _name, _help, _paths in _TEXTS:
    described(f"kube_pod_{_name}", "Pod", _help, _paths)

_TOLERATION = {
    "key": "key", "operator": "operator", "value": "value", "effect": "effect",
    "toleration_seconds": "tolerationSeconds",
}  # fmt: skip


def _tolerations(pod: Json) -> Iterator[tuple[Labels, float]]:
    """Each once, however often a pod says it."""
    told = [texts(one, _TOLERATION) for one in at(pod, "spec.tolerations") or ()]
    for nth, labels in enumerate(told):
        if labels not in told[:nth]:
            yield labels, 1


gauge("kube_pod_tolerations", "Pod", "Information about the pod tolerations.", _tolerations)


def _runtime(pod: Json) -> Iterator[tuple[Labels, float]]:
    if name := at(pod, "spec.runtimeClassName"):
        yield {"runtimeclass_name": str(name)}, 1


gauge("kube_pod_runtimeclass_name_info", "Pod", "The runtimeclass associated with the pod.", _runtime)


def _overhead(resource: str) -> Callable[[Json], Iterator[tuple[Labels, float]]]:
    def read(pod: Json) -> Iterator[tuple[Labels, float]]:
        if (found := at(pod, f"spec.overhead.{resource}")) is not None:
            yield {}, plain_amount(found)

    return read


gauge("kube_pod_overhead_cpu_cores", "Pod", "CPU that running a pod costs beside its containers.", _overhead("cpu"))
gauge("kube_pod_overhead_memory_bytes", "Pod", "Memory that running a pod costs besides.", _overhead("memory"))


def _claims(read: Callable[[Json], int]) -> Callable[[Json], Iterator[tuple[Labels, float]]]:
    def samples(pod: Json) -> Iterator[tuple[Labels, float]]:
        for volume in at(pod, "spec.volumes") or ():
            if found := volume.get("persistentVolumeClaim"):
                yield {"volume": volume["name"], "persistentvolumeclaim": found["claimName"]}, read(found)

    return samples


_CLAIMS = "kube_pod_spec_volumes_persistentvolumeclaims"
gauge(f"{_CLAIMS}_info", "Pod", "Information about persistentvolumeclaim volumes in a pod.", _claims(lambda _: 1))
gauge(
    f"{_CLAIMS}_readonly", "Pod", "Describes whether a persistentvolumeclaim is mounted read only.",
    _claims(lambda claim: int(bool(claim.get("readOnly")))),
)  # fmt: skip
