"""The ConfigMap `kube-root-ca.crt` of every namespace: the certificate by which pods know the API server.

Follows kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin ("Bound service account tokens") and the
root-ca-cert-publisher of kube-controller-manager, which writes it wherever there is a namespace and writes it back when
somebody changes it. So nobody has to store it: it is worked out when somebody asks, and is nobody's to write. One that
is stored all the same, as a cluster that was captured has it, is shown as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from zlib import crc32

from stratus_sim.cluster.objects import ObjectKey, Resource, known_key
from stratus_sim.cluster.service_accounts import DEFAULT
from stratus_sim.cluster.service_accounts import KIND as ACCOUNT

if TYPE_CHECKING:
    from stratus_sim.world import World

KIND, NAME, FILE = "ConfigMap", "kube-root-ca.crt", "ca.crt"
_DESCRIPTION = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the"
    " internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes"
    " clusters."
)
_CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBWTCCAQCgAwIBAgIIU3RyYXR1cwEwCgYIKoZIzj0EAwIwFTETMBEGA1UEAwwK
a3ViZXJuZXRlczAeFw0yNDEyMDEwMDAwMDBaFw0zNDExMjkwMDAwMDBaMBUxEzAR
BgNVBAMMCmt1YmVybmV0ZXMwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATU4gKD
1rUEz22qjXumc1WFT8azGCbeCHRspeCQ1Ya2Ajqqqd+tDbkrkY3447/kQAXDSn/C
DEH8zZkH4PrXVxKEozowODAPBgNVHRMBAf8EBTADAQH/MA4GA1UdDwEB/wQEAwIC
pDAVBgNVHREEDjAMggprdWJlcm5ldGVzMAoGCCqGSM49BAMCA0cAMEQCIEEAvuJz
N9LPWIS0lCv4T5znhqGemqYiTsT6MgO2QIF/AiAsHQZEA8LhYleufJIoVVTc5OBf
AEba/M94Tm0eitDaPg==
-----END CERTIFICATE-----
"""
"""Of the authority `kubernetes`, ten years from the month before worlds begin; nobody has its key."""


def find(world: World, key: ObjectKey) -> Resource | None:
    """The object of a key, stored or not."""
    found = world.store.get(key)
    if found is None and key.kind == KIND and key.name == NAME:
        account = world.store.get(known_key(ACCOUNT, key.namespace, DEFAULT))
        return None if account is None else _published(account)
    return found


def listed(world: World, kind: str, namespace: str | None = None) -> list[Resource]:
    """The objects of a kind in order of namespace and name, stored or not."""
    stored = world.store.list(kind, namespace)
    return stored if kind != KIND else sorted([*stored, *_missing(world, namespace)], key=lambda found: found.key)


def _missing(world: World, namespace: str | None) -> Iterator[Resource]:
    """Those of the namespaces there are, each of which has an account `default`, that are not stored."""
    for account in world.store.list(ACCOUNT, namespace):
        if account.key.name == DEFAULT and world.store.get(ObjectKey(KIND, account.key.namespace, NAME)) is None:
            yield _published(account)


def _published(account: Resource) -> Resource:
    """The ConfigMap as it came with the account beside it."""
    key = ObjectKey(KIND, account.key.namespace, NAME)
    metadata = {
        "name": NAME, "namespace": key.namespace, "annotations": {"kubernetes.io/description": _DESCRIPTION},
    }  # fmt: skip
    manifest = {"apiVersion": "v1", "kind": KIND, "metadata": metadata, "data": {FILE: _CERTIFICATE}}
    return Resource(
        key=key, uid=crc32(str(key).encode()), version=account.version, generation=1, manifest=manifest, labels={},
        created_us=account.created_us, made=True,
    )  # fmt: skip
