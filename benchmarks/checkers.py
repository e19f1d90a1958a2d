"""`python -m benchmarks.checkers`: our proof beside Spin, TLC and our explorer, on the lock-and-transaction machine.

The proof speaks of every number of faults N and flips K, so N does not occur in it; the others count the states of one
N and K each. They agree on the number of states (Spin has one more: before the first faults are chosen).
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from benchmarks.lock_transaction.machine import SPECIFICATION
from stratus_proofs import prove
from stratus_proofs.explicit import tlc

SIZES = ((6, 4), (8, 4), (10, 4))
LIMIT_S = 120
ROUNDS = 3
WRONG = "WRONG"
NOT_PROVED = "NOT proved"
HERE = Path(__file__).parent / "lock_transaction"
_STORED = re.compile(r"^\s*(\d+) states, stored", re.MULTILINE)
_EXPLORE = """
from benchmarks.lock_transaction.machine import instance
from stratus_proofs.explicit.explore import explore
found = explore(instance({}, {}), limit=10**9)
print(found.states if found.ok else found)
"""


class Run(NamedTuple):
    """One checker on one size: `seconds` of wall clock (0: it did not run), states, and why there are none."""

    checker: str
    faults: int
    flips: int
    seconds: float
    states: int = 0
    note: str = ""

    @property
    def cell(self) -> str:
        """As the table shows it."""
        return self.note or f"{self.seconds:.2f} s" + (f", {self.states:,} states" if self.states else "")


def proof(faults: int, flips: int, _limit_s: float) -> Run:
    """The proof, every witness included: the best of some runs, as it is over before noise evens out."""
    reports = [prove(SPECIFICATION) for _ in range(ROUNDS)]
    note = "" if all(report.ok for report in reports) else NOT_PROVED
    return Run("our proof, any N and K", faults, flips, min(report.seconds for report in reports), note=note)


def spin(faults: int, flips: int, limit_s: float) -> Run:
    """Spin's verifier, compiled with -O2; translating and compiling the model is not counted."""
    blank = Run("Spin", faults, flips, 0)
    if shutil.which("spin") is None or shutil.which("gcc") is None:
        return blank._replace(note="skipped: spin or gcc is not installed")
    with tempfile.TemporaryDirectory() as folder:
        model = [f"-DN={faults}", f"-DK={flips}", "-a", str(HERE / "model.pml")]
        subprocess.run(["spin", *model], cwd=folder, check=True, capture_output=True)
        subprocess.run(["gcc", "-O2", "-w", "-DSAFETY", "-o", "pan", "pan.c"], cwd=folder, check=True)
        started = time.perf_counter()
        ran = _stopped_at(limit_s, ["./pan", "-m1000000"], folder)
        spent = time.perf_counter() - started
    if ran is None:
        return blank._replace(note=f"stopped after {limit_s:g} s")
    stored = _STORED.search(ran)
    wrong = stored is None or "errors: 0" not in ran
    return blank._replace(seconds=spent, states=int(stored[1]) if stored else 0, note=WRONG * wrong)


def by_tlc(faults: int, flips: int, limit_s: float) -> Run:
    """TLC with one worker, the start of Java included."""
    blank = Run("TLC", faults, flips, 0)
    if tlc.missing():
        return blank._replace(note=f"skipped: {tlc.missing()}")
    settings = f"CONSTANTS N = {faults} K = {flips}\nINIT Init\nNEXT Next\nPROPERTY NoRegression\n"
    model = (HERE / "LockTransaction.tla").read_text()
    try:
        found = tlc.check({"LockTransaction.tla": model, "LockTransaction.cfg": settings}, limit_s)
    except subprocess.TimeoutExpired:
        return blank._replace(note=f"stopped after {limit_s:g} s")
    return blank._replace(seconds=found.seconds, states=found.distinct, note=WRONG * bool(found.error))


def explorer(faults: int, flips: int, limit_s: float) -> Run:
    """Our explorer, which also checks every invariant in every state; the start of Python included."""
    blank = Run("our explorer", faults, flips, 0)
    started = time.perf_counter()
    said = _stopped_at(limit_s, [sys.executable, "-c", _EXPLORE.format(faults, flips)], str(HERE.parent.parent))
    if said is None:
        return blank._replace(note=f"stopped after {limit_s:g} s")
    spent = time.perf_counter() - started
    return blank._replace(seconds=spent, states=int(said)) if said.strip().isdigit() else blank._replace(note=WRONG)


CHECKERS: tuple[Callable[[int, int, float], Run], ...] = (proof, spin, by_tlc, explorer)


def main() -> int:
    """Run every checker on every size, one after the other; exit code 1 when one finds something wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.checkers", description=__doc__)
    parser.add_argument("--limit", type=float, default=LIMIT_S, help="seconds a checker may take for one size")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="text for people, json for programs")
    given = parser.parse_args()
    runs = [[check(*size, given.limit) for size in SIZES] for check in CHECKERS]
    if given.format == "json":
        print(json.dumps([run._asdict() for row in runs for run in row], indent=2))
    else:
        Console(highlight=False).print(_table(runs))
    return int(any(run.note in (WRONG, NOT_PROVED) for row in runs for run in row))


def _table(runs: list[list[Run]]) -> Table:
    table = Table("checker", *(f"N = {faults}, K = {flips}" for faults, flips in SIZES))
    for row in runs:
        table.add_row(row[0].checker, *(run.cell for run in row))
    return table


def _stopped_at(limit_s: float, command: list[str], folder: str) -> str | None:
    """What a command prints, or None when it takes too long."""
    try:
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, timeout=limit_s).stdout
    except subprocess.TimeoutExpired:
        return None


if __name__ == "__main__":
    sys.exit(main())
