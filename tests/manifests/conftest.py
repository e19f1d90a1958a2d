from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

SHARED = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture
def shared() -> Path:
    """Public manifests with their known call edges, where this checkout has them beside it."""
    if not (SHARED / "call-edges.json").is_file():
        pytest.skip(f"no reference manifests at {SHARED}")
    return SHARED


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes a file below a fresh folder and returns its path."""

    def write_file(text: str, name: str = "app.yaml") -> Path:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    return write_file
