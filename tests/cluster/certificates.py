"""Certificates to put into bundles and Secrets: an authority, others by its and another name, what it has signed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID


class Issued(NamedTuple):
    """A certificate as PEM, and what its owner signs others with."""

    name: x509.Name
    key: EllipticCurvePrivateKey
    pem: str


def issued(name: str, *hosts: str, by: Issued | None = None) -> Issued:
    """A certificate with this common name for these hosts, signed `by` another's owner or by its own."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    key = generate_private_key(SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.name if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2126, 1, 1, tzinfo=UTC))
    )
    if hosts:
        names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
        builder = builder.add_extension(names, critical=False)
    made = builder.sign(by.key if by else key, SHA256())
    return Issued(subject, key, made.public_bytes(Encoding.PEM).decode())


AUTHORITY = issued("webhook-ca")
CA = AUTHORITY.pem
NAMESAKE = issued("webhook-ca").pem
OTHER = issued("other-ca").pem
SERVER = issued("a.default.svc", "a.default.svc", "a.default.svc.cluster.local", by=AUTHORITY).pem
NAMED = issued("a.default.svc", "b.default.svc", by=AUTHORITY).pem
LEGACY = issued("a.default.svc", by=AUTHORITY).pem
