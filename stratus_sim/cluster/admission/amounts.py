"""Amounts of resources for quotas and ranges: integers in thousandths of a core, a byte or an object.

Shown as the canonical form of a quantity (kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from stratus_sim.manifests import quantity

Amounts = Mapping[str, int]
_BINARY = tuple((f"{letter}i", 1024**power) for power, letter in reversed(tuple(enumerate("KMGTPE", 1))))
_DECIMAL = tuple((letter, 1000**power) for power, letter in reversed(tuple(enumerate("kMGTPE", 1))))
_BYTES = ("memory", "storage", "hugepages-")


@lru_cache(maxsize=4096)
def milli(value: str | int | float) -> int:
    """Thousandths of the base unit, rounded up: `100m` cores are 100, `1Ki` bytes 1,024,000. Raises UserError."""
    return math.ceil(quantity.amount(value) * 1000)


def read(amounts: Mapping[str, Any] | None) -> dict[str, int]:
    """A ResourceList as thousandths. Raises UserError."""
    return {name: milli(value) for name, value in (amounts or {}).items()}


def add(parts: Iterable[Amounts]) -> dict[str, int]:
    total: dict[str, int] = {}
    for part in parts:
        for name, amount in part.items():
            total[name] = total.get(name, 0) + amount
    return total


def minus(amounts: Amounts, others: Amounts) -> dict[str, int]:
    """`amounts` less `others`, without what comes to nothing."""
    found = {name: amounts.get(name, 0) - others.get(name, 0) for name in (*amounts, *others)}
    return {name: amount for name, amount in found.items() if amount}


def shown(name: str, amount_milli: int) -> str:
    """One amount as `kubectl` prints it; of bytes it is not known in what unit they were written, if in any.

    >>> shown("requests.cpu", 1500), shown("memory", 134_217_728_000), shown("memory", 10**12), shown("pods", 2_000_000)
    ('1500m', '128Mi', '1G', '2k')
    """
    if amount_milli % 1000:
        return f"{amount_milli}m"
    whole = amount_milli // 1000
    units = (*_BINARY, *_DECIMAL) if any(part in name for part in _BYTES) else _DECIMAL
    unit, size = next((one for one in units if whole and whole % one[1] == 0), ("", 1))
    return f"{whole // size}{unit}"


def listed(amounts: Amounts, names: Iterable[str]) -> str:
    """The named amounts in order of name, as `a=1,b=2`."""
    return ",".join(f"{name}={shown(name, amounts.get(name, 0))}" for name in sorted(names))
