"""Whether a bundle of certificates vouches for a server: what a TLS client of the API server says of it.

In the messages of Go's crypto/x509, in which the API server is written. As the world's clock is not that of who made a
certificate, its dates are not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.x509 import Certificate, DNSName, NameOID, SubjectAlternativeName

_BLOCK = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
UNKNOWN = "x509: certificate signed by unknown authority"


class Unreadable(ValueError):
    """What should be certificates is none; the message is that of client-go."""


def read(pem: bytes) -> tuple[Certificate, ...]:
    """The certificates of a PEM file. Raises Unreadable where there is none."""
    if not _BLOCK.search(pem):
        raise Unreadable("unable to parse bytes as PEM block")
    try:
        found = tuple(x509.load_pem_x509_certificates(pem))
        for one in found:
            list(one.extensions)  # which are read when they are asked for
    except ValueError:
        raise Unreadable("failed to parse certificate: x509: malformed certificate") from None
    return found


def distrust(trusted: Sequence[Certificate], chain: Sequence[Certificate], host: str) -> str:
    """Why a client that trusts these does not believe a server with this chain to be `host`; empty where it does."""
    return _misnamed(chain[0], host) or _unsigned(trusted, chain)


def _misnamed(leaf: Certificate, host: str) -> str:
    hosts = _hosts(leaf)
    if any(_covers(name, host) for name in hosts):
        return ""
    if hosts:
        return f"x509: certificate is valid for {', '.join(hosts)}, not {host}"
    if _covers(_common_name(leaf), host):
        return "x509: certificate relies on legacy Common Name field, use SANs instead"
    return f"x509: certificate is not valid for any names, but wanted to match {host}"


def _covers(name: str, host: str) -> bool:
    first, _, rest = name.lower().partition(".")
    return name.lower() == host or (first == "*" and rest == host.partition(".")[2])


def _unsigned(trusted: Sequence[Certificate], chain: Sequence[Certificate]) -> str:
    if any(one in trusted for one in chain):
        return ""
    namesakes = [(one, other) for one in chain for other in trusted if one.issuer == other.subject]
    if any(_signed(one, authority) for one, authority in namesakes):
        return ""
    if not namesakes:
        return UNKNOWN
    authority = namesakes[0][1]
    tried = (
        f'"{_failure(authority)}" while trying to verify candidate authority certificate "{_common_name(authority)}"'
    )
    return f"{UNKNOWN} (possibly because of {tried})"


def _signed(one: Certificate, authority: Certificate) -> bool:
    try:
        one.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _failure(authority: Certificate) -> str:
    elliptic = isinstance(authority.public_key(), EllipticCurvePublicKey)
    return "x509: ECDSA verification failure" if elliptic else "crypto/rsa: verification error"


def _hosts(one: Certificate) -> list[str]:
    found = [extension.value for extension in one.extensions if isinstance(extension.value, SubjectAlternativeName)]
    return [name for names in found for name in names.get_values_for_type(DNSName)]


def _common_name(one: Certificate) -> str:
    return next((str(part.value) for part in one.subject.get_attributes_for_oid(NameOID.COMMON_NAME)), "")
