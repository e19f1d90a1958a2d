"""Exported obligations read back by whichever Z3 is installed: another version can be asked, as nothing else is needed.

`python recheck.py DIR`, DIR as `stratus prove --export` wrote it. Exit code 1 unless every answer is `unsat`.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import z3

TIMEOUT_MS = 10_000


def answer(script: Path) -> str:
    """What Z3 says of one script: `unsat`, `sat` or `unknown`."""
    solver = z3.Solver()
    solver.set(timeout=TIMEOUT_MS)
    solver.from_string(script.read_text())
    return str(solver.check())


def main() -> int:
    folder = Path(sys.argv[1])
    started = time.process_time()
    entries = json.loads((folder / "index.json").read_text())["obligations"]
    answers = {entry["file"]: answer(folder / entry["file"]) for entry in entries}
    for file, said in answers.items():
        if said != "unsat":
            print(f"{said}: {file}")
    proved = sum(said == "unsat" for said in answers.values())
    seconds = time.process_time() - started
    print(f"z3 {z3.get_version_string()} proves {proved} of {len(answers)} obligations in {seconds:.1f} s of one core")
    return 0 if answers and proved == len(answers) else 1


if __name__ == "__main__":
    raise SystemExit(main())
