"""Whatever is written and whatever fails, in worlds of all sorts: every promise holds after every single event."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.invariants.grounds import batch, runs, sets, volumes
from tests.invariants.grounds.ground import Ground
from tests.invariants.steps import Step
from tests.invariants.tales import GROUNDS, Tale, follow, tales

TALES = st.one_of([tales(ground, 6) for ground in GROUNDS.values()])
FOUND = [
    # a volume that was deleted while it was bound goes with its claim
    Tale("volumes", volumes.Plan((), (0,), ()), [Step("kill", 0, 1), Step("drop", 0), Step("drop", 1)]),
    # who came to its node first has the disk, whoever is older
    Tale("volumes", volumes.Plan((), (74, 147), (98, 33, 177)), [Step("kill", 0, 10)]),
    # nobody gets a volume that is on its way out
    Tale("volumes", volumes.Plan((3,), (), ()), [Step("hold", 0), Step("drop", 0), Step("claim", 0, 3)]),
    # of a pod that a finalizer holds nothing runs any more
    Tale("volumes", volumes.Plan((), (123,), (123,)), [Step("hold", 2, 10), Step("kill", 0, 45)]),
    Tale("volumes", volumes.Plan((), (123,), (123,)), [Step("hold", 2, 10), Step("force", 0, 45)]),
    # a pod whose sidecar starts anew is Running all the while
    Tale("runs", runs.Plan((216,)), [Step("crash"), Step("restore", 0, 3)]),
    # a Service takes over the slice that one of its name has left
    Tale("runs", runs.Plan((0,)), [Step("relabel", 32), Step("drop", 58), Step("serve", 1), Step("drop", 12)]),
    # a node that joins anew goes on with the pods it has
    Tale("runs", runs.Plan((3,)), [Step("swap node", 0, 45), Step("swap node", 1, 120)]),
    # a DaemonSet that takes pods over counts all nodes before it rolls out
    Tale("sets", sets.Plan(2, (), (sets.Daemon(),)), [Step("roll"), Step("leave", 1)]),
    # who waits for what it owns, and is then to leave that to itself, waits no longer
    Tale(
        "sets", sets.Plan(1, (sets.Stateful(0), sets.Stateful(1)), ()),
        [Step("drop", 0), Step("drop", 18), Step("leave", 0)],
    ),
    # who has ended needs no kubelet to go
    Tale("batch", batch.Plan((batch.Run(4, 2, 2, ttl_s=20),), ()), [Step("wait", 0, 10), Step("crash", 0, 45)]),
]  # fmt: skip
"""What these worlds found, as small as it became."""


@pytest.mark.parametrize("tale", FOUND, ids=lambda tale: f"{tale.ground}: {tale.steps[0].verb}")
def test_what_was_found_stays_mended(tale: Tale) -> None:
    follow(tale)


@settings(max_examples=200, deadline=None)
@given(TALES)
def test_every_promise_is_kept(tale: Tale) -> None:
    follow(tale)


@pytest.mark.slow
@pytest.mark.parametrize("ground", GROUNDS.values(), ids=GROUNDS.keys())
def test_every_promise_is_kept_many_times(ground: Ground) -> None:
    @settings(max_examples=500, deadline=None)
    @given(tales(ground, 10))
    def many(tale: Tale) -> None:
        follow(tale)

    many()
