"""What `kubectl top` asks for: CPU and memory of pods and nodes, as metrics-server reports them.

Source: github.com/kubernetes/metrics, pkg/apis/metrics/v1beta1; values are those of cAdvisor's metrics.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.serve.kinds import Kind
from stratus_sim.telemetry.metrics.query import query
from stratus_sim.telemetry.render import Json

if TYPE_CHECKING:
    from stratus_sim.serve.showing import View

_READ = ("get", "list")
PODS = Kind("PodMetrics", "metrics.k8s.io", "v1beta1", "pods", namespaced=True, verbs=_READ)
NODES = Kind("NodeMetrics", "metrics.k8s.io", "v1beta1", "nodes", namespaced=False, verbs=_READ)
_CPU = "node_namespace_pod_container:container_cpu_usage_seconds_total:sum_irate"
_MEMORY = "container_memory_working_set_bytes"
_WINDOW = "15s"
Usage = Mapping[tuple[str, str, str], tuple[float, float]]
"""Cores and bytes by namespace, pod and container."""


def measured(view: View, kind: Kind, namespace: str | None) -> list[Json]:
    """The metrics of pods (of a namespace, all for None) or of nodes; what does not run has none."""
    found = _usage(view)
    if kind is NODES:
        nodes = [node for node in view.world.store.list("Node") if view.world.node_alive(node.key.name)]
        return [_node(view, node, found) for node in nodes]
    pods = view.world.store.list("Pod", namespace)
    running = {(home, pod) for home, pod, _ in found}
    return [_pod(view, view.show(pod), found) for pod in pods if (pod.key.namespace, pod.key.name) in running]


def _usage(view: View) -> Usage:
    rows = {name: {_place(row): float(row["value"][1]) for row in query(view.world, name)} for name in (_CPU, _MEMORY)}
    return {place: (rows[_CPU].get(place, 0.0), memory) for place, memory in rows[_MEMORY].items()}


def _place(row: Json) -> tuple[str, str, str]:
    labels = row["metric"]
    return labels["namespace"], labels["pod"], labels["container"]


def _pod(view: View, shown: Json, found: Usage) -> Json:
    metadata = shown["metadata"]
    place = metadata["namespace"], metadata["name"]
    mine = {container: used for (home, pod, container), used in found.items() if (home, pod) == place}
    containers = [{"name": name, "usage": _shown([used])} for name, used in sorted(mine.items())]
    kept = {key: metadata[key] for key in ("name", "namespace", "labels") if key in metadata}
    return {**_head(view, PODS, kept), "containers": containers}


def _node(view: View, node: Resource, found: Usage) -> Json:
    """All its pods together."""
    here = {pod.key for pod in view.world.store.list("Pod") if pod.status.node == node.key.name}
    mine = [used for (home, pod, _), used in found.items() if ObjectKey("Pod", home, pod) in here]
    return {**_head(view, NODES, {"name": node.key.name, "labels": dict(node.labels)}), "usage": _shown(mine)}


def _head(view: View, kind: Kind, metadata: Json) -> Json:
    now = view.calendar.now()
    dated = {**metadata, "creationTimestamp": now}
    return {"kind": kind.name, "apiVersion": kind.api_version, "metadata": dated, "timestamp": now, "window": _WINDOW}


def _shown(used: Iterable[tuple[float, float]]) -> dict[str, str]:
    cores, memory = (sum(column) for column in zip((0.0, 0.0), *used, strict=True))
    return {"cpu": f"{round(cores * 1e9)}n", "memory": f"{round(memory) // 1024}Ki"}
