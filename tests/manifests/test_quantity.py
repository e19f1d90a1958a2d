from __future__ import annotations

import pytest

from stratus_sim.errors import UserError
from stratus_sim.manifests.quantity import mib, millicores


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("100m", 100),
        (0.5, 500),
        ("2", 2000),
        (1, 1000),
        ("1e-1", 100),
        ("1500u", 2),
        (".25", 250),
        ("+1", 1000),
    ],
)
def test_millicores(value: str | float, expected: int) -> None:
    assert millicores(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("128Mi", 128),
        ("1G", 954),
        (134217728, 128),
        ("1Gi", 1024),
        ("64M", 62),
        ("1", 1),
        ("0", 0),
        ("2e9", 1908),
    ],
)
def test_mib(value: str | int, expected: int) -> None:
    assert mib(value) == expected


@pytest.mark.parametrize("value", ["", "lots", "1 Gi", "100mi", "-1", "1Kii", "m", "1.2.3", "\u0661", True])
def test_malformed_quantities_are_named(value: str) -> None:
    with pytest.raises(UserError, match=r"is no resource quantity") as caught:
        mib(value)
    assert repr(value) in str(caught.value)
    with pytest.raises(UserError):
        millicores(value)
