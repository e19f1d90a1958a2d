"""kube-state-metrics about Services, where they lead, and who may come in, from the objects as the API server has them.

Names, labels and units: github.com/kubernetes/kube-state-metrics, docs/metrics/service and docs/metrics/policy (v2.17,
the last release that tells of Endpoints unasked).
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_sim.telemetry.metrics.reading import at, described, gauge, length, texts
from stratus_sim.telemetry.metrics.table import Labels
from stratus_sim.telemetry.render import Json

_INFO = {
    "cluster_ip": "spec.clusterIP", "external_name": "spec.externalName",
    "external_traffic_policy": "spec.externalTrafficPolicy", "load_balancer_ip": "spec.loadBalancerIP",
}  # fmt: skip
described("kube_service_info", "Service", "Information about service.", _INFO)
described("kube_service_spec_type", "Service", "Type about service.", {"type": "spec.type"})


def _external(service: Json) -> Iterator[tuple[Labels, float]]:
    for address in at(service, "spec.externalIPs") or ():
        yield {"external_ip": address}, 1


def _balanced(service: Json) -> Iterator[tuple[Labels, float]]:
    for one in at(service, "status.loadBalancer.ingress") or ():
        yield texts(one, {"ip": "ip", "hostname": "hostname"}), 1


gauge("kube_service_spec_external_ip", "Service", "Service external IPs. One series for each ip.", _external)
gauge("kube_service_status_load_balancer_ingress", "Service", "Service load balancer ingress status.", _balanced)

_PORT = {"port_name": "name", "port_protocol": "protocol", "port_number": "port"}
_LISTS = (("addresses", "true"), ("notReadyAddresses", "false"))


def _ports(endpoints: Json) -> Iterator[tuple[Labels, float]]:
    for subset in endpoints.get("subsets") or ():
        for port in subset.get("ports") or ():
            yield texts(port, _PORT), 1


def _addresses(endpoints: Json) -> Iterator[tuple[Labels, float]]:
    for subset in endpoints.get("subsets") or ():
        for port in subset.get("ports") or ():
            for field, ready in _LISTS:
                for address in subset.get(field) or ():
                    yield {**texts(port, _PORT), "ip": address["ip"], "ready": ready}, 1


described("kube_endpoint_info", "Endpoints", "Information about endpoint.", {})
gauge("kube_endpoint_ports", "Endpoints", "Information about the Endpoint ports.", _ports)
gauge("kube_endpoint_address", "Endpoints", "Endpoint addresses, available and not.", _addresses)


def _class(ingress: Json) -> Iterator[tuple[Labels, float]]:
    noted = (ingress["metadata"].get("annotations") or {}).get("kubernetes.io/ingress.class")
    yield {"ingressclass": noted if noted is not None else at(ingress, "spec.ingressClassName") or "_default"}, 1


def _paths(ingress: Json) -> Iterator[tuple[Labels, float]]:
    for rule in at(ingress, "spec.rules") or ():
        for path in at(rule, "http.paths") or ():
            yield {**texts(rule, {"host": "host"}), **texts(path, {"path": "path", "path_type": "pathType"}),
                   **_backend(path["backend"])}, 1  # fmt: skip


def _backend(backend: Json) -> dict[str, str]:
    """A port that is named has no number."""
    if "service" in backend:
        return {
            "service_name": backend["service"]["name"],
            "service_port": str(at(backend, "service.port.number") or 0),
        }
    paths = {"resource_api_group": "apiGroup", "resource_kind": "kind", "resource_name": "name"}
    return texts(backend["resource"], paths)


def _certificates(ingress: Json) -> Iterator[tuple[Labels, float]]:
    for one in at(ingress, "spec.tls") or ():
        for host in one.get("hosts") or ():
            yield {"tls_host": host, **texts(one, {"secret": "secretName"})}, 1


gauge("kube_ingress_info", "Ingress", "Information about ingress.", _class)
gauge("kube_ingress_path", "Ingress", "Ingress host, paths and backend service information.", _paths)
gauge("kube_ingress_tls", "Ingress", "Ingress TLS host and secret information.", _certificates)

for _side in ("ingress", "egress"):
    _help = f"Number of {_side} rules on the networkpolicy."
    length(f"kube_networkpolicy_spec_{_side}_rules", "NetworkPolicy", f"spec.{_side}", _help)
