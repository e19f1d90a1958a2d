"""Label selectors, and what every shape is built from.

Source: Kubernetes API reference v1.33, "LabelSelector".
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

import msgspec

from stratus_sim.manifests.names import expect_key, expect_labels


class Shape(msgspec.Struct, frozen=True, rename="camel"):
    """Fields by their names in Python; manifests write them in camel case."""


class Requirement(Shape, frozen=True):
    key: str
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    values: list[str] | None = None

    def __post_init__(self) -> None:
        expect_requirement(self.key, self.operator, self.values or ())
        for value in self.values or ():
            expect_labels("values", {self.key: value})


class LabelSelector(Shape, frozen=True):
    match_labels: dict[str, str] | None = None
    match_expressions: list[Requirement] | None = None

    def __post_init__(self) -> None:
        expect_labels("matchLabels", self.match_labels)


def expect_requirement(key: str, operator: str, values: Collection[str]) -> None:
    """Raises ValueError for a requirement that asks for no label, or for values where there are none to ask for."""
    expect_key(key)
    if operator in ("In", "NotIn") and not values:
        raise ValueError("values: Required value: must be specified when `operator` is 'In' or 'NotIn'")
    if operator in ("Exists", "DoesNotExist") and values:
        raise ValueError("values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
