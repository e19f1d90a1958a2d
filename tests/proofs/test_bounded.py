"""Bounded model checking finds the shortest run, and the interpreter confirms it."""

from collections import deque
from dataclasses import replace

import pytest
import z3

from stratus_proofs.prover import prove
from stratus_proofs.reachable import bounded, necessity, story
from stratus_proofs.reachable.bounded import shortest
from stratus_proofs.reachable.decoding import ReadingsDisagree
from stratus_proofs.reachable.necessity import hurting, search
from stratus_proofs.reachable.relation import Relation
from stratus_proofs.scope import INDEXES
from stratus_proofs.weakening import ASSUMPTIONS, droppable, weakened
from stratus_spec import ANY, SPECIFICATION, Machine, Property, Transition, Variable

INT, BOOL = z3.IntSort(), z3.BoolSort()
x, armed, by = z3.Int("x"), z3.Bool("armed"), z3.Int("by")
COUNTER = Machine(
    name="counter",
    variables=(Variable("x", INT, "machine", "a count"), Variable("armed", BOOL, "machine", "may it jump")),
    constants=(),
    functions=(),
    axioms=(),
    init={"x": z3.IntVal(0), "armed": z3.BoolVal(False)},
    transitions=(
        Transition("add", "machine", "", (by,), {"small": z3.And(by >= 0, by <= 2)}, {"x": x + by}),
        Transition("arm", "machine", "", (), {"late": x >= 4}, {"armed": z3.BoolVal(True)}),
    ),
)


def claim(name, term):
    return Property(name, "invariant", "A claim.", term, z3.BoolVal(True), ("add",))


def lengths(found):
    return {name: len(trace.steps) for name, trace in found.items()}


def test_the_run_is_a_shortest_one():
    claims = (claim("low", x < 5), claim("disarmed", z3.Not(armed)), claim("start", x < 0), claim("true", x >= 0))
    found = shortest(COUNTER, claims, 6)
    assert lengths(found) == {"start": 0, "disarmed": 3, "low": 3}
    assert [step.transition for step in found["disarmed"].steps] == ["add", "add", "arm"]
    assert found["low"].states[-1]["x"] >= 5


def test_the_bound_is_a_bound():
    assert shortest(COUNTER, (claim("low", x < 5),), 2) == {}


def test_step_properties_speak_of_arguments():
    after = z3.Int("x'")
    slow = Property("slow", "step", "", after <= x + 1, z3.BoolVal(True), ("add",), where=lambda t: t.name == "add")
    trace = shortest(COUNTER, (slow,), 3)["slow"]
    assert trace.steps[-1].params == {"by": 2} and len(trace.steps) == 1


def breadth_first(interpreter, start, broken, moves, bound):
    """The length of a shortest run to a broken state by plain enumeration."""
    queue, known = deque([(start, 0)]), {start}
    while queue:
        state, depth = queue.popleft()
        if broken(state):
            return depth
        if depth < bound:
            for name, params in moves:
                if interpreter.enabled(state, name, **params):
                    after = interpreter.step(state, name, **params)
                    if after not in known:
                        known.add(after)
                        queue.append((after, depth + 1))
    return None


def test_enumeration_finds_no_shorter_run():
    subject = weakened(SPECIFICATION, "take_over.open").machine
    prop = SPECIFICATION.prop["undoer_undoes"]
    dropped = subject.without_guard("take_over.role")
    trace = shortest(dropped, (prop,), 6)["undoer_undoes"]
    agents = [step.params["a"] for step in trace.steps if "a" in step.params] + ["agent1", "agent4"]
    moves = [("start", {}), ("expire", {})]
    moves += [(name, {"a": a}) for name in ("localise", "acquire", "take_over") for a in dict.fromkeys(agents)]
    interpreter = trace.interpreter
    found = breadth_first(
        interpreter, trace.initial, lambda s: not interpreter.evaluate(prop.term, s), moves, len(trace.steps)
    )
    assert found == len(trace.steps)


SHORT = {
    "all_clear.healthy": {"resolved_is_healthy": 2},
    "localise.role": {"phase_roles": 2},
    "give_up.free": {"lock_in_phase": 4, "terminal_is_clean": 4},
}


@pytest.mark.parametrize("name", SHORT)
def test_dropped_guards_break_on_shortest_runs(name):
    subject = weakened(SPECIFICATION, name)
    failing = {r.prop for r in prove(without=(name,), transitions=(name.split(".")[0],)).failures}
    assert lengths(shortest(subject.machine, tuple(map(subject.prop.get, sorted(failing))), 6)) == SHORT[name]


def test_with_every_guard_no_short_run_breaks_anything():
    assert shortest(SPECIFICATION.machine, SPECIFICATION.claimed(ANY), 3) == {}


