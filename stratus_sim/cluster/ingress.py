"""Ingress: which Service a request from outside comes to, and what the controller answers where it comes to none.

Follows kubernetes.io/docs/concepts/services-networking/ingress ("Path types", "Hostname wildcards", "Multiple matches")
and kubernetes.github.io/ingress-nginx/how-it-works: a controller heeds the Ingresses of its class, the oldest first,
answers 404 itself where no rule matches, 503 where the Service or its port is missing or nobody is behind it, and
shows a certificate of its own where the one that is named is missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from stratus_sim.cluster.events import emit
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.watching import watches
from stratus_sim.manifests.doors import Door, class_of
from stratus_sim.manifests.ingress_shapes import Backend, HttpPath, Rule

if TYPE_CHECKING:
    from stratus_sim.world import World

NOT_FOUND = "404 Not Found"
BAD_GATEWAY = "502 Bad Gateway"
UNAVAILABLE = "503 Service Temporarily Unavailable"
GATEWAY_TIMEOUT = "504 Gateway Time-out"
ADDRESS = "192.0.2.10"
"""Where the controller listens: outside the cluster, in a network reserved for documentation."""
_ISSUED = ("cert-manager.io/issuer", "cert-manager.io/cluster-issuer", "kubernetes.io/tls-acme")
"""Who asks for a certificate by one of these annotations gets it."""
_REGEX = "nginx.ingress.kubernetes.io/use-regex"


class Route(NamedTuple):
    """Where a request goes on to: a Service `namespace/name` and a port of it, or what is answered instead."""

    service: str
    port: int
    error: str = ""


@watches("Ingress")
def on_ingress(world: World, old: Resource | None, new: Resource | None) -> None:
    """The controller takes over what has changed."""
    if new is not None and (old is None or old.generation != new.generation) and served(world, new):
        emit(world, new.key, "Sync", "Scheduled for sync")


def served(world: World, ingress: Resource) -> bool:
    """Whether a controller heeds an Ingress: its class is one there is, where the cluster says which there are."""
    classes = world.store.list("IngressClass")
    return not classes or class_of(ingress.manifest, [c.manifest for c in classes]) in [c.key.name for c in classes]


def route(world: World, door: Door) -> Route:
    """What becomes of a request at a door."""
    classes = [found.manifest for found in world.store.list("IngressClass")]
    present = sorted(world.store.list("Ingress"), key=lambda found: (found.created_us, found.uid))
    ours = [i for i in present if served(world, i) and class_of(i.manifest, classes) == door.ingress_class]
    if door.tls and not any(_certified(world, ingress, door.host) for ingress in ours):
        return Route("", 0, f"x509: certificate is valid for ingress.local, not {door.host or ADDRESS}")
    found = _matched(ours, door)
    return Route("", 0, NOT_FOUND) if found is None else _resolved(world, *found)


def _certified(world: World, ingress: Resource, host: str) -> bool:
    """Whether an Ingress has a certificate for a host."""
    annotations = (ingress.manifest["metadata"].get("annotations")) or {}
    names = [t.secret_name for t in ingress.spec.tls or () if not t.hosts or any(_rank(h, host) < 2 for h in t.hosts)]
    for name in filter(None, names):
        secret = world.store.get(ObjectKey("Secret", ingress.key.namespace, name))
        found = {**(secret.manifest.get("data") or {}), **(secret.manifest.get("stringData") or {})} if secret else {}
        if {"tls.crt", "tls.key"} <= found.keys() or (secret is None and not annotations.keys().isdisjoint(_ISSUED)):
            return True
    return False


def _matched(ingresses: list[Resource], door: Door) -> tuple[str, Backend] | None:
    """The namespace and the backend of the longest path of the most specific host; else a default backend."""
    rules = [(_rank(rule.host, door.host), i, rule) for i in ingresses for rule in i.spec.rules or ()]
    best = min((rank for rank, _, _ in rules), default=_NOWHERE)
    here = [(ingress, rule) for rank, ingress, rule in rules if rank == best < _NOWHERE]
    paths = [(i, path) for i, rule in here for path in _paths(rule) if _matches(i, path, door.path)]
    if paths:
        ingress, path = max(paths, key=lambda found: (len(found[1].path), found[1].path_type == "Exact"))
        return ingress.key.namespace, path.backend
    last = [*(ingress for ingress, _ in here), *(i for i in ingresses if not i.spec.rules)]
    return next(((i.key.namespace, i.spec.default_backend) for i in last if i.spec.default_backend), None)


_NOWHERE = 3


def _rank(pattern: str, host: str) -> int:
    """How well the host of a rule fits: 0 it is the same, 1 by a wildcard for one label, 2 any host, 3 not at all."""
    if pattern == host and host:
        return 0
    first, _, rest = host.partition(".")
    if pattern.startswith("*.") and first and rest == pattern[2:]:
        return 1
    return _NOWHERE if pattern else 2


def _paths(rule: Rule) -> Iterator[HttpPath]:
    yield from (rule.http.paths if rule.http else None) or ()


def _matches(ingress: Resource, one: HttpPath, path: str) -> bool:
    if one.path_type == "Exact":
        return one.path == path
    annotations = ingress.manifest["metadata"].get("annotations") or {}
    if one.path_type == "ImplementationSpecific" and annotations.get(_REGEX) == "true":
        return re.match(one.path, path) is not None
    wanted = [part for part in one.path.split("/") if part]
    return [part for part in path.split("/") if part][: len(wanted)] == wanted


def _resolved(world: World, namespace: str, backend: Backend) -> Route:
    asked = backend.service
    service = world.store.get(ObjectKey("Service", namespace, asked.name)) if asked is not None else None
    if asked is None or service is None:
        return Route("", 0, UNAVAILABLE)
    wanted = (asked.port.number, asked.port.name)
    ports = [p.port for p in service.spec.ports or () if p.port == wanted[0] or (wanted[1] and p.name == wanted[1])]
    return Route(f"{namespace}/{asked.name}", ports[0]) if ports else Route("", 0, UNAVAILABLE)
