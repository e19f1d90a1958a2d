"""StatefulSets and DaemonSets on a few nodes, rolled out, scaled and changed on the way."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from hypothesis import strategies as st

from stratus_sim.snapshot import Snapshot
from stratus_sim.world import World
from tests.cluster.workloads import Spec, cluster, workload
from tests.invariants.grounds.ground import Ground, common, deleted, patched, spec_of
from tests.invariants.worlds import SETTLED_S, machines


class Stateful(NamedTuple):
    """A StatefulSet; claims go as `retention` says: with the set, with pods scaled away."""

    replicas: int = 3
    parallel: bool = False
    partition: int | None = None
    retention: tuple[bool, bool] | None = None
    start: int = 0
    wait_s: int = 0
    strategy: str = "RollingUpdate"


class Daemon(NamedTuple):
    """A DaemonSet; one of `surge` and `unavailable` is zero and the other not."""

    surge: int | str = 0
    unavailable: int | str = 1
    wait_s: int = 0


class Plan(NamedTuple):
    """StatefulSets called `s0`, ... and DaemonSets called `d0`, ..."""

    nodes: int = 3
    sets: tuple[Stateful, ...] = (Stateful(),)
    daemons: tuple[Daemon, ...] = (Daemon(),)
    seed: int = 0


STATEFUL = st.builds(
    Stateful,
    st.integers(0, 4),
    st.booleans(),
    st.none() | st.integers(0, 4),
    st.none() | st.tuples(st.booleans(), st.booleans()),
    st.sampled_from([0, 0, 2]),
    st.sampled_from([0, 5]),
    st.sampled_from(["RollingUpdate", "RollingUpdate", "OnDelete"]),
)
SPARE = st.sampled_from([1, 2, "50%"])
WAITS = st.sampled_from([0, 5])
DAEMONS = st.builds(Daemon, SPARE, st.just(0), WAITS) | st.builds(Daemon, st.just(0), SPARE, WAITS)
PLANS = st.builds(
    Plan,
    st.integers(1, 4),
    st.lists(STATEFUL, max_size=2).map(tuple),
    st.lists(DAEMONS, max_size=2).map(tuple),
    st.integers(0, 9),
)


def _template(name: str) -> dict[str, Any]:
    container = {"name": "c", "image": "w:1", "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}}}
    return {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}


def stateful_set(name: str, found: Stateful) -> Spec:
    words = {True: "Delete", False: "Retain"}
    spec: dict[str, Any] = {
        "replicas": found.replicas,
        "podManagementPolicy": "Parallel" if found.parallel else "OrderedReady",
        "minReadySeconds": found.wait_s,
        "ordinals": {"start": found.start},
        "updateStrategy": {"type": found.strategy},
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {}}],
    }
    if found.partition is not None and found.strategy == "RollingUpdate":
        spec["updateStrategy"]["rollingUpdate"] = {"partition": found.partition}
    if found.retention is not None:
        deleted, scaled = (words[flag] for flag in found.retention)
        spec["persistentVolumeClaimRetentionPolicy"] = {"whenDeleted": deleted, "whenScaled": scaled}
    return workload("StatefulSet", name, template=_template(name), **spec)


def daemon_set(name: str, found: Daemon) -> Spec:
    rolling = {"maxSurge": found.surge, "maxUnavailable": found.unavailable}
    strategy = {"type": "RollingUpdate", "rollingUpdate": rolling}
    return workload("DaemonSet", name, template=_template(name), minReadySeconds=found.wait_s, updateStrategy=strategy)


def world_of(plan: Plan) -> World:
    return World(_settled(plan))


@lru_cache(maxsize=64)
def _settled(plan: Plan) -> Snapshot:
    sets = [stateful_set(f"s{n}", found) for n, found in enumerate(plan.sets)]
    daemons = [daemon_set(f"d{n}", found) for n, found in enumerate(plan.daemons)]
    return cluster(*machines(plan.nodes), *sets, *daemons, nodes=0, seed=plan.seed, seconds=SETTLED_S).snapshot()


PARTITIONS = [{"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": n}}} for n in (0, 1, 3)]
SPARED: list[dict[str, Any]] = [
    {"updateStrategy": {"rollingUpdate": {"maxSurge": up, "maxUnavailable": down}}}
    for up, down in ((0, 1), (0, 2), (1, 0), (2, 0))
]
SETS = Ground(
    "sets",
    PLANS,
    world_of,
    {
        **common("roll", "break", "starve", "scale", "kill", "evict", "drain", "cordon", "uncordon", "taint", "crash"),
        **common("restore", "swap node", "remove", "leave", "relabel", "retain", "forget"),
        "part": patched("StatefulSet", to=spec_of(PARTITIONS)),
        "spare": patched("DaemonSet", to=spec_of(SPARED)),
        "drop": deleted("StatefulSet", "DaemonSet"),
    },
)
