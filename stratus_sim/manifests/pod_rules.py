"""What a pod may not say though each of its fields is well-formed, in the words of the API server.

Follows pkg.go.dev/k8s.io/kubernetes/pkg/apis/core/validation ("ValidatePodSpec"). Each rule raises ValueError, which
the reading of an object turns into a UserError with the path of the field.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache

from stratus_sim.manifests import quantity

Amounts = Mapping[str, str | int | float]
_amount = lru_cache(maxsize=4096)(quantity.amount)


def within_limits(requests: Amounts | None, limits: Amounts | None) -> None:
    """No container requests more than it may use."""
    for name, asked in (requests or {}).items():
        limit = (limits or {}).get(name)
        if limit is not None and _amount(asked) > _amount(limit):
            problem = f"must be less than or equal to {name} limit of {limit}"
            raise ValueError(f'requests: Invalid value: "{asked}": {problem}')


def once_each(field: str, names: Iterable[str]) -> None:
    """No two items of a list have the same name."""
    name, times = next(iter(Counter(names).most_common(1)), ("", 0))
    if times > 1:
        raise ValueError(f'{field}: Duplicate value: "{name}"')


def probed(field: str, *, asks: bool, successes: int | None, once: bool) -> None:
    """A probe asks something; where what it decides cannot be undone (`once`), one success is enough."""
    if not asks:
        raise ValueError(f"{field}: Required value: must specify a handler type")
    if once and successes not in (None, 1):
        raise ValueError(f"{field}.successThreshold: Invalid value: {successes}: must be 1")


def mountable(mounts: Iterable[tuple[str, str]], volumes: Iterable[str]) -> None:
    """What is mounted, given as (where that is written, name of the volume), is there."""
    there = {*volumes}
    for where, name in mounts:
        if name not in there:
            raise ValueError(f'{where}: Not found: "{name}"')


def tolerable(
    key: str | None, operator: str | None, value: str | None, effect: str | None, seconds: int | None
) -> None:
    """A toleration says what it tolerates: everything only with Exists, for a time only what evicts."""
    if operator != "Exists" and not key:
        told = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
        raise ValueError(f'operator: Invalid value: "{operator or ""}": {told}')
    if seconds is not None and effect != "NoExecute":
        told = "effect must be 'NoExecute' when `tolerationSeconds` is set"
        raise ValueError(f'effect: Invalid value: "{effect or ""}": {told}')
    if operator == "Exists" and value:
        raise ValueError(f"operator: Invalid value: \"{value}\": value must be empty when `operator` is 'Exists'")
