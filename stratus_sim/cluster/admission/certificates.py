"""Whether a bundle of certificates vouches for a server: what a TLS client of the API server says of it.

Follows Go's crypto/x509 (`Certificate.Verify`), in which the API server is written, and its messages: first the dates
and the names of the server's own certificate, then a chain of authorities that have signed each other up to one of the
bundle. Every world begins with the same date, whenever its objects were written: a certificate can have expired by that
clock, but is never taken to come too early.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.x509 import BasicConstraints, Certificate, DNSName, KeyUsage, NameOID, SubjectAlternativeName

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


def distrust(trusted: Sequence[Certificate], chain: Sequence[Certificate], host: str, now: datetime) -> str:
    """Why a client that trusts these does not believe a server with this chain to be `host`; empty where it does."""
    leaf = chain[0]
    return _expired(leaf, now) or _misnamed(leaf, host) or _unsigned(leaf, trusted, chain[1:], now)


def _expired(one: Certificate, now: datetime) -> str:
    if now <= one.not_valid_after_utc:
        return ""
    instants = (at.isoformat(timespec="seconds").replace("+00:00", "Z") for at in (now, one.not_valid_after_utc))
    return f"x509: certificate has expired or is not yet valid: current time {' is after '.join(instants)}"


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


def _unsigned(one: Certificate, trusted: Sequence[Certificate], between: Sequence[Certificate], now: datetime) -> str:
    """Why nobody trusted stands behind a certificate; the first of its namesakes that did not sign it is named."""
    if one in trusted:
        return ""
    problem, hint = "", ""
    for authority in (other for other in (*trusted, *between) if other.subject == one.issuer):
        if flaw := _flaw(one, authority):
            hint = hint or f' (possibly because of "{flaw}" while trying to verify {_candidate(authority)})'
            continue
        others = [other for other in between if other != authority]
        problem = _expired(authority, now) or _unsigned(authority, trusted, others, now)
        if not problem:
            return ""
    return problem or UNKNOWN + hint


def _candidate(authority: Certificate) -> str:
    return f'candidate authority certificate "{_common_name(authority)}"'


def _flaw(one: Certificate, authority: Certificate) -> str:
    """Why a certificate of this name cannot be the one that has signed another."""
    if not _signs(authority):
        return "x509: invalid signature: parent certificate cannot sign this kind of certificate"
    try:
        one.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError, TypeError):
        elliptic = isinstance(authority.public_key(), EllipticCurvePublicKey)
        return "x509: ECDSA verification failure" if elliptic else "crypto/rsa: verification error"
    return ""


def _signs(authority: Certificate) -> bool:
    """Whether a certificate is one to sign others with."""
    stated = [extension.value for extension in authority.extensions]
    usages = (value.key_cert_sign for value in stated if isinstance(value, KeyUsage))
    return any(value.ca for value in stated if isinstance(value, BasicConstraints)) and all(usages)


def _hosts(one: Certificate) -> list[str]:
    found = [extension.value for extension in one.extensions if isinstance(extension.value, SubjectAlternativeName)]
    return [name for names in found for name in names.get_values_for_type(DNSName)]


def _common_name(one: Certificate) -> str:
    return next((str(part.value) for part in one.subject.get_attributes_for_oid(NameOID.COMMON_NAME)), "")
