"""A served application for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("kubernetes", reason="the extra `cluster` is not installed")

from tests.adapters.served import Live, live
from tests.transaction import small


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Live]:
    """The tiny application of the transaction tests, behind the Kubernetes API."""
    with live(small.world(), tmp_path, monkeypatch) as found:
        yield found
