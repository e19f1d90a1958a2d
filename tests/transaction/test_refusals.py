"""What is forbidden does not run: irreversible, too much, too late, or tried before."""

from __future__ import annotations

import msgspec
import pytest

from stratus_sim.adapters.simulated import SimulatedCluster
from stratus_sim.cluster.actions import Action, InvalidAction
from stratus_sim.transaction.cluster import Grant
from stratus_sim.transaction.driver import (
    validate_trace,
)
from stratus_sim.transaction.outcome import Verdict
from stratus_spec import SpecViolation
from tests.transaction import small

BARE_POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "x"},
    "spec": {"containers": [{"name": "x", "image": "x:1"}]},
}


FORBIDDEN = {
    "irreversible": (Action("delete", "namespace/shop"), "cannot be taken back"),
    "unknown verb": (Action("obliterate", "deployment/web", {}, small.NAMESPACE), "verb 'obliterate'"),
    "unlisted": (Action("patch", "namespace/shop", {"patch": {"spec": {"x": 1}}}), "cannot be taken back"),
    "missing": (Action("scale", "deployment/nope", {"replicas": 1}, small.NAMESPACE), "not found"),
    "kind in disguise": (
        Action("delete", "namespace/shop", {"manifest": {"kind": "ConfigMap", "metadata": {"name": "shop"}}}),
        "cannot be taken back",
    ),
    "a field nobody sets back": (
        Action("patch", "deployment/web", {"patch": {"metadata": {"finalizers": ["x"]}}}, small.NAMESPACE),
        "metadata.finalizers",
    ),
    "hidden kind": (
        Action("apply", "configmap/x", {"manifest": BARE_POD}),
        "cannot be taken back",
    ),
}


@pytest.mark.parametrize(("action", "reason"), FORBIDDEN.values(), ids=FORBIDDEN)
def test_what_is_forbidden_is_refused_and_does_not_run(action: Action, reason: str) -> None:
    cluster = small.simulated()
    before, number = small.everything(cluster.world), cluster.last_change()
    manager = small.begun(cluster)
    outcome = manager.act(action)
    assert not outcome.performed and reason in outcome.reason
    assert small.everything(cluster.world) == before and cluster.last_change() == number
    assert manager.act(small.scale(3)).performed
    validate_trace(manager.trace)


def test_a_pod_is_deleted_only_while_it_can_be_replaced() -> None:
    cluster = small.simulated()
    manager = small.begun(cluster)
    first, second = (f"pod/{pod.key.name}" for pod in cluster.world.store.list("Pod"))
    assert manager.act(small.delete(first)).performed
    assert "cannot be taken back" in manager.act(small.delete(second)).reason


def test_the_number_of_actions_is_bounded() -> None:
    manager = small.begun(small.simulated())
    outcomes = [manager.act(small.scale(n)).performed for n in (3, 4, 5, 6)]
    assert outcomes == [True] * 4
    assert "4 actions" in manager.act(small.scale(7)).reason


def test_the_number_of_fields_an_action_writes_is_bounded() -> None:
    manager = small.begun(small.simulated(), limits=msgspec.structs.replace(small.LIMITS, writes=5))
    one = len(manager.undo_entries(small.create_settings("probe", a="1")).writes)
    two, three = ({f"k{i}": "x" for i in range(5 - one + 1 + extra)} for extra in (0, 1))
    assert manager.act(small.create_settings("two", **two)).performed
    refused = manager.act(small.create_settings("three", **three))
    assert not refused.performed and "writes 6 fields, 5 at most" in refused.reason


def test_after_the_window_nothing_runs_and_nothing_commits() -> None:
    cluster = small.simulated()
    before = small.everything(cluster.world)
    manager = small.begun(cluster)
    assert manager.act(small.scale(3)).performed
    cluster.wait(small.LIMITS.window_us + 1)
    assert "window" in manager.act(small.scale(4)).reason
    decision = manager.submit()
    assert decision.verdict is Verdict.ABORTED and "window" in decision.reason
    assert small.everything(cluster.world) == before


class RefusedLate(SimulatedCluster):
    """An API server whose admission refuses what its dry-run accepted."""

    def perform(self, action: Action, grant: Grant) -> None:
        raise InvalidAction("quota exceeded")


def test_an_action_refused_by_the_cluster_leaves_the_transaction_usable() -> None:
    cluster = RefusedLate(small.world())
    before = small.everything(cluster.world)
    manager = small.begun(cluster)
    assert manager.act(small.scale(3)) == (False, "quota exceeded")
    assert manager.submit().verdict is Verdict.COMMITTED
    assert small.everything(cluster.world) == before
    validate_trace(manager.trace)


class Backwards(SimulatedCluster):
    """A clock that has been set back."""

    back_us = 0

    @property
    def now_us(self) -> int:
        return super().now_us - self.back_us


def test_a_step_that_is_none_is_no_refused_action() -> None:
    cluster = Backwards(small.world())
    manager = small.begun(cluster)
    cluster.back_us = 1
    with pytest.raises(SpecViolation, match="tick"):
        manager.act(small.scale(3))


def test_the_order_of_arguments_makes_no_new_action() -> None:
    manager = small.begun(small.simulated())
    data = {"greeting": "bye", "more": "1"}
    again = dict(reversed(data.items()))
    first, second = (Action("patch", "configmap/web", {"patch": {"data": d}}, small.NAMESPACE) for d in (data, again))
    assert manager.act(first) == (True, "")
    manager.abandon("enough")
    manager.again()
    manager.begin()
    assert "undone before in this situation" in manager.act(second).reason


def test_what_was_undone_is_not_done_again_in_the_same_situation() -> None:
    manager = small.begun(small.simulated())
    assert manager.act(small.scale(5)) == (True, "")
    manager.abandon("enough")
    manager.again()
    manager.begin()
    refused, why = manager.act(small.scale(5))
    assert not refused and "undone before in this situation" in why
    assert manager.act(small.scale(4)) == (True, "")
    assert manager.act(small.scale(5)) == (True, "")


def test_what_was_undone_may_be_done_again_when_somebody_else_has_written() -> None:
    cluster = small.simulated()
    manager = small.begun(cluster)
    manager.act(small.scale(5))
    manager.abandon("enough")
    manager.again()
    small.human(cluster.world, small.SETTINGS, data={"greeting": "moin"})
    manager.ledger.sync()
    manager.begin()
    assert manager.act(small.scale(5)) == (True, "")
