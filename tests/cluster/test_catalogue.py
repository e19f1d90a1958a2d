"""Every row of the catalogue is carried out in the simulator and undone: what the proofs speak of is what runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stratus_proofs.catalogue.question import VALUE, recorded, restored
from stratus_sim.adapters.simulated import SimulatedCluster
from stratus_sim.cluster.actions import Action
from stratus_sim.cluster.configuration import ABSENT, Field, flatten, is_configuration
from stratus_sim.transaction.limits import Limits
from stratus_sim.transaction.outcome import Outcome
from stratus_sim.world import World
from stratus_spec import Reversibility, to_python
from stratus_spec.catalogue import VERB, Row, Scope, rows
from tests.cluster import zoo
from tests.transaction import small

ROWS = [row for row in rows() if row.classification.reversibility is not Reversibility.IRREVERSIBLE]
LIMITS = Limits(actions=3)


def everything(world: World) -> dict[Field, Any]:
    found = [r for r in world.store.everything() if is_configuration(r)]
    return {Field(r.key, path): value for r in found for path, value in flatten(r.manifest).items()}


def compiled(term: Any) -> Any:
    source = to_python(term, {name: name for name in ("before", "after", "now")})
    return eval(f"lambda before, after, now: {source}")  # compiled from our own term


BEFORE, AFTER, NOW = (__import__("z3").Const(name, VALUE) for name in ("before", "after", "now"))
RECORDED, RESTORED = compiled(recorded(BEFORE, AFTER)), compiled(restored(BEFORE, AFTER, NOW))


def is_proved_undo(before: Mapping[Field, Any], during: Mapping[Field, Any], after: Mapping[Field, Any]) -> None:
    """The terms the proofs speak of, executed on every field of the cluster, give what the runtime has left."""
    for field in {**before, **during, **after}:
        was, became = before.get(field, ABSENT), during.get(field, ABSENT)
        assert after.get(field, ABSENT) == RESTORED(was, became, became), field


def tried(world: World, action: Action) -> Outcome:
    """Carry an action out, check that it wrote what its row allows, undo it, and compare field by field."""
    before = everything(world)
    manager = small.begun(SimulatedCluster(world), limits=LIMITS)
    outcome = manager.act(action)
    during = everything(world)
    if VERB[action.verb].scope is Scope.UPDATE:
        changed = [f.path for f in {**before, **during} if RECORDED(before.get(f, ABSENT), during.get(f, ABSENT), None)]
        assert all(map(VERB[action.verb].writes.covers, changed))
    manager.abandon("enough")
    after = everything(world)
    assert after == before
    is_proved_undo(before, during, after)
    return outcome


def rehearse(row: Row, examples: int) -> None:
    performed = []

    @settings(
        max_examples=examples, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    @given(st.data())
    def play(data: st.DataObject) -> None:
        world = zoo.world_for(row)
        action = data.draw(st.composite(lambda draw: zoo.actions(draw, row, world))())
        outcome = tried(world, action)
        if outcome.performed:
            performed.append(action)
        else:
            assert "cannot be taken back" in outcome.reason or "arguments do not fit" in outcome.reason, outcome.reason

    play()
    assert performed, f"{row.verb} {row.kind} was never carried out"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.verb}-{row.kind}")
def test_every_row_is_carried_out_and_undone(row: Row) -> None:
    rehearse(row, 4)


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.verb}-{row.kind}")
def test_every_row_is_carried_out_and_undone_many_times(row: Row) -> None:
    rehearse(row, 100)
