"""Resource quantities as Kubernetes writes them, as integers.

Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/. Fractions of the
unit asked for round up, as `Quantity.Value()` and `MilliValue()` do.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction

from stratus_sim.errors import UserError

_BINARY = {f"{letter}i": Fraction(1024) ** power for power, letter in enumerate("KMGTPE", 1)}
_DECIMAL = {suffix: Fraction(10) ** (3 * power) for power, suffix in enumerate(("n", "u", "m"), -3)} | {
    suffix: Fraction(1000) ** power for power, suffix in enumerate(("", "k", "M", "G", "T", "P", "E"))
}
_SUFFIXES = _BINARY | _DECIMAL
_NUMBER = r"\+?([0-9]+\.?[0-9]*|\.[0-9]+)"
_QUANTITY = re.compile(rf"{_NUMBER}(?:[eE]([+-]?[0-9]{{1,3}})|([A-Za-z]{{0,2}}))")
PATTERN = rf"^\s*{_NUMBER}(?:[eE][+-]?[0-9]{{1,3}}|[numkMGTPE]?|[KMGTPE]i)\s*$"
"""What a quantity looks like, for JSON-schema-like checks."""


def millicores(value: str | int | float) -> int:
    """CPU in thousandths of a core: `100m`, `0.5`, `"2"` → 100, 500, 2000. Raises UserError."""
    return math.ceil(_number(value, "100m or 0.5") * 1000)


def mib(value: str | int | float) -> int:
    """Memory in MiB, rounded up: `128Mi`, `1G`, `134217728` (bytes) → 128, 954, 128. Raises UserError."""
    return math.ceil(_number(value, "128Mi or 1G") / 1024**2)


def amount(value: str | int | float) -> Fraction:
    """Any quantity in its base unit (cores, bytes), exactly. Raises UserError."""
    return _number(value, "100m, 0.5 or 128Mi")


def _number(value: str | int | float, example: str) -> Fraction:
    match = _QUANTITY.fullmatch(str(value).strip())
    if match is None:
        raise _malformed(value, example)
    digits, exponent, suffix = match.groups()
    if exponent is not None:
        return Fraction(digits) * Fraction(10) ** int(exponent)
    if suffix not in _SUFFIXES:
        raise _malformed(value, example)
    return Fraction(digits) * _SUFFIXES[suffix]


def _malformed(value: object, example: str) -> UserError:
    return UserError(f"{value!r} is no resource quantity: expected a number with an optional unit, as {example}")
