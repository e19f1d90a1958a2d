"""`stratus prove --spec` on specifications that are well written and wrong."""

import json

import pytest
import z3
from typer.testing import CliRunner

from stratus_proofs.firing import dead
from stratus_sim.cli.app import app
from stratus_sim.errors import UserError
from stratus_spec import Machine, Property, Specification, Transition, Variable
from stratus_spec.sorts import BOOL, INT

HERE = "tests.proofs.test_user_specification"
n, done = Variable("n", INT, "machine", "tries so far"), Variable("done", BOOL, "machine", "given up")
LIMIT = z3.Int("LIMIT")
TRY = Transition(
    "retry", "agent", "Try again.", (), {"left": n.term < LIMIT, "on": z3.Not(done.term)}, {"n": n.term + 1}
)
STOP = Transition("stop", "agent", "Give up.", (), {"spent": n.term >= LIMIT}, {"done": z3.BoolVal(True)})
BACK = Transition("back", "agent", "Undo a try.", (), {"below": n.term < 0, "given_up": done.term}, {"n": n.term - 1})
START = {"n": z3.IntVal(0), "done": z3.BoolVal(False)}


def specification(*transitions, term=n.term >= 0, constants=(LIMIT,)):
    machine = Machine("retries", (n, done), constants, (), (), START, transitions)
    return Specification(machine, (Property("counts", "invariant", "Tries.", term, n.term == 2, ("retry", "retry")),))


PROVED = specification(TRY, STOP)
WEAK = specification(TRY, STOP, term=z3.Implies(done.term, n.term == LIMIT))
DEAD = specification(TRY, STOP, BACK)
CONTRADICTORY = specification(
    TRY, Transition("both", "agent", "Never.", (), {"on": n.term < 1, "off": n.term > 3, "idle": done.term}, {})
)


def invoke(name, *options):
    return CliRunner().invoke(app, ["prove", "--spec", f"{HERE}:{name}", *options])


def test_a_proof_exits_with_0():
    result = invoke("PROVED", "--format", "json")
    assert result.exit_code == 0 and json.loads(result.stdout)["machine"] == "retries"


def test_a_weak_invariant_exits_with_1_and_says_how_to_strengthen_it():
    result = invoke("WEAK")
    assert result.exit_code == 1
    assert "refuted: stop:counts" in result.stdout and "change  done: false → true" in result.stdout
    assert "strengthen the property or add an invariant" in result.stdout and "--infer counts" in result.stdout


def test_a_transition_that_cannot_happen_is_a_mistake():
    result = invoke("DEAD")
    assert isinstance(result.exception, UserError)
    assert "back can never happen: back.below and the invariants counts contradict" in str(result.exception)


def test_only_the_guards_in_conflict_are_named():
    [found] = dead(CONTRADICTORY)
    assert (found.transition, found.guards, found.invariants) == ("both", ("on", "off"), ())


@pytest.mark.parametrize("name", ["NOTHING", "HERE"])
def test_what_is_no_specification_is_refused(name):
    assert isinstance(invoke(name).exception, UserError)
