"""The run-time reading: episodes step by step, refusals with reasons, and a step's cost."""

import pickle
import timeit
from dataclasses import replace

import pytest
import z3

from stratus_spec import (
    MACHINE,
    Interpreter,
    MachineError,
    Phase,
    SpecViolation,
    TotalMap,
    UnsupportedTermError,
)

ROLES = {None: "bystander", "det": "detector", "dia": "diagnoser", "mit": "mitigator", "und": "undoer"}
FUNCTIONS = {
    "mu": lambda c, e: c["replicas"] != 3,
    "leq": lambda s, t: s <= t,
    "healthy": lambda c, e: c["replicas"] == 3,
    "role_of": ROLES.__getitem__,
    "reversibility": lambda x: x,
    "permitted": lambda x, c, e: e == "roomy",
    "opening": lambda c, e: (c["replicas"], e),
    "then": lambda t, x: (*t, x),
}
CONSTANTS = {"K": 2, "max_steps": 9, "window_us": 100, "max_attempts": 1, "nobody": None}
SNAPSHOT = {"replicas": 0}
M, U = {"a": "mit", "tok": 1}, {"a": "und", "tok": 2}

BEGIN = [("start", {}), ("localise", {"a": "det"}), ("acquire", {"a": "mit"}), ("begin", M)]
ACT = [*BEGIN, ("act", {**M, "x": "reversible"}), ("journal", {**M, "f": "replicas"})]


@pytest.fixture
def machine():
    return Interpreter(MACHINE, FUNCTIONS, CONSTANTS)


@pytest.fixture
def start(machine):
    return machine.initial(c=TotalMap.over(SNAPSHOT.get), e="roomy", now=7)


def run(machine, state, steps):
    for name, params in steps:
        state = machine.step(state, name, **params)
    return state


def send(value):
    return ("send", {**M, "f": "replicas", "v": value})


def write(value, request=0):
    return [send(value), ("land", {"i": request})]


def test_a_good_repair_commits(machine, start):
    steps = [*ACT, *write(3), ("complete", M), ("submit", M), ("approve", {}), ("commit", M), ("resolve", {})]
    end = run(machine, start, steps)
    assert (end["phase"], end["holder"], end["open"], end["c"]["replicas"]) == ("resolved", None, False, 3)
    assert end["sigma"] == end["c"] and end["depth"] == 0 and end["untouched"]["replicas"] == 0


def test_a_bad_repair_is_refused_and_undone(machine):
    start = machine.initial(c=TotalMap.over({"replicas": 3}.get), e="roomy")
    state = run(machine, start, [*ACT, *write(0), ("complete", M), ("submit", M)])
    with pytest.raises(SpecViolation, match=r"approve\.no_regression") as caught:
        machine.step(state, "approve")
    assert caught.value.failing == ("no_regression",) and caught.value.transition == "approve"
    state = run(machine, state, [("reject", {}), ("take_over", {"a": "und"})])
    state = run(machine, state, [("restore", U), ("pop", U), ("abort", U)])
    assert state["c"] == start["c"] and state["phase"] is Phase.RETRY


def test_undo_leaves_a_foreign_write_alone(machine, start):
    state = run(machine, start, [*ACT, *write(5), ("foreign", {"f": "replicas", "v": 5})])
    state = run(machine, state, [("expire", {}), ("take_over", {"a": "und"})])
    assert machine.failing_guards(state, "restore", **U) == ("owned",)
    state = run(machine, state, [("skip", U), ("abort", U)])
    assert state["c"]["replicas"] == 5
    assert machine.failing_guards(state, "again") == ("no_conflict",)


def test_undo_runs_backwards(machine, start):
    steps = [
        *ACT,
        *write(1),
        ("journal", {**M, "f": "replicas"}),
        *write(2, request=1),
        ("reject", {}),
        ("take_over", {"a": "und"}),
    ]
    state = run(machine, start, steps)
    seen = []
    while state["depth"]:
        state = run(machine, state, [("restore", U), ("pop", U)])
        seen.append(state["c"]["replicas"])
    assert seen == [1, 0]


def test_a_stale_holder_is_fenced(machine, start):
    state = run(machine, start, ACT)
    stale = {**M, "tok": 0, "f": "replicas", "v": 9}
    assert machine.failing_guards(state, "send", **stale) == ("fenced",)
    state = run(machine, state, [("reject", {}), ("take_over", {"a": "und"})])
    assert machine.failing_guards(state, "send", **{**stale, "tok": 1}) == ("running", "holder", "fenced")


def test_a_request_under_way_is_fenced_once_another_holds_the_lock(machine, start):
    state = run(machine, start, [*ACT, send(9), ("crash", {})])
    assert machine.enabled(state, "land", i=0)
    state = machine.step(state, "take_over", a="und")
    assert machine.failing_guards(state, "land", i=0) == ("fenced",)
    state = run(machine, state, [("pop", U), ("abort", U)])
    assert state["c"] == start["c"]


def test_a_request_lands_once(machine, start):
    state = run(machine, start, [*ACT, *write(9)])
    assert machine.failing_guards(state, "land", i=0) == ("unchanged",)


