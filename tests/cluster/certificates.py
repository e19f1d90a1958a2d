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


BEGUN, LASTING = datetime(2020, 1, 1, tzinfo=UTC), datetime(2126, 1, 1, tzinfo=UTC)
_USAGES = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
    "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
)  # fmt: skip


def issued(
    name: str,
    *hosts: str,
    by: Issued | None = None,
    until: datetime = LASTING,
    ca: bool = False,
    usage: str = "",
    key: EllipticCurvePrivateKey | None = None,
) -> Issued:
    """A certificate with this common name for these hosts, signed `by` another's owner or by its own.

    One to sign others with is a `ca`; `usage` is the only one its key is for, where it says that. The `key` is a new
    one unless given.
    """
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    key = key or generate_private_key(SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.name if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(BEGUN)
        .not_valid_after(until)
    )
    if hosts:
        names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
        builder = builder.add_extension(names, critical=False)
    if ca:
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    if usage:
        usages = x509.KeyUsage(**{one: one == usage for one in _USAGES})
        builder = builder.add_extension(usages, critical=True)
    made = builder.sign(by.key if by else key, SHA256())
    return Issued(subject, key, made.public_bytes(Encoding.PEM).decode())


AUTHORITY = issued("webhook-ca", ca=True)
CA = AUTHORITY.pem
NAMESAKE = issued("webhook-ca", ca=True).pem
OTHER = issued("other-ca", ca=True).pem
SERVER = issued("a.default.svc", "a.default.svc", "a.default.svc.cluster.local", by=AUTHORITY).pem
NAMED = issued("a.default.svc", "b.default.svc", by=AUTHORITY).pem
LEGACY = issued("a.default.svc", by=AUTHORITY).pem
