"""Certificates: whether a bundle vouches for a server, in the words of Go's crypto/x509.

The verdicts and messages were compared with those of crypto/x509 for the same certificates.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from datetime import datetime, timedelta

import pytest

from stratus_sim.cluster.admission import certificates
from stratus_sim.cluster.admission.certificates import UNKNOWN, Unreadable
from stratus_sim.cluster.calendar import EPOCH
from tests.cluster.certificates import AUTHORITY, CA, LEGACY, NAMED, NAMESAKE, OTHER, SERVER, Issued, issued

HOST, DAY = "a.default.svc", timedelta(days=1)
LATE = (
    "x509: certificate has expired or is not yet valid: current time 2025-01-01T00:00:00Z is after 2024-12-31T00:00:00Z"
)


def pem(der: bytes) -> str:
    return f"-----BEGIN CERTIFICATE-----\n{b64encode(der).decode()}\n-----END CERTIFICATE-----"


def distrust(trusted: str, served: str) -> str:
    return certificates.distrust(certificates.read(trusted.encode()), certificates.read(served.encode()), HOST, EPOCH)


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
    assert distrust(trusted, served) == problem


def test_a_server_may_send_the_way_to_its_authority() -> None:
    """The bundle has the root alone; the server sends its own certificate and the one between."""
    between = issued("between", by=AUTHORITY, ca=True)
    leaf = issued("a", HOST, by=between).pem
    assert distrust(CA, leaf + between.pem) == ""
    assert distrust(CA, leaf) == UNKNOWN
    assert distrust(CA, issued("a", HOST).pem + CA) == UNKNOWN, "who only comes along vouches for nobody"


STALE = issued("webhook-ca", ca=True, until=EPOCH - DAY)
UNFIT, SIGNER = issued("webhook-ca"), issued("webhook-ca", ca=True, usage="crl_sign")


@pytest.mark.parametrize(
    ("by", "until", "hosts", "problem"),
    [
        (AUTHORITY, EPOCH - DAY, [HOST], LATE),
        (AUTHORITY, EPOCH - DAY, ["b"], LATE),
        (AUTHORITY, EPOCH, [HOST], ""),
        (STALE, EPOCH + DAY, [HOST], LATE),
        (STALE, EPOCH + DAY, ["b"], f"x509: certificate is valid for b, not {HOST}"),
        (
            UNFIT,
            EPOCH + DAY,
            [HOST],
            'possibly because of "x509: invalid signature: parent certificate cannot sign this kind',
        ),
        (SIGNER, EPOCH + DAY, [HOST], "parent certificate cannot sign this kind of certificate"),
    ],
)
def test_a_certificate_that_has_expired_or_may_not_sign_vouches_for_nothing(
    by: Issued, until: datetime, hosts: list[str], problem: str
) -> None:
    found = distrust(by.pem, issued("a", *hosts, by=by, until=until).pem)
    assert (problem in found) if problem else not found


def test_an_authority_that_has_expired_does_not_stand_in_the_way_of_another() -> None:
    renewed = issued("webhook-ca", ca=True, key=STALE.key)
    assert distrust(STALE.pem + renewed.pem, issued("a", HOST, by=renewed).pem) == ""


@pytest.mark.parametrize(("name", "covered"), [("*.default.svc", True), ("*.svc", False), ("A.default.svc", True)])
def test_a_star_stands_for_one_label(name: str, covered: bool) -> None:
    assert (distrust(CA, issued("a", name, by=AUTHORITY).pem) == "") is covered


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
