"""A badly written specification is refused in one line that names the definition and the mend."""

import sys
from itertools import count

import pytest

from stratus_spec import MachineError, SpecViolation
from stratus_spec.checks import check_property
from stratus_spec.loading import BUILT_IN, load

GOOD = """
import z3
from stratus_spec import Machine, Property, Specification, Transition, Variable
from stratus_spec.sorts import BOOL, INT

n, done = Variable("n", INT, "machine", "tries so far"), Variable("done", BOOL, "machine", "given up")
LIMIT = z3.Int("LIMIT")
step = z3.Int("step")
TRY = Transition("retry", "agent", "Try again.", (), {"left": n.term < LIMIT}, {"n": n.term + 1})
STOP = Transition("stop", "agent", "Give up.", (), {"spent": n.term >= LIMIT}, {"done": z3.BoolVal(True)})
MACHINE = Machine("retries", (n, done), (LIMIT,), (), (), {"n": z3.IntVal(0)}, (TRY, STOP))
BOUND = Property("counts", "invariant", "Tries are counted.", n.term >= 0, n.term == 2, ("retry", "retry"))
SPECIFICATION = Specification(MACHINE, (BOUND,))
"""
MISTAKES = {
    "free variable": (
        "n.term < LIMIT",
        "n.term < z3.Int('LIMT')",
        "retry.left: free variable 'LIMT' (did you mean 'LIMIT'?)",
    ),
    "primed in a guard": ("n.term < LIMIT", "n.primed < LIMIT", 'retry.left: free variable "n\'"'),
    "free in a property": (
        "n.term >= 0",
        "n.term >= step",
        "property counts: free variable 'step': declare it in its `over`",
    ),
    "undeclared function": (
        "n.term < LIMIT",
        "z3.Function('ok', INT, BOOL)(n.term)",
        "retry.left: undeclared function 'ok'",
    ),
    "sort of an update": (
        '{"n": n.term + 1}',
        '{"n": done.term}',
        "retry: update of 'n' has sort Bool: it must be Int",
    ),
    "sort of a guard": ("n.term >= LIMIT", "n.term + 1", "stop.spent has sort Int: it must be Bool"),
    "no term at all": ("n.term >= LIMIT", "True", "stop.spent is True, a Python bool: write a Z3 term"),
    "sorts of an operator": ("n.term < LIMIT", "z3.And(n.term, LIMIT)", "cannot be imported: "),
    "sort of an initial value": ('{"n": z3.IntVal(0)}', '{"n": done.term}', "retries: init of 'n' has sort Bool"),
    "unframed update": ('{"n": n.term + 1}', '{"m": n.term + 1}', "retry: update of 'm': no variable has that name"),
    "unknown step in a path": (
        '("retry", "retry")',
        '("retry", "retri")',
        "takes 'retri', no transition (did you mean 'retry'?)",
    ),
    "nothing selected": ('("retry", "retry"))', '("retry",), where=lambda t: False)', "`where` selects no transition"),
    "declared twice": ("(n, done)", "(n, done, n)", "'n' is declared twice"),
    "hidden": ('(), {"left"', '(n.term,), {"left"', "parameter 'n' hides a variable"),
    "not executable": ("n.term < LIMIT", "n.term / 2 < LIMIT", "without division"),
    "syntax": ("LIMIT = ", "LIMIT = = ", "SyntaxError"),
    "missing package": ("import z3", "import z3, nosuchpackage", "imports 'nosuchpackage', which is not installed"),
    "another object": ("Specification(MACHINE, (BOUND,))", "MACHINE", "is a Machine: make it Specification("),
}
NUMBERS = count()


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Writes a module that can be imported from the working folder, and returns its name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))

    def write(text):
        name = f"written{next(NUMBERS)}"
        (tmp_path / f"{name}.py").write_text(text)
        return name

    return write


def test_a_good_one_is_loaded(module):
    specification = load(f"{module(GOOD)}:SPECIFICATION")
    assert specification.machine.name == "retries" and list(specification.prop) == ["counts"]


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_named(module, mistake):
    old, new, message = MISTAKES[mistake]
    assert old in GOOD
    with pytest.raises(MachineError) as raised:
        load(f"{module(GOOD.replace(old, new))}:SPECIFICATION")
    assert message in str(raised.value) and "\n" not in str(raised.value)


def test_a_quantified_name_is_no_parameters(module):
    text = GOOD.replace('"Try again.", ()', '"Try again.", (step,)').replace('"retry"))', '"retry"), over=(step,))')
    with pytest.raises(MachineError, match="'step' of its `over` is a parameter of retry too: rename one"):
        load(f"{module(text)}:SPECIFICATION")


def test_the_users_own_line_is_named(module):
    name = module(GOOD.replace("n.term < LIMIT", "z3.And(n.term, LIMIT)"))
    with pytest.raises(MachineError, match=rf"{name}\.py:9: `TRY ="):
        load(f"{name}:SPECIFICATION")


@pytest.mark.parametrize("address", ["retries", ":SPECIFICATION", "retries:", ""])
def test_addresses_have_two_parts(address):
    with pytest.raises(MachineError, match="write MODULE:ATTRIBUTE"):
        load(address)


def test_missing_modules_and_attributes_are_named(module):
    with pytest.raises(MachineError, match="no module 'nosuchmodule'"):
        load("nosuchmodule:SPECIFICATION")
    with pytest.raises(MachineError, match="has no 'SPEC': assign a Specification"):
        load(f"{module(GOOD)}:SPEC")


def test_ours_is_well_written():
    specification = load(BUILT_IN)
    for prop in specification.properties:
        check_property(specification.subject(prop.setting), prop)


def test_a_violation_needs_no_phase():
    assert "in phase" not in str(SpecViolation("retry", ("left",), {}, None))
    assert "in phase undo" in str(SpecViolation("retry", ("left",), {}, "undo"))
