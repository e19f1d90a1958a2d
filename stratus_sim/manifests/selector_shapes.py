"""Label selectors, and what every shape is built from.

Source: Kubernetes API reference v1.33, "LabelSelector".
"""

from __future__ import annotations

from typing import Literal

import msgspec


class Shape(msgspec.Struct, frozen=True, rename="camel"):
    """Fields by their names in Python; manifests write them in camel case."""


class Requirement(Shape, frozen=True):
    key: str
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    values: list[str] | None = None


class LabelSelector(Shape, frozen=True):
    match_labels: dict[str, str] | None = None
    match_expressions: list[Requirement] | None = None
