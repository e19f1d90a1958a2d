"""The worlds of all other invariants: workloads that call each other, budgets, a Job, and every fault there is."""

from __future__ import annotations

from tests.invariants.grounds.ground import Ground, common
from tests.invariants.steps import VERBS
from tests.invariants.worlds import PLANS, world_of

MIXED = Ground("mixed", PLANS, world_of, common(*VERBS))
