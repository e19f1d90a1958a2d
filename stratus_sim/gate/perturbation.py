"""The environments a plan must stand: what may go wrong around it, as data, and how it happens to a twin."""

from __future__ import annotations

from typing import Literal, NamedTuple

import msgspec
from hypothesis import strategies as st

from stratus_sim.cluster import pods
from stratus_sim.cluster.nodes import GRACE_US
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.cluster.taint_eviction import TOLERATION_US
from stratus_sim.faults import noise
from stratus_sim.kernel import SECOND_US, handler
from stratus_sim.world import World

Stroke = Literal["none", "node-lost", "workload-restarted"]

LOADS_PERMILLE = (1000, 500, 1500, 2500)
STRIKES_UNTIL_S = 300
LASTS_S = (30, 600)
HORIZON_US = STRIKES_UNTIL_S * SECOND_US + LASTS_S[1] * SECOND_US + GRACE_US + TOLERATION_US + 120 * SECOND_US
"""How long after its last action or its commit a plan is judged for good: what struck has been answered by then."""

ENVIRONMENTS = {
    "load_permille": list(LOADS_PERMILLE),
    "strokes": ["none", "node-lost", "workload-restarted"],
    "strikes_at_s": [0, STRIKES_UNTIL_S],
    "lasts_s": list(LASTS_S),
    "seeds": [0, 255],
}
"""The set E, for the certificate. A lost node comes back after `lasts_s`, or never."""


class Perturbation(msgspec.Struct, frozen=True):
    """One environment. Seconds count from the begin of the transaction; `lasts_s` None is for ever.

    `noise` makes transient disturbances in the background (`stratus_sim.faults.noise`).
    """

    seed: int = 0
    load_permille: int = 1000
    stroke: Stroke = "none"
    target: str = ""
    at_s: int = 0
    lasts_s: int | None = None
    noise: bool = False

    def __str__(self) -> str:
        words = [f"seed {self.seed}", f"load {self.load_permille / 10:g} %", *(["noise"] if self.noise else [])]
        if self.stroke == "none":
            return ", ".join(words)
        lasts = f" for {self.lasts_s} s" if self.lasts_s is not None and self.stroke == "node-lost" else ""
        return ", ".join([f"{self.stroke} {self.target} at {self.at_s} s{lasts}", *words])

    @property
    def calm(self) -> bool:
        """Whether nothing is out of the ordinary."""
        return self.stroke == "none" and self.load_permille == 1000 and not self.noise


class Targets(NamedTuple):
    """What of a twin can be struck."""

    nodes: tuple[str, ...]
    workloads: tuple[str, ...]


def targets(world: World) -> Targets:
    """Nodes that are there, and workloads as `namespace/name`."""
    alive = tuple(node.key.name for node in world.store.list("Node") if node.status.heartbeat)
    kinds = ("Deployment", "StatefulSet")
    return Targets(alive, tuple(f"{r.key.namespace}/{r.key.name}" for k in kinds for r in world.store.list(k)))


def perturbations(found: Targets, *, noise: bool = False) -> st.SearchStrategy[Perturbation]:
    """Environments from E, all of them with `noise` or none; the calm one with seed 0 is what shrinking ends in."""
    strokes: list[tuple[Stroke, str]] = [("none", "")]
    strokes += [("workload-restarted", name) for name in found.workloads]
    strokes += [("node-lost", name) for name in found.nodes]
    return st.builds(
        lambda stroke, **rest: Perturbation(stroke=stroke[0], target=stroke[1], **rest),
        stroke=st.sampled_from(strokes),
        load_permille=st.sampled_from(LOADS_PERMILLE),
        seed=st.integers(0, 255),
        at_s=st.integers(0, STRIKES_UNTIL_S),
        lasts_s=st.one_of(st.none(), st.integers(*LASTS_S)),
        noise=st.just(noise),
    )


def schedule(world: World, what: Perturbation) -> None:
    """Let it happen to a world, and to every fork made from now on."""
    world.schedule(0, "traffic.load", what.load_permille)
    if what.noise:
        noise.start(world)
    if what.stroke == "node-lost":
        world.schedule(what.at_s * SECOND_US, "node.crash", what.target)
        if what.lasts_s is not None:
            world.schedule((what.at_s + what.lasts_s) * SECOND_US, "node.restore", what.target)
    elif what.stroke == "workload-restarted":
        world.schedule(what.at_s * SECOND_US, "gate.restart", what.target)


@handler("gate.restart")
def restart(world: World, name: str) -> None:
    """Every pod of a workload goes at once, as when somebody deletes them."""
    namespace, _, workload = name.partition("/")
    for kind in ("Deployment", "StatefulSet"):
        owner = ObjectKey(kind, namespace, workload)
        owners = [owner, *(r.key for r in world.store.owned(owner) if r.key.kind == "ReplicaSet")]
        for pod in [pod for key in owners for pod in world.store.owned(key) if pod.key.kind == "Pod"]:
            pods.terminate(world, pod.key)
