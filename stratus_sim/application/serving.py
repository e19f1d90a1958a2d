"""Who serves: the pods of each workload, looked at again only where they are others than in the last epoch.

Pods that are ready do, and those that are not but run where a Service publishes their addresses all the same
(kubernetes.io/docs/reference/kubernetes-api/service-resources/service-v1, `publishNotReadyAddresses`). No index tells
of these, so they are looked at in every epoch.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Set
from typing import TYPE_CHECKING, NamedTuple

from stratus_sim.application.routes import Lane, Routes, Serving, Stamp
from stratus_sim.application.throttling import throttled_us
from stratus_sim.cluster.endpoint_slices import KIND
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.pods import ended, root_owner
from stratus_sim.cluster.specs import limit_millicores, usable_millicores
from stratus_sim.cluster.status import Strain

if TYPE_CHECKING:
    from stratus_sim.world import World

_Pods = tuple[Resource, ...]


class Survey(NamedTuple):
    """The workloads' pods at this instant; `altered` are those whose pods are others than in the epoch before.

    `stirred` are the owners of pods, and the EndpointSlices, that may have changed since; None where it is not known.
    `unready` is whether there are pods that are only published.
    """

    serving: dict[str, Serving]
    altered: Set[str]
    stirred: Collection[ObjectKey] | None
    unready: bool


def survey(world: World, routes: Routes, keys: Mapping[str, ObjectKey]) -> Survey:
    """Who serves now, where `routes` say who did; `keys` names the object of each workload."""
    stirred = world.store.stirred(routes.version if routes.keys is keys else -1)
    names = None if stirred is None else _owning(world, keys, stirred)
    serving, altered = dict(routes.serving), set[str]()
    unready = _unready(world, routes.published, keys) if routes.published else {}
    for name in keys if names is None else (*names, *unready):
        stamp, known = _stamp(world, keys[name], unready.get(name, ())), serving.get(name)
        if known is None or known.stamp != stamp:
            serving[name] = _find(world, routes.nodes, name, stamp, unready.get(name, ()))
            altered.add(name)
    return Survey(serving, altered, None if names is None else stirred, any(unready.values()))


def _unready(world: World, published: Collection[ObjectKey], keys: Mapping[str, ObjectKey]) -> dict[str, _Pods]:
    """By workload behind these Services, its pods that have an address but are not ready."""
    found: dict[str, dict[ObjectKey, Resource]] = {}
    services = [service for key in published if (service := world.store.get(key)) is not None]
    for pod in [pod for one in services for pod in world.store.selected(one.key.namespace, one.spec.selector)]:
        owner = root_owner(world, pod)
        name = f"{pod.key.namespace}/{owner.name}" if owner else ""
        if owner is not None and keys.get(name) == owner:
            hidden = not pod.status.ip or pod.status.ready or ended(pod)
            found.setdefault(name, {}).update({} if hidden else {pod.key: pod})
    return {name: tuple(pods.values()) for name, pods in found.items()}


def _owning(world: World, keys: Mapping[str, ObjectKey], stirred: Collection[ObjectKey]) -> Iterable[str] | None:
    """The workloads of those that own pods; None if one of these is gone."""
    found = [world.store.get(key) for key in stirred if key.kind != KIND]
    if None in found:
        return None
    tops = dict.fromkeys([one.owner or one.key for one in found if one is not None])
    names = [(f"{top.namespace}/{top.name}", top) for top in tops]
    return [name for name, top in names if keys.get(name) == top]


def _stamp(world: World, key: ObjectKey, unready: _Pods) -> Stamp:
    """What the serving pods of a workload follow from; of sets without pods nothing does, and nobody tells of them."""
    store = world.store
    owners = store.owned_keys(key) if key.kind == "Deployment" else (key,)
    standing = [(owner, since) for owner in owners if (since := store.standing_since(owner))]
    return *standing, *[(pod.key, pod.version) for pod in unready]


def _find(world: World, nodes: Mapping[str, Strain | None], name: str, stamp: Stamp, unready: _Pods) -> Serving:
    store = world.store
    owned = [one for owner, _ in stamp if store.standing(owner)[1] for one in store.owned(owner)]
    ready = [pod for pod in owned if pod.key.kind == "Pod" and pod.status.ready and not pod.deleting]
    running = [pod for pod in unready if pod.status.state == "running" and not pod.deleting]
    found = [(pod, strain) for pod in (*ready, *running) if (strain := nodes.get(pod.status.node)) is not None]
    return Serving(stamp, tuple([pod for pod, _ in found]), _lanes(world, name, found)) if found else Serving(stamp)


def _lanes(world: World, name: str, found: list[tuple[Resource, Strain]]) -> tuple[Lane, ...]:
    """Pods on such nodes, by how much CPU each may use and how long it makes a request wait."""
    workload = world.application.workloads[name]
    rooms: dict[int, tuple[int, int]] = {}  # those of one template share their spec
    alike: dict[tuple[int, int, int], list[Resource]] = {}
    for pod, strain in found:
        spec = pod.spec
        room = rooms.get(id(spec))
        if room is None:
            limit = limit_millicores(spec, workload.container)
            rooms[id(spec)] = room = usable_millicores(spec), throttled_us(workload.cpu_us_per_request, limit)
        left = strain.left_permille
        pace = room[0] * left // 1000, room[1] + strain.delay_us, -left
        alike.setdefault(pace, []).append(pod)
    return tuple([Lane(tuple(pods), of[0] * len(pods), of[1]) for of, pods in sorted(alike.items())])
