"""`python -m stratus_proofs.mutation WORKERS` judges every mutant and writes `proofs/mutants.json`."""

import json
import sys
from pathlib import Path

from .report import artifact, as_json
from .score import score

ARTIFACT = Path(__file__).parents[2] / "mutants.json"


def main() -> int:
    found = score(workers=int(sys.argv[1]) if len(sys.argv) > 1 else 1)
    ARTIFACT.write_text(json.dumps(artifact(as_json(found)), indent=1) + "\n")
    return 0 if found.ok else 1


if __name__ == "__main__":
    raise SystemExit(main())
