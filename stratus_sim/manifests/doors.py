"""The addresses under which users know an application's Services, as its Ingresses give them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from stratus_sim.manifests.calls import object_key
from stratus_sim.manifests.ingress_shapes import Backend, IngressSpec
from stratus_sim.manifests.load import Manifests
from stratus_sim.manifests.shapes import read_shape

_CLASS_ANNOTATION = "kubernetes.io/ingress.class"
_DEFAULT_ANNOTATION = "ingressclass.kubernetes.io/is-default-class"
_PATTERN = re.compile(r"[(|*\[^$]")


class Door(NamedTuple):
    """Where users knock: the class of the controller that listens there, a host (any for ""), a path, by TLS or not."""

    ingress_class: str
    host: str
    path: str
    tls: bool


def doors(manifests: Manifests) -> dict[str, Door]:
    """The first address of each Service, `namespace/name`, that an Ingress leads to."""
    classes = manifests.of_kind("IngressClass")
    found: dict[str, Door] = {}
    for item in manifests.of_kind("Ingress"):
        spec, namespace = read_shape(item, "the manifests").spec, object_key(item).partition("/")[0]
        for host, path, backend in _ways(spec):
            if backend is not None and backend.service is not None:
                door = Door(class_of(item, classes), host.replace("*", "www"), path, encrypted(spec, host))
                found.setdefault(f"{namespace}/{backend.service.name}", door)
    return found


def class_of(ingress: Mapping[str, Any], classes: Iterable[Mapping[str, Any]]) -> str:
    """The class an Ingress asks for, by its field, by the older annotation, or because it is the default one."""
    annotations = (ingress.get("metadata") or {}).get("annotations") or {}
    asked = (ingress.get("spec") or {}).get("ingressClassName") or annotations.get(_CLASS_ANNOTATION)
    return str(asked or next((str(one["metadata"]["name"]) for one in classes if _is_default(one)), ""))


def _is_default(ingress_class: Mapping[str, Any]) -> bool:
    annotations = (ingress_class.get("metadata") or {}).get("annotations") or {}
    return annotations.get(_DEFAULT_ANNOTATION) == "true"


def encrypted(spec: IngressSpec, host: str) -> bool:
    """Whether an Ingress speaks TLS for a host."""
    return any(not one.hosts or host in one.hosts for one in spec.tls or ())


def _ways(spec: IngressSpec) -> Iterator[tuple[str, str, Backend | None]]:
    for rule in spec.rules or ():
        for one in (rule.http.paths if rule.http else None) or ():
            yield rule.host, _PATTERN.split(one.path, maxsplit=1)[0] or "/", one.backend
    yield "", "/", spec.default_backend
