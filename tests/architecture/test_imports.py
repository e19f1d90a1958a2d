"""Who may import whom: the walls of the house."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGES = {
    "stratus_spec": ROOT / "spec" / "stratus_spec",
    "stratus_proofs": ROOT / "proofs" / "stratus_proofs",
    "stratus_sim": ROOT / "stratus_sim",
    "stratus_agents": ROOT / "agents" / "stratus_agents",
}
ALLOWED = {
    "stratus_spec": set(),
    "stratus_proofs": {"stratus_spec"},
    "stratus_sim": {"stratus_spec"},
    "stratus_agents": {"stratus_spec", "stratus_sim"},
}
REPLAYS = {PACKAGES["stratus_proofs"] / "harm" / name for name in ("setting.py", "stage.py")}
"""The modules of the proofs that play a run on the simulator."""
MAX_LINES = 600


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def foreign(package: str, tree: ast.AST) -> set[str]:
    found = {name.partition(".")[0] for name in imports(tree)}
    return (found & PACKAGES.keys()) - ALLOWED[package] - {package}


def files() -> list[tuple[str, Path]]:
    return [(package, file) for package, folder in PACKAGES.items() for file in sorted(folder.rglob("*.py"))]


@pytest.mark.parametrize(("package", "file"), files(), ids=lambda v: v if isinstance(v, str) else v.stem)
def test_nobody_imports_through_a_wall(package: str, file: Path) -> None:
    if "cli" not in file.parts:
        expected = {"stratus_sim"} if file in REPLAYS else set()
        assert foreign(package, ast.parse(file.read_text())) == expected


def test_the_command_line_reaches_proofs_and_agents_only_when_asked() -> None:
    program = (
        "import sys, stratus_sim.cli.app; print(sorted({m.partition('.')[0] for m in sys.modules} & {*sys.argv[1:]}))"
    )
    ran = subprocess.run([sys.executable, "-c", program, *PACKAGES], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "['stratus_sim', 'stratus_spec']"


def test_the_walls_are_looked_at() -> None:
    tree = ast.parse("from stratus_agents.policies import load")
    assert foreign("stratus_sim", tree) == {"stratus_agents"}
    assert {package for package, _ in files()} == PACKAGES.keys()


@pytest.mark.parametrize("file", [file for _, file in files()], ids=lambda file: file.stem)
def test_no_file_is_too_long(file: Path) -> None:
    assert len(file.read_text().splitlines()) <= MAX_LINES