def test_without_write_ahead_an_abort_leaves_the_write():
    trace = hurting(weakened(SPECIFICATION, "write-ahead"), 10)
    assert trace.prop == "abort_tnr" and len(trace.steps) == 10
    taken = [step.transition for step in trace.steps]
    assert "send" in taken and "land" in taken and "journal" not in taken
    lines = story.lines(trace, SPECIFICATION.prop["abort_tnr"])
    assert lines[0].startswith("abort_tnr breaks in 10 steps") and lines[-2].strip() == "false c' == sigma"
    data = story.as_json(trace, SPECIFICATION.prop["abort_tnr"])
    assert [step["transition"] for step in data["steps"]] == taken and data["broken"]["values"]["sigma"]


def test_a_run_along_a_path_takes_its_steps_in_turn():
    claims = (claim("low", x < 5), claim("disarmed", z3.Not(armed)))
    found = bounded.along(COUNTER, claims, ("add", "add", "add", "arm"))
    assert list(found) == ["low", "disarmed"] or list(found) == ["disarmed", "low"]
    assert [step.transition for step in found["low"].steps] == ["add", "add", "add", "arm"]
    assert bounded.along(COUNTER, claims, ("arm",)) == {}


def test_what_no_run_reaches_is_said(monkeypatch):
    monkeypatch.setattr(necessity, "GUIDES", ())
    found = search(weakened(SPECIFICATION, "act.count"), {"bounded_actions"}, 2)
    assert found.unreached == ("bounded_actions",) and found.traces == {} and found.bound == 2


def test_every_assumption_names_guards_there_are():
    addresses = SPECIFICATION.machine.guard_addresses
    assert {guard for assumption in ASSUMPTIONS for guard in assumption.guards} <= set(addresses)
    assert {a.name for a in ASSUMPTIONS} <= set(droppable(SPECIFICATION))


def test_axioms_can_be_dropped():
    subject = weakened(SPECIFICATION, "severity is reflexive")
    assert "severity is reflexive" not in {axiom.name for axiom in subject.machine.axioms}
    with pytest.raises(KeyError, match="severity is funny"):
        weakened(SPECIFICATION, "severity is funny")


def test_readings_that_disagree_are_an_error(monkeypatch):
    monkeypatch.setattr(Relation, "_violated", lambda _self, _prop: z3.BoolVal(True))
    with pytest.raises(ReadingsDisagree, match="start"):
        shortest(replace(COUNTER), (claim("start", x >= 0),), 1)


slots = z3.Array("slots", INT, INT)
SHELF = Machine(
    name="shelf",
    variables=(Variable("x", INT, "machine", "a place"), Variable("slots", slots.sort(), "machine", "what is there")),
    constants=(),
    functions=(),
    axioms=(),
    init={"x": z3.IntVal(0), "slots": z3.K(INT, z3.IntVal(0))},
    transitions=(
        Transition("on", "machine", "", (), {"room": x < 9}, {"x": x + 1}),
        Transition("fill", "machine", "", (), {"early": x == 0}, {"slots": z3.Store(slots, INDEXES.stop - 1, 1)}),
    ),
)


def test_what_is_out_of_scope_is_neither_broken_nor_assumed():
    reads = claim("reads", z3.Or(x < INDEXES.stop, slots[x] == 0))
    taken = z3.Not(z3.And(x == 9, slots[INDEXES.stop - 1] == 1))
    assert lengths(shortest(SHELF, (reads, claim("taken", taken)), 10)) == {"taken": 10}


def test_a_journal_may_fall_below_nothing_and_is_read_there():
    subject = weakened(SPECIFICATION, "pop.owned")
    found = shortest(subject.machine, (subject.prop["rank_is_bounded"], subject.prop["progress"]), 7)
    assert lengths(found) == {"rank_is_bounded": 7, "progress": 7}
    assert all(trace.states[-1]["depth"] == -1 for trace in found.values())


def test_a_solver_that_gives_up_finds_no_run_missing():
    unrolling = bounded.Unrolling(SPECIFICATION.machine, SPECIFICATION.claimed(ANY))
    unrolling._solver.set(rlimit=1)
    with pytest.raises(bounded.Undecided, match="runs of 0 steps"):
        list(unrolling.broken(SPECIFICATION.claimed(ANY)))


DEEP = {"severity is transitive"}
"""What takes two committed transactions to break, 23 steps: beyond the bound, found along a given path."""


@pytest.mark.slow
@pytest.mark.parametrize("name", droppable(SPECIFICATION))
def test_whatever_is_dropped_breaks_on_a_reachable_run(name):
    report = prove(without=(name,))
    assert report.failures
    found = search(weakened(SPECIFICATION, name), {failure.prop for failure in report.failures})
    assert bool(found.traces) == (name not in DEEP) and (found.traces or found.guided)
