"""A run's records are a behaviour of the specification; others are none."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pytest

from stratus_sim.adapters.simulated import SimulatedCluster
from stratus_sim.cluster.actions import Action
from stratus_sim.cluster.configuration import Field, Value
from stratus_sim.telemetry.severity import Severity
from stratus_sim.transaction import records as r
from stratus_sim.transaction.cluster import Grant
from stratus_sim.transaction.driver import (
    Measurement,
    healthy,
    no_worse_or_same,
    severity_of,
    validate_trace,
)
from stratus_sim.transaction.journal import MemoryJournal
from stratus_sim.transaction.ledger import RefinementError
from stratus_sim.transaction.manager import TransactionManager
from stratus_spec import SpecViolation, TotalMap
from tests.transaction import small


def test_steps_out_of_order_are_violations() -> None:
    cluster = small.simulated()
    manager = TransactionManager(cluster, MemoryJournal(), small.LIMITS)
    with pytest.raises(SpecViolation, match="acquire"):
        manager.begin()
    with pytest.raises(SpecViolation, match="submit"):
        manager.submit()
    assert small.lock_is_free(cluster)


def test_a_cluster_that_writes_something_else_is_noticed() -> None:
    class Sloppy(SimulatedCluster):
        def perform(self, action: Action, grant: Grant) -> None:
            super().perform(small.scale(4), grant)

    manager = small.begun(Sloppy(small.world()))
    with pytest.raises(RefinementError, match="replicas"):
        manager.act(small.scale(3))


@pytest.mark.parametrize("records", ([], [r.Moved("start")]), ids=("nothing", "no header"))
def test_a_trace_begins_with_its_header(records: list[r.AnyRecord]) -> None:
    with pytest.raises(SpecViolation, match="header"):
        validate_trace(records)


def test_a_second_header_and_an_unknown_grant_are_no_steps() -> None:
    trace = small.begun(small.simulated()).trace
    validate_trace(trace[:1])
    for lie in ([*trace, trace[0]], [*trace, r.Granted("seize", "mitigator", 9)]):
        with pytest.raises(SpecViolation):
            validate_trace(lie)


def test_steps_nobody_knows_and_more_undone_than_was_done_are_none() -> None:
    manager = small.begun(small.simulated())
    manager.act(small.greet("bye"))
    manager.abandon("enough")
    trace = manager.trace
    (at,) = [n for n, record in enumerate(trace) if isinstance(record, r.Undone)]
    undone = trace[at]
    assert isinstance(undone, r.Undone) and undone.steps == ("pop",)
    for steps in (("fly",), ("pop", "pop"), ("pop", "skip"), ()):
        with pytest.raises(SpecViolation):
            validate_trace([*trace[:at], msgspec.structs.replace(undone, steps=steps), *trace[at + 1 :]])
    with pytest.raises(SpecViolation, match="fly"):
        validate_trace([*trace, r.Moved("fly", "mitigator", 1)])


def test_a_lying_trace_is_caught() -> None:
    manager = small.begun(small.simulated())
    manager.act(small.scale(3))
    manager.act(small.scale(4))
    manager.submit()
    trace = manager.trace
    validate_trace(trace)
    acted = [i for i, record in enumerate(trace) if isinstance(record, r.Acted)]
    lies = [trace[: acted[0]] + trace[acted[0] + 1 :], _other_before(trace, acted[1])]
    for lie in [*lies, _no_measurement(trace), _old_token(trace), _backdated(trace)]:
        with pytest.raises(SpecViolation):
            validate_trace(lie)


def _other_before(trace: list[r.AnyRecord], at: int) -> list[r.AnyRecord]:
    acted = trace[at]
    assert isinstance(acted, r.Acted)
    write = r.Write(acted.writes[0].field, 99, acted.writes[0].after)
    lie = r.Acted(acted.action, acted.permitted, (write,), acted.agent, acted.token)
    return [*trace[:at], lie, *trace[at + 1 :]]


def _old_token(trace: list[r.AnyRecord]) -> list[r.AnyRecord]:
    return [r.Granted(t.step, t.agent, 0) if isinstance(t, r.Granted) else t for t in trace]


def _backdated(trace: list[r.AnyRecord]) -> list[r.AnyRecord]:
    return [msgspec.structs.replace(t, now_us=0) if isinstance(t, r.Observed) else t for t in trace]


def _no_measurement(trace: list[r.AnyRecord]) -> list[r.AnyRecord]:
    return [record for record in trace if not isinstance(record, r.Observed)]


def test_an_undo_that_does_not_work_is_noticed() -> None:
    class Deaf(SimulatedCluster):
        def restore(self, values: Mapping[Field, Value], grant: Grant) -> None:
            super().restore({}, grant)

    manager = small.begun(Deaf(small.world()))
    manager.act(small.scale(3))
    with pytest.raises(RefinementError, match="replicas"):
        manager.abandon("enough")


def test_health_and_severity_are_known_only_of_what_was_measured() -> None:
    c, other = TotalMap.constant(1), TotalMap.constant(2)
    e = Measurement(Severity(5, 0, 0), Severity(9, 0, 0), True, c, TotalMap.constant(3))
    assert healthy(c, e) and not healthy(other, e)
    assert no_worse_or_same(severity_of(c, e), severity_of(e.shadow_configuration, e))
    assert not no_worse_or_same(severity_of(e.shadow_configuration, e), severity_of(c, e))
    assert not no_worse_or_same(severity_of(other, e), severity_of(e.shadow_configuration, e))
    assert not no_worse_or_same(severity_of(c, e), severity_of(other, e))
    assert no_worse_or_same(severity_of(other, e), severity_of(other, e))
