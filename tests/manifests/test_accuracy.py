"""Inferred calls against call edges known from the sources of public applications."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stratus_sim.manifests.calls import infer_calls
from stratus_sim.manifests.load import load
from stratus_sim.manifests.topology import Score, compare

# (application, least precision, least recall) over all edges, whatever their evidence. Where addresses are
# compiled into images or resolved by a registry, manifests show nothing: only a topology file can tell.
EVERY_EDGE = [
    ("bank-of-anthos", 1.0, 1.0),
    ("hotel-reservation", 1.0, 0.0),
    ("k8s-examples-wordpress", 1.0, 1.0),
    ("online-boutique", 1.0, 1.0),
    ("otel-demo", 1.0, 1.0),
    ("social-network", 0.76, 0.28),
]


def score(shared: Path, name: str, env_only: bool) -> Score:
    expected = json.loads((shared / "call-edges.json").read_text())[name]
    calls = infer_calls(load(shared / "manifests" / name))
    result = compare(
        {(call.source, call.target) for call in calls if not env_only or call.via.startswith("env:")},
        {(edge["src"], edge["dst"]) for edge in expected if not env_only or edge["evidence"].startswith("env")},
    )
    print(f"{name}: precision {result.precision:.2f} recall {result.recall:.2f} ({len(calls)} calls)")
    return result


@pytest.mark.parametrize("name", ["online-boutique", "otel-demo", "bank-of-anthos", "k8s-examples-wordpress"])
def test_env_evidenced_edges(shared: Path, name: str) -> None:
    result = score(shared, name, env_only=True)
    assert result.recall >= 0.95, result.missing
    assert result.precision >= 0.8, result.extra


@pytest.mark.parametrize(("name", "precision", "recall"), EVERY_EDGE)
def test_every_edge(shared: Path, name: str, precision: float, recall: float) -> None:
    result = score(shared, name, env_only=False)
    assert result.recall >= recall, result.missing
    assert result.precision >= precision, result.extra


@pytest.mark.parametrize("name", [name for name, _, _ in EVERY_EDGE])
def test_stated_ports_are_right(shared: Path, name: str) -> None:
    expected = json.loads((shared / "call-edges.json").read_text())[name]
    ports: dict[tuple[str, str], set[int | None]] = {}
    for edge in expected:
        ports.setdefault((edge["src"], edge["dst"]), set()).add(edge["port"])
    calls = infer_calls(load(shared / "manifests" / name))
    assert [c for c in calls if c.port not in ports.get((c.source, c.target), {c.port})] == []
