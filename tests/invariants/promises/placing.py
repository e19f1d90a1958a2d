"""What pre-emption, evictions and the placing of pods promise.

From kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption, .../node-pressure-eviction ("Pod selection
for kubelet eviction", "Node conditions") and .../taint-and-toleration.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from stratus_sim.cluster import container_status, pods
from stratus_sim.cluster.objects import Resource, node_key, uuid_of
from stratus_sim.cluster.specs import requested_mib, requested_millicores
from stratus_sim.world import World
from tests.invariants.promises.look import Look

PREEMPTED, EVICTED = "PreemptionByScheduler", "TerminationByKubelet"


def _rank(pod: Resource) -> int:
    return int(pod.manifest["spec"].get("priority") or 0)


def _turned(look: Look, disruption: str) -> Iterator[tuple[Resource, Resource]]:
    """The pods that have just been ended for some reason, before and now."""
    pairs = ((old, new) for old, new in look.kept("Pod"))
    return ((old, new) for old, new in pairs if new.status.disruption == disruption != old.status.disruption)


def _takers(look: Look) -> dict[str, Resource]:
    return {uuid_of(pod.uid): pod for pod in look.world.store.list("Pod")}


def unjust_preemptions(look: Look) -> Iterator[str]:
    """A pod takes the place of pods of lower priority only, may do so, and then has room."""
    victims = defaultdict(list)
    for event in look.told("Pod", "Preempted"):
        words = event.message.split()
        victims[words[3], words[6]].append(look.before[event.involved])
    for (uid, node), gone in victims.items():
        taker = _takers(look).get(uid)
        if taker is None:
            yield f"{[pod.key.name for pod in gone]} left for a pod that is not there"
            continue
        if better := [pod.key.name for pod in gone if _rank(pod) >= _rank(taker)]:
            yield f"{taker.key} of {_rank(taker)} has taken the place of {better}"
        if taker.manifest["spec"].get("preemptionPolicy") == "Never":
            yield f"{taker.key} never pre-empts, and has"
        if short := _short(look.world, taker, node):
            yield f"{taker.key} lacks {short} on {node} when all of lower priority that leave have left"


def _short(world: World, taker: Resource, name: str) -> tuple[int, int] | None:
    node = world.store.get(node_key(name))
    if node is None:
        return None
    there = [pod for pod in world.store.on_node(name) if not pods.ended(pod)]
    stay = [pod.spec for pod in there if not (pod.deleting and _rank(pod) < _rank(taker))]
    cpu = sum(map(requested_millicores, stay)) + requested_millicores(taker.spec) - node.status.capacity_millicores
    memory = sum(map(requested_mib, stay)) + requested_mib(taker.spec) - node.status.capacity_mib
    return (cpu, memory) if cpu > 0 or memory > 0 else None


def unjust_evictions(look: Look) -> Iterator[str]:
    """A node short of memory sends away who uses more than it asked for before who does not, of low priority first."""
    for old, new in _turned(look, EVICTED):
        others = [pod for pod in _running(look.world, old.status.node) if "memory" in new.status.message]
        rank = (_within(look.world, old), _rank(old))
        if better := [pod.key.name for pod in others if (_within(look.world, pod), _rank(pod)) < rank]:
            yield f"{old.key} was evicted before {better}"


def _running(world: World, node: str) -> list[Resource]:
    there = [pod for pod in world.store.on_node(node) if not pod.deleting and not pods.ended(pod)]
    return [pod for pod in there if container_status.running(pod) and _rank(pod) < 2_000_001_000]


def _within(world: World, pod: Resource) -> bool:
    return _used_mib(world, pod) <= requested_mib(pod.spec)


def _used_mib(world: World, pod: Resource) -> int:
    workload = pods.root_owner(world, pod)
    return sum(world.processes.memory_mib(workload, c.name) for c in pod.spec.containers)


def needless_evictions(look: Look) -> Iterator[str]:
    """No pod is evicted from a node that has as much memory as its pods use."""
    for old, new in _turned(look, EVICTED):
        node = look.world.store.get(node_key(old.status.node))
        there = [pod for pod in look.world.store.on_node(old.status.node) if not pods.ended(pod)]
        used = sum(_used_mib(look.world, pod) for pod in there if container_status.running(pod))
        most = node.status.capacity_mib if node is not None and "memory" in new.status.message else 0
        if used + _used_mib(look.world, old) <= most:
            yield f"{old.key} was evicted, {old.status.node} has room for all"


def misplaced(look: Look) -> Iterator[str]:
    """A pod is sent to a node that is ready, takes pods, is not short of memory where it asks for none, and once."""
    for old, new in look.kept("Pod"):
        if old.status.node and old.status.node != new.status.node:
            yield f"{new.key} has moved from {old.status.node} to {new.status.node}"
        node = look.before.get(node_key(new.status.node)) if new.status.node and not old.status.node else None
        if node is None or new.spec.node_name or (new.owner is not None and new.owner.kind == "DaemonSet"):
            continue
        if node.spec.unschedulable or not node.status.ready:
            yield f"{new.key} has gone to {node.key}, which takes no pods"
        if "Memory" in node.status.pressure and not requested_mib(new.spec) and not requested_millicores(new.spec):
            yield f"{new.key} asks for nothing and has gone to {node.key}, which is short of memory"


def unwelcome(look: Look) -> Iterator[str]:
    """Nobody stays on a node with a NoExecute taint that none of his tolerations names, for ever or for a while."""
    for node in look.world.store.list("Node") if look.settled else ():
        taints = [one for one in node.manifest["spec"].get("taints") or () if one["effect"] == "NoExecute"]
        for pod in look.world.store.on_node(node.key.name) if taints else ():
            spared = pods.active(pod) and not all(_named(pod, str(one["key"])) for one in taints)
            if spared and look.world.node_alive(node.key.name):
                yield f"{pod.key} stays on {node.key}, which has {taints}"


def _named(pod: Resource, key: str) -> bool:
    return any(one.get("key") in (None, key) for one in pod.manifest["spec"].get("tolerations") or ())


PROMISES = (unjust_preemptions, unjust_evictions, needless_evictions, misplaced, unwelcome)
