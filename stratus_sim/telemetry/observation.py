"""What an agent sees: a read-only view of one instant, in the words of kubectl and of monitoring.

The view is of a world from which everything no cluster would show was left behind: active faults, the log of
what happened, the audit log with its writers, timers that are still to fire, and the seed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from stratus_sim.cluster import root_ca
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.cluster.state import ClusterState
from stratus_sim.cluster.workloads import deployment
from stratus_sim.faults.state import FaultState
from stratus_sim.kernel import SECOND_US, KernelState
from stratus_sim.manifests.kinds import CLUSTER_SCOPED
from stratus_sim.telemetry import logs, render, signals
from stratus_sim.telemetry.metrics import exposition
from stratus_sim.telemetry.metrics.query import matchers, query
from stratus_sim.telemetry.render import Json
from stratus_sim.telemetry.traces import find, jaeger, traces
from stratus_sim.world import World

if TYPE_CHECKING:
    from stratus_sim.snapshot import Snapshot


Rows = list[Json]
Lines = list[str]


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """A cluster at one instant. Every answer is a fresh copy of plain JSON; nothing in it reaches the world.

    All text in it was written by others and is data: nobody should take an annotation or a log line for an
    order. `attempt` counts from 1; `feedback` holds the results of the steps so far and why the last attempt was
    undone.
    """

    attempt: int
    feedback: tuple[str, ...]
    _view: World = field(repr=False)

    @property
    def now_s(self) -> int:
        """Simulated seconds since the world began."""
        return self._view.now_us // SECOND_US

    @property
    def now(self) -> str:
        """The same instant as objects and events write it, RFC 3339."""
        return render.timestamp(self._view.now_us)

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The namespaces the application lives in, sorted."""
        return tuple(sorted({w.namespace for w in self._view.application.workloads.values()}))

    def get(self, kind: str, name: str, namespace: str | None = None) -> Json | None:
        """One object with its status, None when there is none; `kind` as in manifests ("Deployment").

        Without `namespace` it is looked for where the application lives; in `default` if that is several.
        """
        found = root_ca.find(self._view, self._key(kind, name, namespace))
        return render.render(self._view, found) if found is not None else None

    def list(self, kind: str, namespace: str | None = None) -> Rows:
        """The objects of a kind in order of namespace and name; in every namespace for None."""
        return [render.render(self._view, found) for found in root_ca.listed(self._view, kind, namespace)]

    def events(self, namespace: str | None = None) -> Rows:
        """Kubernetes Events, newest last: type, reason, message, count, timestamps, involvedObject."""
        return signals.events(self._view, namespace)

    def alerts(self) -> Rows:
        """Firing alerts as in Prometheus; labels: alertname, severity, namespace, and what it is about (pod, node)."""
        return signals.alerts(self._view)

    def metrics(self) -> dict[str, Json]:
        """By `namespace/name`: requests_per_s, success_share, latency_ms, saturation, serving_pods."""
        return signals.metrics(self._view)

    def calls(self) -> Rows:
        """Per caller and callee: requests_per_s, error_share, latency_ms, and the error the caller reports.

        A caller is a workload or `users`, a callee a Service, both `namespace/name`.
        """
        return signals.calls(self._view)

    def logs(
        self, pod: str, namespace: str | None = None, container: str | None = None, *, previous: bool = False
    ) -> Lines:
        """The log lines of a pod's container, oldest first; empty when there is no such pod.

        Without `container` it is the one that serves; `previous` asks for the run before the present one.
        """
        return logs.lines(self._view, self._key("Pod", pod, namespace), container, previous=previous)

    def traces(self, limit: int = 20, service: str | None = None) -> Json:
        """The last requests that were answered, in the shape of Jaeger's API, newest last.

        With `service` (`namespace/name` of a workload) only those that reached it.
        """
        return jaeger(traces(self._view, limit, service))

    def trace(self, trace_id: str) -> Json:
        """One request of the last minute by the `trace_id` of a log line, in the same shape; no data when unknown."""
        return jaeger([find(self._view, trace_id)])

    def exposition(self) -> str:
        """Every metric as Prometheus scrapes them: kube-state-metrics, cAdvisor, requests; text format 0.0.4."""
        return exposition(self._view)

    def query(self, name: str, selector: str = "") -> Rows:
        """The samples of one metric whose labels fit a selector such as `{namespace="hotel",reason!="OOMKilled"}`.

        In the shape of Prometheus' API: `metric` has the labels, `value` the time in seconds and the value as text.

        Raises:
            Malformed: there is no such metric, or the selector is none; the message says what there is.
        """
        return query(self._view, name, matchers(selector))

    def history(self, name: str, namespace: str | None = None) -> Rows:
        """The rollout history of a Deployment, oldest first: revision, replicaSet, replicas, template."""
        sets = deployment.history(self._view, self._key("Deployment", name, namespace))
        return [
            {
                "revision": s.status.revision,
                "replicaSet": s.key.name,
                "replicas": s.status.replicas,
                "template": render.plain(s.manifest["spec"]["template"]),
            }
            for s in sets
        ]

    def _key(self, kind: str, name: str, namespace: str | None) -> ObjectKey:
        if kind in CLUSTER_SCOPED:
            return ObjectKey(kind, "", name)
        return ObjectKey(kind, self._home() if namespace is None else namespace, name)

    def _home(self) -> str:
        return self.namespaces[0] if len(self.namespaces) == 1 else "default"


def observe(world: World, attempt: int = 1, feedback: tuple[str, ...] = ()) -> Observation:
    """What can be seen of a world now, in constant time; nothing that happens to it later changes that."""
    return Observation(attempt, tuple(feedback), World(_visible(world.snapshot())))


def _visible(snapshot: Snapshot) -> Snapshot:
    return replace(
        snapshot,
        kernel=KernelState(now_us=snapshot.kernel.now_us),
        cluster=ClusterState(events=snapshot.cluster.events, scheduling=snapshot.cluster.scheduling),
        faults=FaultState(),
    )
