"""A proof as files: one SMT-LIB 2 script per obligation, and an index that says what each must answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator

from ..induction import Group
from .smtlib import scripts

INDEX = "index.json"
EXPECTED = "unsat"


def files(machine: str, groups: Iterable[Group]) -> Iterator[tuple[str, str]]:
    """File names and their text: `TRANSITION.PROPERTY.smt2` for each obligation, last the index of them all.

    The index lists file, transition, property and SHA-256 of each script, so that two exports compare at a glance.
    """
    listed = []
    for obligation, text in (pair for group in groups for pair in scripts(group)):
        transition, prop = obligation.name.split(":")
        file = f"{transition}.{prop}.smt2"
        digest = hashlib.sha256(text.encode()).hexdigest()
        listed.append({"file": file, "transition": transition, "property": prop, "sha256": digest})
        yield file, text
    index = {"machine": machine, "expected": EXPECTED, "obligations": listed}
    yield INDEX, json.dumps(index, indent=2) + "\n"
