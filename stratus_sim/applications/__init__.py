"""Applications that ship with the simulator, as Kubernetes manifests like any user's."""

from __future__ import annotations

from pathlib import Path

from stratus_sim.errors import unknown_name

_HERE = Path(__file__).parent


def embedded_names() -> tuple[str, ...]:
    """The embedded applications, sorted."""
    return tuple(sorted(file.stem for file in _HERE.glob("*.yaml")))


def embedded_path(name: str = "hotel") -> Path:
    """The manifests of an embedded application. Raises UserError for a name nobody knows."""
    if name not in embedded_names():
        raise unknown_name("embedded application", name, embedded_names())
    return _HERE / f"{name}.yaml"
