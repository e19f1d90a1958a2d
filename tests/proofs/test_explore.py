"""Finite instances: the explorer, Z3 and TLC count the same states, and broken properties are found."""

from __future__ import annotations

from dataclasses import replace

import pytest
import z3

from benchmarks.lock_transaction.machine import instance as lock_transaction
from stratus_proofs.explicit import tlc
from stratus_proofs.explicit.explore import as_json, explore, trace_lines
from stratus_proofs.explicit.instance import Instance
from stratus_proofs.explicit.instances import INSTANCES
from stratus_proofs.explicit.layers import layers
from stratus_proofs.export import module
from stratus_spec import Axiom, Machine, MachineError, Property, Transition, Variable

COUNTS = {
    "granted": (178, 675),
    "taken_over": (944, 3_676),
    "moving": (1_736, 9_822),
    "moving_taken_over": (9_325, 52_239),
}
"""States and steps. A change of the machine changes them: check that it should, then write the new ones down."""
SMALL = ("granted", "taken_over")
MISSING = tlc.missing()

x, by = z3.Ints("x by")
LINE = z3.ArraySort(z3.IntSort(), z3.BoolSort())
seen = z3.Const("seen", LINE)


def claim(name, kind, term, **more):
    return Property(name, kind, f"{name}.", term, z3.BoolVal(True), ("add",), **more)


def counter(*properties, **changes):
    """A counter from 0 or 1 that may grow by 1 or 2 up to 9 and marks where it was."""
    machine = Machine(
        "counter",
        (Variable("x", x.sort(), "machine", "the count"), Variable("seen", LINE, "machine", "where it was")),
        (),
        (),
        (),
        {"seen": z3.K(z3.IntSort(), z3.BoolVal(False))},
        (
            Transition(
                "add", "machine", "Count.", (by,), {"some": by > 0}, {"x": x + by, "seen": z3.Store(seen, x, True)}
            ),
            Transition("stop", "machine", "Back to nought.", (), {"far": x > 8}, {"x": z3.IntVal(0)}),
        ),
    )
    made = Instance(
        "counter", machine, properties, {}, {}, {}, ranges={"x": range(10), "by": range(3)}, indexes=range(10)
    )
    return replace(made, **changes)


@pytest.mark.parametrize("name", [*SMALL, "moving"])
def test_the_number_of_states_is_pinned(name):
    found = explore(INSTANCES[name])
    assert (found.states, found.steps) == COUNTS[name]
    assert found.ok and set(found.taken) == set(INSTANCES[name].machine.transition)


@pytest.mark.slow
def test_the_number_of_states_is_pinned_of_all():
    assert {
        name: (found.states, found.steps) for name, found in ((n, explore(i)) for n, i in INSTANCES.items())
    } == COUNTS


def test_z3_counts_the_same_states_at_every_depth():
    assert layers(INSTANCES["granted"], bound=8) == explore(INSTANCES["granted"]).layers[:9]
    assert layers(lock_transaction(2, 2)) == explore(lock_transaction(2, 2)).layers


@pytest.mark.slow
@pytest.mark.parametrize("name", ["granted", "taken_over", "moving"])
def test_z3_counts_the_same_states_at_every_depth_of_larger_ones(name):
    assert layers(INSTANCES[name]) == explore(INSTANCES[name]).layers


def test_layers_stop_at_a_bound():
    assert layers(counter(), bound=2) == explore(counter()).layers[:3]


@pytest.mark.slow
@pytest.mark.skipif(bool(MISSING), reason=MISSING or "-")
@pytest.mark.parametrize("name", INSTANCES)
def test_tlc_counts_the_same_states_and_steps(name):
    checked = tlc.check(module(INSTANCES[name]))
    initial = len(list(INSTANCES[name].initial_states()))
    assert (checked.error, checked.distinct, checked.generated - initial) == ("", *COUNTS[name])


