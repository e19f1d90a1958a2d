"""Write the pages: `python -m stratus_proofs.case_studies FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

from .studies import all_studies, page

for found in all_studies():
    (Path(sys.argv[1]) / f"{found.case.name}.md").write_text(page(found))
