"""The fields of an Ingress. Source: Kubernetes API reference v1.33, "Ingress"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from stratus_sim.manifests.pod_shapes import Metadata, Port
from stratus_sim.manifests.selector_shapes import Shape


class BackendPort(Shape, frozen=True):
    number: Port | None = None
    name: str | None = None


class ServiceBackend(Shape, frozen=True):
    name: str
    port: BackendPort = BackendPort()


class Backend(Shape, frozen=True):
    service: ServiceBackend | None = None


class HttpPath(Shape, frozen=True):
    backend: Backend
    path: str = "/"
    path_type: Literal["Exact", "Prefix", "ImplementationSpecific"] = "ImplementationSpecific"


class Http(Shape, frozen=True):
    paths: list[HttpPath] | None = None


class Rule(Shape, frozen=True):
    host: str = ""
    http: Http | None = None


class Tls(Shape, frozen=True):
    hosts: list[str] | None = None
    secret_name: str | None = None


class IngressSpec(Shape, frozen=True):
    ingress_class_name: str | None = None
    default_backend: Backend | None = None
    rules: list[Rule] | None = None
    tls: list[Tls] | None = None


class Ingress(Shape, frozen=True):
    metadata: Metadata
    spec: IngressSpec = IngressSpec()


INGRESS_SHAPES: Mapping[str, type[Shape]] = {"Ingress": Ingress}