def test_a_request_whose_field_was_written_is_refused_and_answered(machine, start):
    state = run(machine, start, [*ACT, send(9), ("foreign", {"f": "replicas", "v": 0})])
    assert machine.failing_guards(state, "land", i=0) == ("unchanged",)
    assert machine.failing_guards(state, "complete", **M) == ("answered",)
    assert machine.enabled(machine.step(state, "refuse"), "complete", **M)


def test_an_aborted_attempt_is_not_repeated(machine, start):
    end = [("complete", M), ("reject", {}), ("take_over", {"a": "und"}), ("pop", U), ("abort", U), ("again", {})]
    state = run(machine, start, [*ACT, *end])
    again = {"a": "mit", "tok": 3}
    state = run(machine, state, [("acquire", {"a": "mit"}), ("begin", again)])
    assert machine.failing_guards(state, "act", **again, x="reversible") == ("untried",)
    assert machine.enabled(state, "act", **again, x="compensable")


def test_irreversible_and_unpermitted_actions_are_refused(machine, start):
    state = run(machine, start, BEGIN)
    assert machine.failing_guards(state, "act", **M, x="irreversible") == ("reversible",)
    assert machine.enabled(state, "act", **M, x="compensable")
    crowded = machine.step(state, "drift", e2="crowded")
    assert machine.failing_guards(crowded, "act", **M, x="compensable") == ("reversible",)


def test_actions_and_time_are_bounded(machine, start):
    state = run(machine, start, [*ACT, ("complete", M), ("act", {**M, "x": "reversible"}), ("complete", M)])
    assert machine.failing_guards(state, "act", **M, x="reversible") == ("count",)
    late = machine.step(run(machine, start, BEGIN), "tick", t=108)
    assert machine.failing_guards(late, "act", **M, x="reversible") == ("window",)


def test_the_message_names_guard_and_arguments(machine, start):
    with pytest.raises(SpecViolation) as caught:
        machine.step(start, "acquire", a="det")
    expected = "acquire(a='det') is not allowed in phase idle: guard acquire.phase, acquire.role does not hold"
    assert str(caught.value) == expected


def test_wrong_names_are_refused(machine, start):
    with pytest.raises(KeyError, match="lunge"):
        machine.step(start, "lunge")
    with pytest.raises(TypeError, match="tok"):
        machine.step(start, "begin", a="mit")
    with pytest.raises(ValueError, match="colour"):
        machine.initial(colour="red")


def test_missing_functions_and_bad_constants_are_refused():
    with pytest.raises(ValueError, match=r"missing \['mu'\]"):
        Interpreter(MACHINE, {key: f for key, f in FUNCTIONS.items() if key != "mu"}, CONSTANTS)
    with pytest.raises(ValueError, match="bounds are positive"):
        Interpreter(MACHINE, FUNCTIONS, {**CONSTANTS, "K": 0})
    with pytest.raises(ValueError, match="nobody has no role"):
        Interpreter(MACHINE, FUNCTIONS, {**CONSTANTS, "nobody": "mit"})


def test_states_are_immutable_values(machine, start):
    after = machine.step(start, "start")
    assert start["phase"] == "idle" and after.changes(start) == {"phase": (Phase.DETECTION, Phase.IDLE)}
    assert after == machine.step(start, "start") and hash(after) == hash(machine.step(start, "start"))
    with pytest.raises(TypeError):
        after["phase"] = Phase.UNDO
    plain = machine.initial(c=TotalMap.constant(0), e="roomy")
    assert pickle.loads(pickle.dumps(plain)) == plain


def test_a_step_costs_microseconds(machine, start):
    state = run(machine, start, ACT)
    name, params = send(4)
    best = min(timeit.repeat(lambda: machine.step(state, name, **params), number=500, repeat=5)) / 500
    assert best < 20e-6


def test_lazy_configurations_read_only_what_they_need(machine):
    asked = []

    def read(key):
        asked.append(key)
        return SNAPSHOT.get(key)

    start = machine.initial(c=TotalMap.over(read), e="roomy")
    assert asked == []
    run(machine, start, ACT)
    assert set(asked) == {"replicas"}


def test_malformed_machines_are_refused():
    begin = MACHINE.transition["begin"]
    for broken in (
        replace(begin, updates={"phases": begin.updates["phase"]}),
        replace(begin, updates={"n": z3.BoolVal(True)}),
        replace(begin, guards={"typo": z3.Int("dept") == 0}),
        replace(begin, params=(z3.Int("depth"),)),
        replace(begin, params=(z3.Int("class"),), guards={}),
        replace(begin, params=(z3.Int("_after"),), guards={}),
    ):
        with pytest.raises(MachineError):
            MACHINE.with_transition(broken)


def test_unexecutable_machines_are_refused_when_compiled():
    begin = MACHINE.transition["begin"]
    halved = MACHINE.with_transition(replace(begin, updates={"n": MACHINE.variable["n"].term / 2}))
    with pytest.raises(UnsupportedTermError, match="div"):
        Interpreter(halved, FUNCTIONS, CONSTANTS)
