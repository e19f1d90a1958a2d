"""Obligations as SMT-LIB 2: the same bytes every time, and other solvers prove what they say."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import replace

import pytest
import z3

from benchmarks.lock_transaction.machine import SPECIFICATION as SMALL
from stratus_proofs.export import INDEX, files, opinion, scripts
from stratus_proofs.induction import groups
from stratus_spec import SPECIFICATION, MachineError, Property, Specification
from stratus_spec.sorts import ROLE
from tests.conftest import ROOT

PRINT = """
import hashlib
from benchmarks.lock_transaction.machine import SPECIFICATION
from stratus_proofs.export import files
from stratus_proofs.induction import groups
text = "".join(f"{name} {text}" for name, text in files("small", groups(SPECIFICATION)))
print(hashlib.sha256(text.encode()).hexdigest())
"""


def texts(specification):
    return {obligation.name: text for group in groups(specification) for obligation, text in scripts(group)}


def claiming(term, over=()):
    claim = Property("claim", "invariant", "A claim.", term, z3.BoolVal(True), ("acquire",), over)
    return Specification(SMALL.machine, (*SMALL.properties, claim))


def by_z3(text):
    solver = z3.Solver()
    solver.set("timeout", 5_000)
    solver.from_string(text)
    return solver.check()


def test_every_obligation_has_a_file_and_the_index_lists_them():
    written = dict(files("small", groups(SMALL)))
    index = json.loads(written.pop(INDEX))
    names = [obligation.name for group in groups(SMALL) for obligation in group.obligations]
    assert [f"{entry['transition']}:{entry['property']}" for entry in index["obligations"]] == names
    assert [entry["file"] for entry in index["obligations"]] == list(written)
    assert all(hashlib.sha256(written[e["file"]].encode()).hexdigest() == e["sha256"] for e in index["obligations"])
    assert index["expected"] == "unsat" and len(written) > 50


def test_the_header_names_what_is_claimed():
    head = texts(SMALL)["undo:faithful"].split("(set-logic")[0]
    for part in ("lock_transaction", "transition undo", "faithful: The first entry holds", "unsat"):
        assert part in head


def test_the_text_alone_is_proved_by_z3():
    assert {name for name, text in texts(SMALL).items() if by_z3(text) != z3.unsat} == set()


def test_the_bytes_do_not_depend_on_the_process():
    runs = [
        subprocess.run(
            [sys.executable, "-c", PRINT],
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    ours = "".join(f"{name} {text}" for name, text in files("small", groups(SMALL)))
    assert runs == [hashlib.sha256(ours.encode()).hexdigest() + "\n"] * 2


def test_a_false_claim_has_a_model_in_the_text_too():
    depth = SMALL.machine.variable["depth"].term
    found = texts(claiming(depth <= 1))
    assert by_z3(found["flip:claim"]) == z3.sat and by_z3(found["begin:claim"]) == z3.unsat


def test_constants_called_like_a_member_stay_apart():
    # `undoer` is a member of Role and the name of a constant here: in text the two must not be taken for one.
    undoer = z3.Const("undoer", ROLE)
    member = ROLE.constructor(3)()
    assert member.decl().name() == "undoer"
    found = texts(claiming(undoer == member, (undoer,)))
    assert by_z3(found["init:claim"]) == z3.sat


def test_a_function_called_like_a_member_is_refused():
    clash = z3.Function("undoer", z3.IntSort(), z3.BoolSort())
    term = z3.And(clash(1), z3.Const("role", ROLE) == ROLE.constructor(3)())
    with pytest.raises(MachineError, match="undoer"):
        texts(_unchecked(term))


def _unchecked(term):
    """A specification that speaks of a function its machine does not declare."""
    claim = replace(SMALL.properties[0], name="claim", term=term)
    return Specification(SMALL.machine, (*SMALL.properties, claim))


@pytest.fixture
def cvc5():
    return pytest.importorskip("cvc5", reason="cvc5 is not installed: pip install 'stratus-tnr[checkers]'")


def test_cvc5_proves_every_obligation_of_the_small_machine(cvc5):
    second = opinion.ask_cvc5(groups(SMALL))
    assert second.ok and second.unproved == () and second.answers.keys() == texts(SMALL).keys()
    assert second.solver.startswith("cvc5 ")


def test_cvc5_does_not_prove_what_is_false(cvc5):
    second = opinion.ask_cvc5(groups(SMALL.without_guard("commit.no_regression"), ("commit",)), timeout_ms=2_000)
    assert "commit:no_regression" in second.unproved and not second.ok
    assert "untouched" not in " ".join(second.unproved)


def test_no_obligations_are_no_proof(cvc5):
    assert not opinion.ask_cvc5(()).ok


@pytest.mark.slow
def test_cvc5_proves_every_obligation(cvc5):
    second = opinion.ask_cvc5(groups(SPECIFICATION))
    assert second.unproved == () and len(second.answers) > 1_000


@pytest.mark.slow
def test_the_whole_text_is_proved_by_z3():
    assert {name for name, text in texts(SPECIFICATION).items() if by_z3(text) != z3.unsat} == set()
