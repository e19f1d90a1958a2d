"""What breaks the promises of Jobs, sets and autoscalers."""

from __future__ import annotations

from msgspec.structs import replace

from stratus_sim.cluster.workloads import autoscaler, claims, cronjob, daemonset, scaling, statefulset
from stratus_sim.cluster.workloads.job import controller, counting, criteria, sizing, terms
from tests.invariants.grounds import autoscaled, batch, sets
from tests.invariants.promises import autoscaling
from tests.invariants.promises import batch as jobs
from tests.invariants.promises import sets as ordinals
from tests.invariants.steps import Step
from tests.invariants.tales import Tale
from tests.invariants.teeth.sabotage import (
    RUN,
    SLOW,
    Tooth,
    always,
    idle,
    nothing,
    on_batch,
    on_cron,
    on_daemons,
    on_load,
    on_sets,
    unordered,
)

TEETH = [
    Tooth(jobs.crowded_jobs, "pods at work", sizing, "_wanted", always(3), on_batch(RUN, Step("wait", 0, 3))),
    Tooth(
        jobs.crowded_jobs, "no more than 0", controller, "_suspend", nothing, on_batch(SLOW, Step("hold", 0, 3))
    ),
    Tooth(
        jobs.shared_indexes, "are worked on", sizing, "_indexes", lambda _w, _j, count: [0] * count,
        on_batch(RUN._replace(indexed=True), Step("wait", 0, 45)),
    ),
    Tooth(
        jobs.impatient_jobs, "have not ended", terms, "waits_for_end", always(False),
        on_batch(SLOW._replace(waits=True), Step("wait", 0, 10), Step("crash"), Step("kill", 0), Step("kill", 1, 45)),
    ),
    Tooth(
        jobs.undone_jobs, "counted", counting, "_succeeded",
        lambda job, _index: replace(job.status, succeeded=int(not job.status.succeeded)),
        on_batch(RUN, Step("wait", 0, 45)),
    ),
    Tooth(
        jobs.restless_jobs, "has come though", criteria, "outcome", nothing,
        on_batch(RUN._replace(command=2, failures=0), Step("wait", 0, 120)),
    ),
    Tooth(
        jobs.false_endings, "Complete with 0", criteria, "completed", always(criteria.Outcome("Complete", "", "")),
        on_batch(RUN, Step("wait", 0, 45)),
    ),
    Tooth(
        jobs.overdue_jobs, "for longer than 0 s", controller, "_await_removal", nothing,
        on_batch(RUN._replace(ttl_s=0), Step("wait", 0, 120)),
    ),
    Tooth(jobs.overlapping_runs, "beside", cronjob, "_note_finished", idle, on_cron(batch.Cron(SLOW))),
    Tooth(jobs.long_histories, "no more than 1", cronjob, "_forget_old", nothing, on_cron(batch.Cron(kept=(1, 1)))),
    Tooth(
        ordinals.hasty_ordinals, "has come before", statefulset, "_view", unordered,
        on_sets(sets.Stateful(1), Step("scale", 4, 10)),
    ),
    Tooth(
        ordinals.mistaken_identities, "does not mount", claims, "volumes", always({}),
        on_sets(sets.Stateful(), Step("kill", 0, 45)),
    ),
    Tooth(
        ordinals.strange_revisions, "has come as", statefulset, "_partition", always(99),
        on_sets(sets.Stateful(), Step("roll", 0, 45), Step("kill", 0, 45)),
    ),
    Tooth(
        ordinals.unruly_deletions, "below the partition", statefulset, "_partition", always(0),
        on_sets(sets.Stateful(partition=2), Step("roll", 0, 120)),
    ),
    Tooth(
        ordinals.unruly_deletions, "are updated and ready", statefulset, "_healthy", always(True),
        on_sets(sets.Stateful(parallel=True), Step("roll", 0, 45)),
    ),
    Tooth(
        ordinals.LostClaims, "goes, s0", claims, "_owner", lambda stateful, _leaving: stateful.key,
        on_sets(sets.Stateful(), Step("scale", 4, 120), Step("remove", 0, 120)),
    ),
    Tooth(
        ordinals.crowded_nodes, "2 pods on", daemonset, "_surge", always(1),
        on_daemons(sets.Daemon(), Step("roll", 0, 45)),
    ),
    Tooth(
        ordinals.dark_nodes, "took pods of", daemonset, "_unavailable", always(9),
        on_daemons(sets.Daemon(), Step("roll", 0, 45)),
    ),
    Tooth(autoscaling.Autoscaling, "leaves 1 to 3", autoscaler, "limits", always((1, 99)), on_load(0, (4, 120))),
    Tooth(
        autoscaling.Autoscaling, "within the window", scaling, "stabilised",
        lambda _past, _replicas, wanted, *_: (wanted, None), on_load(0, (4, 120), (1, 45)),
    ),
    Tooth(
        autoscaling.Autoscaling, "at once", scaling, "unruly", lambda _replicas, wanted: wanted, on_load(35, (4, 120))
    ),
    Tooth(
        autoscaling.Autoscaling, "is farther than", scaling, "limited", lambda _replicas, wanted, *_: wanted,
        on_load(12, (4, 120)),
    ),
    Tooth(
        autoscaling.Autoscaling, "has been outside", autoscaler, "_look_soon", nothing,
        Tale("autoscaled", autoscaled.Plan(0), [Step("size", 4, 45)]),
    ),
]  # fmt: skip
