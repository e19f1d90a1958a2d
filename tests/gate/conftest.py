"""The command line beside a served application."""

from __future__ import annotations

from tests.adapters.conftest import shop
from tests.cli.conftest import stratus

__all__ = ["shop", "stratus"]
