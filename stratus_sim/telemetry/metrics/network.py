"""What cAdvisor reports of the network of pods: bytes and packets in and out.

Names, labels and units: github.com/google/cadvisor, docs/storage/prometheus.md. The network is the sandbox's: its
counters belong to the pod and go on while containers are started anew. Pods on their node's network share its
interfaces, of which nothing is known here. What is dropped on the way is dropped between machines, not by the interface
of a pod: its own errors and drops stay 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from stratus_sim.application.wire import PACKET_BYTES
from stratus_sim.application.work import Carried
from stratus_sim.cluster.objects import Resource
from stratus_sim.cluster.pods import ended, root_owner
from stratus_sim.telemetry.metrics.table import Metric, Sample, Samples, Scrape, register
from stratus_sim.telemetry.run_ids import SANDBOX, control_group, run_id

_BILLION = 10**9
_SANDBOX = {"image": "registry.k8s.io/pause:3.10", "interface": "eth0"}


def _connected(scrape: Scrape) -> Iterator[tuple[dict[str, str], Carried]]:
    """Labels of each pod that has a network of its own, and what that has carried."""
    for pod in scrape.world.store.list("Pod"):
        if pod.status.ip and not ended(pod) and not pod.spec.host_network and scrape.world.node_alive(pod.status.node):
            run = run_id(pod, SANDBOX)
            held = {**_SANDBOX, "id": control_group(pod, run), "name": run, "node": pod.status.node}
            yield {"namespace": pod.key.namespace, "pod": pod.key.name, **held}, _carried(scrape, pod)


def _carried(scrape: Scrape, pod: Resource) -> Carried:
    owner = root_owner(scrape.world, pod)
    known = scrape.carried.get(f"{owner.namespace}/{owner.name}", {}) if owner is not None else {}
    return known.get(pod.uid, Carried(pod.key))


def _counter(read: Callable[[Carried], int]) -> Samples:
    def samples(scrape: Scrape) -> Iterator[Sample]:
        for labels, carried in scrape.once(_connected):
            yield Sample(labels, read(carried))

    return samples


_ROWS: tuple[tuple[str, str, Callable[[Carried], int]], ...] = (
    ("receive_bytes", "bytes received", lambda one: one.received // _BILLION),
    ("receive_packets", "packets received", lambda one: one.received // _BILLION // PACKET_BYTES),
    ("receive_packets_dropped", "packets dropped while receiving", lambda _: 0),
    ("receive_errors", "errors encountered while receiving", lambda _: 0),
    ("transmit_bytes", "bytes transmitted", lambda one: one.sent // _BILLION),
    ("transmit_packets", "packets transmitted", lambda one: one.sent // _BILLION // PACKET_BYTES),
    ("transmit_packets_dropped", "packets dropped while transmitting", lambda _: 0),
    ("transmit_errors", "errors encountered while transmitting", lambda _: 0),
)
for _name, _what, _read in _ROWS:
    register(Metric(f"container_network_{_name}_total", "counter", f"Cumulative count of {_what}.", _counter(_read)))
