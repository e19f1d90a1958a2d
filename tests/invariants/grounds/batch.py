"""Jobs and CronJobs of all sorts on two nodes, changed while they run."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from hypothesis import strategies as st

from stratus_sim.cluster import api
from stratus_sim.snapshot import Snapshot
from stratus_sim.world import World
from tests.cluster.workloads import Spec, cluster, job
from tests.invariants.grounds.ground import Ground, common, deleted, made, patched, spec_of
from tests.invariants.steps import Choice
from tests.invariants.worlds import machines

COMMANDS = ("sleep 7", "sleep 40; exit 1", "exit 3", "sleep 100", "exit 0")


class Run(NamedTuple):
    """A Job: `command` by number; `pods` to succeed, None for a work queue; `wide` at once."""

    command: int = 0
    pods: int | None = 2
    wide: int = 2
    indexed: bool = False
    failures: int = 2
    waits: bool = False
    policy: str = "Never"
    per_index: bool = False
    ttl_s: int | None = None
    deadline_s: int | None = None


class Cron(NamedTuple):
    """A CronJob, due every minute, of a Run."""

    run: Run = Run()
    concurrency: str = "Forbid"
    kept: tuple[int | None, int | None] = (None, None)
    late_s: int | None = None


class Plan(NamedTuple):
    """Jobs called `j0`, `j1`, ... and CronJobs called `c0`, ..."""

    runs: tuple[Run, ...] = ()
    crons: tuple[Cron, ...] = (Cron(),)
    seed: int = 0


RUNS = st.builds(
    Run,
    st.integers(0, 4),
    st.none() | st.integers(0, 4),
    st.integers(0, 3),
    st.booleans(),
    st.integers(0, 3),
    st.booleans(),
    st.sampled_from(["Never", "Never", "OnFailure"]),
    st.booleans(),
    st.none() | st.sampled_from([0, 20]),
    st.none() | st.sampled_from([15, 60]),
)
CRONS = st.builds(
    Cron,
    RUNS,
    st.sampled_from(["Forbid", "Replace", "Allow"]),
    st.tuples(*[st.none() | st.integers(0, 2)] * 2),
    st.none() | st.sampled_from([5, 30, 200]),
)
PLANS = st.builds(
    Plan, st.lists(RUNS, max_size=2).map(tuple), st.lists(CRONS, max_size=2).map(tuple), st.integers(0, 9)
)


def spec_of_run(run: Run) -> dict[str, Any]:
    """The spec of a Job, as far as the API server lets the parts of it go together."""
    indexed = run.indexed and run.pods is not None
    spec = {
        "parallelism": run.wide,
        "completions": run.pods,
        "completionMode": "Indexed" if indexed else None,
        "backoffLimit": run.failures,
        "backoffLimitPerIndex": 1 if indexed and run.per_index and run.policy == "Never" else None,
        "podReplacementPolicy": "Failed" if run.waits else None,
        "ttlSecondsAfterFinished": run.ttl_s,
        "activeDeadlineSeconds": run.deadline_s,
    }
    found = job("w", command=COMMANDS[run.command], policy=run.policy)["spec"]
    return {**found, **{field: value for field, value in spec.items() if value is not None}}


def run_of(name: str, run: Run) -> Spec:
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": spec_of_run(run)}


def cron_of(name: str, cron: Cron) -> Spec:
    spec = {
        "schedule": "* * * * *",
        "concurrencyPolicy": cron.concurrency,
        "successfulJobsHistoryLimit": cron.kept[0],
        "failedJobsHistoryLimit": cron.kept[1],
        "startingDeadlineSeconds": cron.late_s,
        "jobTemplate": {"spec": spec_of_run(cron.run)},
    }
    body = {field: value for field, value in spec.items() if value is not None}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": name}, "spec": body}


def world_of(plan: Plan) -> World:
    return World(_begun(plan))


@lru_cache(maxsize=64)
def _begun(plan: Plan) -> Snapshot:
    runs = [run_of(f"j{n}", run) for n, run in enumerate(plan.runs)]
    crons = [cron_of(f"c{n}", cron) for n, cron in enumerate(plan.crons)]
    return cluster(*machines(2), *runs, *crons, nodes=0, seed=plan.seed).snapshot()


def _end_badly(world: World, choice: Choice) -> None:
    """A pod is gone at once, whatever its kubelet does."""
    target = choice.of(world, "Pod")
    if target is not None:
        api.delete(world, target.key, "user", grace_s=0)


def _again(number: int) -> Spec:
    """One name has one template: a Job's cannot be changed."""
    run = Run(number % 5, (None, 1, 3)[number // 5 % 3], 2, indexed=bool(number % 2), waits=bool(number // 2 % 2))
    return run_of(f"n{number % 30}", run)


SIZES = [{"parallelism": n} for n in (0, 1, 3)] + [{"completions": n, "parallelism": n} for n in (1, 2, 4)]
HELD = [{"suspend": True}, {"suspend": False}]
RUNS_ON = [{"concurrencyPolicy": word} for word in ("Forbid", "Replace", "Allow")]
KEPT = [{"successfulJobsHistoryLimit": n, "failedJobsHistoryLimit": n} for n in (0, 1, 3)]
BATCH = Ground(
    "batch",
    PLANS,
    world_of,
    {
        **common("kill", "crash", "restore", "drain", "uncordon", "swap node"),
        "run": made(_again),
        "size": patched("Job", to=spec_of(SIZES)),
        "hold": patched("Job", "CronJob", to=spec_of(HELD)),
        "time": patched("Job", to=spec_of([{"ttlSecondsAfterFinished": 5}, {"activeDeadlineSeconds": 20}])),
        "rule": patched("CronJob", to=spec_of([*RUNS_ON, *KEPT, {"schedule": "*/2 * * * *"}])),
        "drop": deleted("Job", "CronJob"),
        "wait": lambda _world, _choice: None,
        "end": _end_badly,
    },
)
