"""The client of the API server and a webhook's server meet: does it believe what it is shown.

The server's certificate is the one in the TLS Secret its pod mounts; of a pod without one nobody knows what it serves,
and any bundle is believed.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from cryptography.x509 import Certificate

from stratus_sim.cluster.admission import certificates
from stratus_sim.cluster.admission.certificates import Unreadable
from stratus_sim.cluster.calendar import moment
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.manifests.policy_shapes import Webhook

if TYPE_CHECKING:
    from stratus_sim.world import World

__all__ = ["Unreadable", "refusal", "trusted"]


def trusted(webhook: Webhook) -> tuple[Certificate, ...]:
    """The certificates of a webhook's bundle. Raises Unreadable where it has one that is none."""
    bundle = webhook.client_config.ca_bundle
    return certificates.read(b64decode(bundle)) if bundle else ()


def refusal(world: World, pod: Resource, trusted: tuple[Certificate, ...], host: str) -> str:
    """Why a client that trusts these does not go on once the pod has shown its certificate; empty where it does."""
    chain = next(_served(world, pod), None)
    if chain is None:
        problem = "" if trusted else certificates.UNKNOWN
    else:
        problem = certificates.distrust(trusted, chain, host, moment(world.now_us))
    return f"tls: failed to verify certificate: {problem}" if problem else ""


def _served(world: World, pod: Resource) -> Iterator[tuple[Certificate, ...]]:
    """The certificates of the TLS Secrets a pod mounts."""
    for volume in pod.manifest["spec"].get("volumes") or ():
        name = (volume.get("secret") or {}).get("secretName", "")
        secret = world.store.get(ObjectKey("Secret", pod.key.namespace, name))
        pem = _file(secret.manifest, "tls.crt") if secret is not None else b""
        try:
            yield certificates.read(pem)
        except Unreadable:
            continue


def _file(secret: Mapping[str, Mapping[str, str]], name: str) -> bytes:
    text = (secret.get("stringData") or {}).get(name)
    return text.encode() if text is not None else b64decode((secret.get("data") or {}).get(name, ""))
