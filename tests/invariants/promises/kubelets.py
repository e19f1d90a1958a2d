"""What kubelets promise.

From kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle ("Pod phase", "Termination of Pods", "Container restarts"
and "How Pods handle problems with containers").
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from stratus_sim.cluster import container_status, pods
from stratus_sim.cluster.objects import ObjectKey, Resource, finalizers_of
from stratus_sim.cluster.status import ContainerStatus
from stratus_sim.kernel import SECOND_US
from stratus_sim.world import World
from tests.invariants.promises.look import Look

LAST_CHANCE_S = 2
"""What a kubelet adds once for a hook that has used up the grace period."""
BACK_WITHIN_S = 3
"""How long a kubelet that is back takes until it has seen to every pod."""
FORGIVEN_S, LONGEST_S, FIRST_S = 600, 300, 10


def wandering_phases(look: Look) -> Iterator[str]:
    """A pod that has ended stays so, one that has run waits no more but for init containers that run again, and
    restarts count up unless there are to be none."""
    for old, new in look.kept("Pod"):
        before, now = old.status.phase, new.status.phase
        initial = any(one.restart_policy != "Always" for one in new.spec.init_containers or ())
        back = before == "Running" and now == "Pending" and not initial
        if back or (before in ("Succeeded", "Failed") and now != before):
            yield f"{new.key} was {before} and is {now}"
        if new.status.restarts < old.status.restarts:
            yield f"{new.key} has been restarted {old.status.restarts} times, now {new.status.restarts}"
        if new.spec.restart_policy == "Never" and new.status.restarts and not new.spec.init_containers:
            yield f"{new.key} is never to be restarted, and was"
        if new.status.ready and (pods.ended(new) or not new.status.node):
            yield f"{new.key} is ready, and {now} on {new.status.node or 'no node'}"


class Silence:
    """Until when the kubelet of each node was last silent, or busy with coming back, in microseconds since the world
    began."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}

    def until_us(self, pod: Resource) -> int:
        last_us = self._last.get(pod.status.node)
        return 0 if last_us is None else last_us + BACK_WITHIN_S * SECOND_US

    def note(self, look: Look) -> None:
        alive = {node.key.name for node in look.world.store.list("Node") if node.status.heartbeat}
        for name in {pod.status.node for pod in look.world.store.list("Pod")} - alive:
            self._last[name] = look.world.now_us


class LateEnds(Silence):
    """No container runs past its pod's grace period where its kubelet lives."""

    def __call__(self, look: Look) -> Iterator[str]:
        self.note(look)
        for pod in look.world.store.list("Pod") if look.settled else ():
            if pod.deleting and self._runs(look.world, pod):
                over_us = look.world.now_us - max(pod.deleted_us, self.until_us(pod))
                if over_us > (_grace_s(pod) + LAST_CHANCE_S) * SECOND_US:
                    yield f"{pod.key} still runs {over_us // SECOND_US} s after its deletion, grace {_grace_s(pod)} s"

    def _runs(self, world: World, pod: Resource) -> bool:
        return world.node_alive(pod.status.node) and bool(container_status.running(pod)) and not pods.ended(pod)


def _grace_s(pod: Resource) -> int:
    grace = pod.spec.termination_grace_period_seconds
    return 30 if grace is None else int(grace)


class Trouble(NamedTuple):
    """A container's ends in a row that its back-off counts, and when its latest run began and ended."""

    ends: int = 0
    started_us: int = 0
    ended_us: int = 0


class HastyRestarts(Silence):
    """A container that ends again and again waits 10 s, then twice as long each time, 5 min at most; 10 min of running
    make up for it, and so does a kubelet that has started anew."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[tuple[ObjectKey, int, int], Trouble] = {}

    def __call__(self, look: Look) -> Iterator[str]:
        self.note(look)
        for old, new in look.kept("Pod"):
            for at, _ in enumerate(container_status.all_of(new.spec)):
                yield from self._follow(look, new, at, container_status.of(old, at), container_status.of(new, at))

    def _follow(self, look: Look, pod: Resource, at: int, old: ContainerStatus, new: ContainerStatus) -> Iterator[str]:
        mark, now_us = (pod.key, pod.uid, at), look.world.now_us
        known = self._known.get(mark, Trouble())
        if old.state == "running" and new.state != "running":
            long = now_us - old.started_us >= FORGIVEN_S * SECOND_US
            known = Trouble(1 if long else known.ends + 1, old.started_us, now_us)
        if self.until_us(pod) > known.ended_us or new.last_termination == "Unknown":
            known = known._replace(ends=0)
        if new.state == "running" and new.started_us != old.started_us and known.ends:
            least_s = 0 if known.ends < 2 else min(LONGEST_S, FIRST_S << min(known.ends - 2, 10))
            if now_us - known.ended_us < least_s * SECOND_US:
                waited = (now_us - known.ended_us) / SECOND_US
                yield f"{pod.key}: started {waited:.1f} s after its end number {known.ends} in a row, not {least_s} s"
        self._known[mark] = known


class EndlessWaits(Silence):
    """What is said of a back-off is 10 s and doubles up to 5 min, and it ends then."""

    def __call__(self, look: Look) -> Iterator[str]:
        self.note(look)
        for pod in look.world.store.list("Pod") if look.settled else ():
            waits = pod.status.reason == "CrashLoopBackOff" and not pod.deleting and not pod.status.containers
            if waits and look.world.node_alive(pod.status.node):
                told_s = int(pod.status.message.split("back-off ")[1].split("s ")[0])
                waited_us = look.world.now_us - max(pod.status.ended_us, self.until_us(pod))
                if told_s not in (10, 20, 40, 80, 160, 300) or waited_us > (told_s + 5) * SECOND_US:
                    yield f"{pod.key} was to wait {told_s} s and still does after {waited_us // SECOND_US} s"


def lingering(look: Look) -> Iterator[str]:
    """A pod that has ended is gone once it is deleted, whatever its node does, unless somebody holds it."""
    for pod in look.world.store.list("Pod") if look.settled else ():
        if pod.deleting and pods.ended(pod) and not finalizers_of(pod.manifest):
            yield f"{pod.key} has ended, was deleted and is still there"


PROMISES = (wandering_phases, lingering, LateEnds, HastyRestarts, EndlessWaits)