@pytest.mark.slow
@pytest.mark.skipif(bool(MISSING), reason=MISSING or "-")
def test_tlc_finds_what_is_broken():
    def said(kind, term):
        return tlc.check(module(counter(claim("five", kind, term, where=lambda t: t.name == "add")))).error

    assert said("invariant", x != 5) == "Invariant Holds_five is violated."
    assert said("step", x + by != 5).endswith('Assert evaluated to FALSE; the second argument was: "five"')
    assert (said("invariant", x < 10), said("step", x + by < 10)) == ("", "")


def test_counting_is_exact():
    # The marks tell the ways to climb x stairs, one or two at a time: 1, 1, 2, 3, 5, 8, 13, 21 for x up to 7.
    short = counter(ranges={"x": range(8), "by": range(3)})
    found = explore(short)
    assert found.states == 1 + 1 + 2 + 3 + 5 + 8 + 13 + 21 and found.layers == layers(short)
    assert found.cut == {"add": 13 + 2 * 21} and found.taken == {"add": found.states - 1, "stop": 0}


def test_a_broken_invariant_has_a_shortest_run():
    found = explore(counter(claim("below", "invariant", x < 5)))
    assert found.broken.prop == "below" and not found.ok and not found.complete
    assert [step.params["by"] for step in found.broken.steps].count(2) == 2 and len(found.broken.steps) == 3
    assert found.broken.initial["x"] == 0 and found.broken.steps[-1].state["x"] >= 5
    assert trace_lines(found.broken)[0] == "BROKEN: below after 3 steps"
    assert as_json(found)["broken"] == trace_lines(found.broken)


def test_a_broken_step_property_ends_in_that_step():
    machine = counter().machine
    small = claim("small", "step", machine.variable["x"].primed <= x + 1, where=lambda t: t.name == "add")
    found = explore(counter(small))
    assert [step.transition for step in found.broken.steps] == ["add"] and found.broken.steps[0].params == {"by": 2}


def test_a_property_fails_for_named_values():
    at = z3.Int("by")
    found = explore(counter(claim("unseen", "invariant", z3.Not(seen[at]), over=(at,))))
    assert found.broken.bindings == {"by": 0} and len(found.broken.steps) == 1


def test_a_dropped_guard_is_found_in_the_fewest_steps():
    whole = lock_transaction(3, 2)
    assert explore(whole).ok and explore(whole).states == 8 * (1 + 3 + 9) * 2 + 2 * 8
    found = explore(replace(whole, machine=whole.machine.without_guard("commit.no_regression")))
    assert found.broken.prop == "no_regression"
    assert [step.transition for step in found.broken.steps] == ["acquire", "begin", "flip", "commit"]


def test_an_unfinished_search_says_so():
    found = explore(counter(), limit=5)
    assert (
        not found.complete and not found.ok and found.broken is None and 5 <= found.states < explore(counter()).states
    )


def test_writing_outside_the_indexes_is_refused():
    with pytest.raises(MachineError, match=r"seen is written outside indexes range\(0, 3\); widen them"):
        explore(counter(indexes=range(3)))


def test_tables_that_break_an_axiom_are_refused():
    whole = lock_transaction(2, 1)
    with pytest.raises(ValueError, match="breaks the axiom severity is reflexive"):
        explore(replace(whole, functions={**whole.functions, "leq": lambda s, t: s < t}))


def test_sorts_without_members_are_named():
    with pytest.raises(MachineError, match="members of Field are not given"):
        explore(
            replace(lock_transaction(2, 1), members={"Agent": ("nobody", "writer"), "Severity": ("00", "01", "02")})
        )


def test_axioms_without_values_are_checked_too():
    whole = counter()
    machine = replace(whole.machine, axioms=(Axiom("never", z3.BoolVal(False)),))
    with pytest.raises(ValueError, match="never"):
        explore(replace(whole, machine=machine))
