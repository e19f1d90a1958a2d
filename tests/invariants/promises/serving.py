"""What EndpointSlices promise.

From kubernetes.io/docs/concepts/services-networking/endpoint-slices ("Conditions").
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_sim.cluster import endpoint_slices, pods
from stratus_sim.cluster.objects import Resource
from tests.invariants.promises.look import Look


def wrong_conditions(look: Look) -> Iterator[str]:
    """A slice lists who has an address and has not ended: `serving` is ready, `terminating` on its way out, `ready` who
    is the one and not the other, or everybody where addresses are published anyway."""
    for service in look.world.store.list("Service") if look.settled else ():
        selector = service.spec.selector
        if not selector:
            continue
        there = look.world.store.list("Pod", service.key.namespace)
        listed = [pod for pod in there if selector.items() <= pod.labels.items() and _reached(pod)]
        wanted = {pod.key.name: _conditions(service, pod) for pod in listed}
        slices = endpoint_slices.all_of(look.world, service.key)
        found = [
            (one.pod, (one.ready, one.serving, one.terminating)) for part in slices for one in part.status.endpoints
        ]
        if sorted(found) != sorted(wanted.items()):
            yield f"{service.key} lists {sorted(found)}, there are {sorted(wanted.items())}"


def _reached(pod: Resource) -> bool:
    return bool(pod.status.ip) and not pods.ended(pod)


def _conditions(service: Resource, pod: Resource) -> tuple[bool, bool, bool]:
    serving = bool(pod.status.ready)
    return bool(service.spec.publish_not_ready_addresses) or (serving and not pod.deleting), serving, pod.deleting


PROMISES = (wrong_conditions,)
