"""The embedded application with what a topology file declares, and how its mistakes are told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from stratus_sim.applications import embedded_path
from stratus_sim.errors import UserError
from stratus_sim.manifests.application import Application, describe
from stratus_sim.manifests.load import load
from stratus_sim.manifests.topology import load_topology

Write = Callable[..., Path]


def described(file: Path) -> Application:
    return describe(load(embedded_path()), load_topology(file))


def assert_told(write: Write, good: str, old: str, new: str, parts: list[str]) -> None:
    """With `old` replaced by `new` a good file is refused, with these parts in the message."""
    text = good.replace(old, new, 1)
    assert text != good
    with pytest.raises(UserError) as caught:
        described(write(text, "topology.yaml"))
    assert all(part in str(caught.value) for part in ["topology.yaml", *parts]), str(caught.value)
