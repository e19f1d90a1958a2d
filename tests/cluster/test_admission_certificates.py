"""Certificates: whether a bundle vouches for a server, in the words of Go's crypto/x509.

The verdicts and messages were compared with those of crypto/x509 for the same certificates.
"""

from __future__ import annotations

from base64 import b64decode, b64encode

import pytest

from stratus_sim.cluster.admission import certificates
from stratus_sim.cluster.admission.certificates import UNKNOWN, Unreadable
from tests.cluster.certificates import AUTHORITY, CA, LEGACY, NAMED, NAMESAKE, OTHER, SERVER, issued

HOST = "a.default.svc"


def pem(der: bytes) -> str:
    return f"-----BEGIN CERTIFICATE-----\n{b64encode(der).decode()}\n-----END CERTIFICATE-----"


@pytest.mark.parametrize(
    ("trusted", "served", "problem"),
    [
        (CA, SERVER, ""),
        (OTHER + CA, SERVER, ""),
        (SERVER, SERVER, ""),
        (OTHER, SERVER, UNKNOWN),
        (NAMESAKE, SERVER,
         f'{UNKNOWN} (possibly because of "x509: ECDSA verification failure" while trying to verify candidate '
         'authority certificate "webhook-ca")'),
        (CA, NAMED, "x509: certificate is valid for b.default.svc, not a.default.svc"),
        (CA, LEGACY, "x509: certificate relies on legacy Common Name field, use SANs instead"),
        (CA, CA, "x509: certificate is not valid for any names, but wanted to match a.default.svc"),
    ],
)  # fmt: skip
def test_whom_a_bundle_vouches_for(trusted: str, served: str, problem: str) -> None:
    read = certificates.read
    assert certificates.distrust(read(trusted.encode()), read(served.encode()), HOST) == problem


def test_a_server_may_send_the_way_to_its_authority() -> None:
    """The bundle has the root alone; the server sends its own certificate and the one between."""
    between = issued("between", by=AUTHORITY)
    leaf, trusted = issued("a", HOST, by=between).pem, certificates.read(CA.encode())
    assert certificates.distrust(trusted, certificates.read((leaf + between.pem).encode()), HOST) == ""
    assert certificates.distrust(trusted, certificates.read(leaf.encode()), HOST) == UNKNOWN


@pytest.mark.parametrize(("name", "covered"), [("*.default.svc", True), ("*.svc", False), ("A.default.svc", True)])
def test_a_star_stands_for_one_label(name: str, covered: bool) -> None:
    leaf = certificates.read(issued("a", name, by=AUTHORITY).pem.encode())
    assert (certificates.distrust(certificates.read(CA.encode()), leaf, HOST) == "") is covered


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "unable to parse bytes as PEM block"),
        ("-----BEGIN CERTIFICATE-----", "unable to parse bytes as PEM block"),
        (pem(b64decode("".join(SERVER.split("\n")[1:-2]))[:-40]), "malformed certificate"),
        (SERVER.replace("MII", "AAA", 1), "failed to parse certificate: x509: malformed certificate"),
        (pem(b"0" * 40), "malformed certificate"),
    ],
)
def test_what_is_no_certificate(text: str, problem: str) -> None:
    with pytest.raises(Unreadable, match=problem):
        certificates.read(text.encode())
