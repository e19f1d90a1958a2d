"""The published applications: what is missing from their manifests, and what would make them complete."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

_TERMINAL = "a pod on a lost node is never known to have stopped: it is Terminating until the node is back"
WAITS = {
    "StatefulSet": f"{_TERMINAL}, and no other may have its name meanwhile",
    "attached volume": f"{_TERMINAL}, and its ReadWriteOnce disk stays attached to that node",
}


class Published(NamedTuple):
    """`defects` are the pods that cannot start as published, by workload, with what kubectl shows for them;
    `unmade` the Jobs no pod can be made for; `completes` the objects that mend both. `waits` are the workloads that
    serve nobody while a node of theirs is lost, and why (a key of WAITS)."""

    folder: str
    defects: Mapping[str, str] = {}
    unmade: tuple[str, ...] = ()
    completes: tuple[Mapping[str, Any], ...] = ()
    waits: Mapping[str, str] = {}


def _secret(name: str, *keys: str) -> Mapping[str, Any]:
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": dict.fromkeys(keys, "c2VjcmV0")}


_ACCOUNT = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "boa-ksa", "namespace": "default"}}
_NO_PUBLIC_KEY = 'MountVolume.SetUp failed for volume "publickey" : secret "jwt-key" not found'
_BLOG = ("Deployment/wordpress", "Deployment/wordpress-mysql")
_READERS = ("balancereader", "contacts", "frontend", "ledgerwriter", "transactionhistory")

PUBLISHED = {
    published.folder: published
    for published in (
        Published(
            "bank-of-anthos",
            # the README has users make the signing key, and the account and password of the Cloud SQL variant
            defects={f"Deployment/{name}": _NO_PUBLIC_KEY for name in _READERS}
            | {"Deployment/userservice": _NO_PUBLIC_KEY.replace("publickey", "keys")},
            unmade=("populate-accounts-db", "populate-ledger-db"),
            completes=(
                _secret("jwt-key", "jwtRS256.key", "jwtRS256.key.pub"),
                _secret("cloud-sql-admin", "username", "password", "connectionName"),
                _ACCOUNT,
            ),
            waits=dict.fromkeys(("StatefulSet/accounts-db", "StatefulSet/ledger-db"), "StatefulSet"),
        ),
        Published("hotel-reservation"),
        Published(
            "k8s-examples-wordpress",
            # the tutorial has users make the password with `kubectl create secret`
            defects=dict.fromkeys(_BLOG, 'secret "mysql-pass" not found'),
            completes=(_secret("mysql-pass", "password"),),
            waits=dict.fromkeys(_BLOG, "attached volume"),
        ),
        Published("online-boutique"),
        Published("otel-demo", waits={"StatefulSet/opensearch": "StatefulSet"}),
        Published("social-network"),
    )
}
