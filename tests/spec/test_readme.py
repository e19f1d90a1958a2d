"""The normative text names exactly what the specification has."""

import re
from pathlib import Path

from stratus_spec import MACHINE, PROPERTIES

ROOT = Path(__file__).parents[2]


def test_the_table_of_properties_is_complete():
    text = (ROOT / "spec/README.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", text, re.MULTILINE)
    assert rows == [(p.name, p.statement) for p in PROPERTIES]


def test_every_transition_is_in_the_table_with_its_parameters():
    text = (ROOT / "spec/README.md").read_text()
    for transition in MACHINE.transitions:
        call = f"{transition.name}({', '.join(transition.param_names)})"
        assert f"`{call}`" in text or (not transition.params and f"`{transition.name}`" in text), call
