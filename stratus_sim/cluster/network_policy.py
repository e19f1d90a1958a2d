"""Network policies: whether a flow from pod to pod and port is let through.

Follows kubernetes.io/docs/concepts/services-networking/network-policies: everything is allowed from and to a pod no
policy selects; what one policy allows is allowed; a flow needs both ends. Flows here are TCP, and look-ups of names
UDP: who isolates a pod's egress has to let it reach the cluster's DNS.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from stratus_sim.cluster.objects import Manifest, ObjectKey
from stratus_sim.cluster.selectors import matches
from stratus_sim.manifests.selector_shapes import LabelSelector

if TYPE_CHECKING:
    from stratus_sim.world import World

KIND = "NetworkPolicy"
_IPV4 = 4
_NAME_LABEL = "kubernetes.io/metadata.name"


class Peer(NamedTuple):
    """One end of a flow: a pod, or with no namespace somebody outside the cluster. `ip` is empty where unknown."""

    namespace: str
    labels: Mapping[str, str]
    space: Mapping[str, str] = {}
    ip: str = ""


class Port(NamedTuple):
    """The port a flow goes to, and what the pod calls it."""

    number: int
    names: tuple[str, ...] = ()
    protocol: str = "TCP"


OUTSIDE = Peer("", {}, ip="203.0.113.1")
"""A user: any public address will do, this one is set aside for documentation (RFC 5737)."""


DNS = Peer("kube-system", {"k8s-app": "kube-dns"}, {_NAME_LABEL: "kube-system"})
"""The pods that answer look-ups, as every installer labels them."""
_LOOK_UP = Port(53, ("dns",), "UDP")


class Policy(NamedTuple):
    """A NetworkPolicy; `ingress` and `egress` are its rules, None where it does not isolate in that direction."""

    namespace: str
    selector: LabelSelector
    ingress: Sequence[Manifest] | None
    egress: Sequence[Manifest] | None

    def covers(self, pod: Peer) -> bool:
        return pod.namespace == self.namespace and matches(self.selector, pod.labels)


def policies(world: World) -> list[Policy]:
    """The policies in force."""
    return [read(found.key.namespace, found.manifest.get("spec") or {}) for found in world.store.list(KIND)]


def namespace_labels(world: World, name: str) -> Mapping[str, str]:
    """The labels of a namespace, with its name, which the API server sets on each."""
    found = world.store.get(ObjectKey("Namespace", "", name))
    return {**(found.labels if found is not None else {}), _NAME_LABEL: name}


def allowed(found: Sequence[Policy], source: Peer, target: Peer, port: Port) -> bool:
    """Whether policies let a connection from `source` to a port of `target` through."""
    leaving = [p.egress for p in found if p.egress is not None and p.covers(source)]
    entering = [p.ingress for p in found if p.ingress is not None and p.covers(target)]
    out = _passes(leaving, "to", target, port, source.namespace)
    return out and _passes(entering, "from", source, port, target.namespace)


def resolves(found: Sequence[Policy], source: Peer) -> bool:
    """Whether policies let `source` ask the cluster's DNS."""
    return allowed(found, source, DNS, _LOOK_UP)


def _passes(isolating: list[Sequence[Manifest]], side: str, peer: Peer, port: Port, namespace: str) -> bool:
    rules = [rule for one in isolating for rule in one]
    return not isolating or any(_permits(rule, side, peer, port, namespace) for rule in rules)


def _permits(rule: Manifest, side: str, peer: Peer, port: Port, namespace: str) -> bool:
    ports, peers = rule.get("ports"), rule.get(side)
    if ports and not any(_is_port(one, port) for one in ports):
        return False
    return not peers or any(_is_peer(one, peer, namespace) for one in peers)


def _is_port(wanted: Manifest, port: Port) -> bool:
    if (wanted.get("protocol") or "TCP") != port.protocol:
        return False
    number = wanted.get("port")
    if number is None or number == port.number or number in port.names:
        return True
    last = wanted.get("endPort")
    return isinstance(number, int) and last is not None and number <= port.number <= last


def _is_peer(wanted: Manifest, peer: Peer, namespace: str) -> bool:
    if wanted.get("ipBlock"):
        return _in_block(wanted["ipBlock"], peer.ip)
    pods, spaces = wanted.get("podSelector"), wanted.get("namespaceSelector")
    if not peer.namespace or (pods is None and spaces is None):
        return False
    near = peer.namespace == namespace if spaces is None else matches(_selector(spaces), peer.space)
    return near and (pods is None or matches(_selector(pods), peer.labels))


def _in_block(block: Manifest, ip: str) -> bool:
    try:
        whole, *cut = (ip_network(one, strict=False) for one in (block["cidr"], *(block.get("except") or ())))
    except ValueError:
        return False  # the API server would not have stored it
    if not whole.prefixlen and whole.version == _IPV4 and not cut:
        return True
    return bool(ip) and ip_address(ip) in whole and not any(ip_address(ip) in one for one in cut)


def read(namespace: str, spec: Mapping[str, Any]) -> Policy:
    """The policy a spec in a namespace states."""
    types = spec.get("policyTypes") or (["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])
    ingress = (spec.get("ingress") or ()) if "Ingress" in types else None
    egress = (spec.get("egress") or ()) if "Egress" in types else None
    return Policy(namespace, _selector(spec.get("podSelector") or {}), ingress, egress)


def _selector(raw: Mapping[str, Any]) -> LabelSelector:
    return msgspec.convert(raw, LabelSelector)
