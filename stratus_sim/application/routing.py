"""From an address in a pod's environment to the pods it reaches.

What was found in the last epoch is kept with a stamp of what it was read from, and read again only where that changed:
an epoch costs what changed since the last one, not the pods there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from stratus_sim.application import doors
from stratus_sim.application.network import Network
from stratus_sim.application.routes import (
    Address,
    Dialled,
    Hop,
    Hops,
    Landings,
    Read,
    Routes,
    Serving,
    added,
    first_slice,
    unread,
)
from stratus_sim.application.serving import survey
from stratus_sim.cluster import ingress
from stratus_sim.cluster.network_policy import OUTSIDE
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.volumes import lookup
from stratus_sim.manifests.application import Application
from stratus_sim.manifests.calls import Call
from stratus_sim.manifests.current import current_address

if TYPE_CHECKING:
    from stratus_sim.world import World


@lru_cache(maxsize=65536)
def _stated(call: Call, value: str) -> tuple[str, int | None] | None:
    """The address one variable states by itself, without the variables beside it."""
    name = call.via.partition(":")[2]
    return current_address(call, {}, {name: value}, lambda _kind, _namespace, _name: None)


class Router:
    """Routes of one epoch."""

    def __init__(self, world: World, keys: Mapping[str, ObjectKey]) -> None:
        """`keys` names the object of each workload."""
        self._world, self._keys = world, keys
        self._before = routes = world.traffic.routes or unread(world)
        self.serving, self.altered, self.stirred, self._unready = survey(world, routes, keys)
        self._network = Network(world, routes, self.stirred)
        self._dialled, self._version = dict(routes.dialled), world.store.version
        self.steady = self._network.steady and not world.application.doors
        self._filed = False

    @property
    def application(self) -> Application:
        """The application whose routes these are."""
        return self._world.application

    def begin_reading(self, known: Landings) -> None:
        """What is asked from now on is one reading, which may land where it is `known` to be as it was."""
        self._network.begin_reading(known)
        self._filed = False

    def read(self, source: str) -> Read:
        """What was read since the reading began, seen from the pods of a workload."""
        found = self._network.read
        published = any(landing is not None and landing.published for landing in found.values())
        return Read(source, found, self.steady and not (self._filed or published))

    def lasting(self, read: Read) -> Landings:
        """The landings of a reading of the epoch before that are still so."""
        return {at: landing for at, landing in read.landings.items() if self._network.lasts(at[0], landing)}

    def lasts(self, read: Read, lasting: Landings) -> bool:
        """Whether a reading of the epoch before, with these `lasting`, would find the same now."""
        steady = read.steady and self.steady and len(lasting) == len(read.landings)
        return steady and read.source not in self.altered

    def routes(self) -> Routes:
        """What was found, for the next epoch to start from."""
        return self._before._replace(
            version=self._version,
            keys=self._keys,
            serving=self.serving,
            dialled=self._dialled,
            unready=self._unready,
        )

    def call(self, call: Call) -> Hops:
        """Where a call lands, seen from every serving pod of its caller."""
        caller = self.serving[call.source_key]
        if not caller.pods:
            return {Hop(""): 1}  # nobody calls, so nothing fails
        dialled, filed = self._dialled.get(call), call.via.startswith("configmap")
        self._filed = self._filed or filed
        if dialled is None or dialled.caller is not caller or filed:
            self._dialled[call] = dialled = Dialled(caller, self._addresses(call, caller))
        found = [
            (self._network.resolve(address, call.namespace, labels), count)
            for address, (count, labels) in dialled.addresses.items()
        ]
        return found[0][0] if len(found) == 1 else added(found)

    def enter(self, service: str) -> Hops:
        """Where a user's request to a Service lands: through the Ingress users know it by, where there is one."""
        application = self._world.application
        door = application.doors.get(service)
        if door is None:
            return self._network.dial(service, None, OUTSIDE)
        found = ingress.route(self._world, door)
        if found.error:
            return {Hop("", found.error): 1}
        hops = self._network.dial(found.service, found.port, OUTSIDE)
        return doors.through(hops, application.services.get(service, ()))

    def _addresses(self, call: Call, caller: Serving) -> dict[Address, tuple[int, Mapping[str, str]]]:
        found: dict[Address, tuple[int, Mapping[str, str]]] = {}
        for pod in caller.pods:
            at = address(self._world, call, pod)
            count, labels = found.get(at, (0, pod.labels))
            found[at] = count + 1, labels
        return found


def sources(read: Read) -> Iterator[ObjectKey]:
    """The objects that a reading rests on beside the pods of its workload, told by their owners."""
    for (service, _), landing in read.landings.items():
        yield first_slice(service)
        if landing is not None:
            yield from landing.slices[0].status.others
            yield from landing.owners


def dial(world: World, call: Call, pod: Resource) -> Hops:
    """Where a call lands at this instant, seen from one pod of its caller, whether it serves or not."""
    network = Network(world, world.traffic.routes or unread(world), None)
    return network.resolve(address(world, call, pod), call.namespace, pod.labels)


def address(world: World, call: Call, pod: Resource) -> Address:
    """What the process would dial: the address is read again where it stands, in the pod's own environment."""
    env = pod.status.env.get(call.container, {})
    place, _, name = call.via.partition(":")
    found = _stated(call, env.get(name, "")) if place == "env" else None
    if found is None or found[1] is None:
        found = current_address(call, _container(pod, call), env, lookup(world))
    host, port = found or ("", None)
    return host, call.port if port is None else port


def _container(pod: Resource, call: Call) -> Mapping[str, Any]:
    return next((c for c in pod.manifest["spec"]["containers"] if c["name"] == call.container), {})
