"""Scenarios depend on the seed, not on where this package lies or what is imported beside it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
if len(sys.argv) > 1:
    sys.path.insert(0, sys.argv[1])
    import numbers_of_mine
from hypothesis import given, settings, strategies as st
from stratus_agents.policies import load_policy
from stratus_sim.testing.check import check
from stratus_sim.testing.stage import Source, Stage
from stratus_sim.testing.trial import Setup
settings(max_examples=20, database=None)(given(st.integers(0, 255), st.integers(0, 180))(lambda a, b: None))()
seen = []
setup = Setup(Stage(Source()), load_policy("do-nothing"))
check(setup, "own", 60, 3, lambda _mode, outcome: seen.append(outcome.scenario))
print(seen)
"""


def drawn(*words: str) -> str:
    return subprocess.run([sys.executable, "-c", PROGRAM, *words], capture_output=True, text=True, check=True).stdout


def test_local_modules_do_not_change_what_is_drawn(tmp_path: Path) -> None:
    (tmp_path / "numbers_of_mine.py").write_text(f"MINE = {[*range(7, 250, 9)]}\n")
    assert drawn() == drawn(str(tmp_path)) != "[]\n"
