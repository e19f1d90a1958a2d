"""What is registered in a test is gone after it; each command starts without what the one before has loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from stratus_sim import extensions
from stratus_sim.application.behaviours.registry import BEHAVIOURS
from stratus_sim.cluster import watching
from stratus_sim.faults.catalogue import FAULTS
from stratus_sim.kernel.registry import HANDLERS
from stratus_sim.telemetry.alerts import RULES
from tests.cli.conftest import Ran
from tests.cli.conftest import stratus as typed  # noqa: F401  # a fixture

_TABLES: tuple[dict[str, Any], ...] = (BEHAVIOURS, FAULTS, HANDLERS, RULES, extensions._LOADED)


@contextmanager
def forgotten() -> Iterator[None]:
    """Whatever the body registers is unknown again afterwards."""
    before = [dict(table) for table in _TABLES]
    watches = {kind: list(found) for kind, found in watching._WATCHES.items()}
    try:
        yield
    finally:
        for table, kept in zip(_TABLES, before, strict=True):
            for name in [name for name in table if name not in kept]:
                del table[name]
        watching._WATCHES.clear()
        watching._WATCHES.update(watches)
        watching.AUDIENCES.clear()


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    with forgotten():
        yield


@pytest.fixture
def stratus(typed: Callable[..., Ran]) -> Callable[..., Ran]:  # noqa: F811
    """Types a command, as in a process of its own as far as extensions go."""

    def run(*words: str) -> Ran:
        with forgotten():
            return typed(*words)

    return run
