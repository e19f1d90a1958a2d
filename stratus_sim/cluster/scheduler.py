"""Scheduler: the first node, in the order of preference, that no filter refuses; else pre-emption, else an explanation.

Follows kubernetes.io/docs/concepts/scheduling-eviction/kube-scheduler; event texts as kube-scheduler writes them. Nodes
are kept in the order pods without preferences have for them, so that placing one of these looks at few of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from stratus_sim.cluster import disruption, ordered, pods, priority, taint_eviction, taints
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.objects import ObjectKey, Resource, uuid_of
from stratus_sim.cluster.scheduling import filters, interpod, node_affinity, preemption, reasons, scores, storage
from stratus_sim.cluster.scheduling.attempt import Attempt, Refusal
from stratus_sim.cluster.scheduling.memory import Memory, holds
from stratus_sim.cluster.scheduling.scores import load
from stratus_sim.cluster.specs import requested_mib, requested_millicores, weighed
from stratus_sim.cluster.status import NodeStatus
from stratus_sim.cluster.volumes_protection import mounted
from stratus_sim.cluster.watching import ENDED, WRITTEN, watches
from stratus_sim.kernel import handler

if TYPE_CHECKING:
    from stratus_sim.world import World

_OURS = (None, "", "default-scheduler")
"""What a pod may call the scheduler it waits for."""
_ADMITTED_US = (500_000, 1_500_000)
"""How long it takes until a kubelet has seen a pod nobody scheduled."""


@watches("Pod", of=ENDED | WRITTEN)
def on_pod(world: World, old: Resource | None, new: Resource | None) -> None:
    if old is None and new is not None:
        _meet(world, new)
    elif old is not None and old.status.node and not pods.ended(old) and (new is None or pods.ended(new)):
        _release(world, old)
        retry_pending(world)
    elif old is not None and new is None and not old.status.node:
        world.cluster.scheduling = _forgotten(world.cluster.scheduling, old.key)
    elif old is not None and new is not None and old.spec.scheduling_gates and not new.spec.scheduling_gates:
        world.enqueue("scheduler", new.key)


def _meet(world: World, pod: Resource) -> None:
    """A new pod; one that is on a node already, or names one, was put there by somebody else."""
    if node_affinity.assigned(pod) and not pod.status.node:
        delay_us = world.draw(str(pod.key), "admit", *_ADMITTED_US)
        world.schedule(delay_us, "kubelet.admit", pod.key, pod.uid)
    elif not pod.status.node:
        world.enqueue("scheduler", pod.key)
    elif interpod.relates(pod.spec):
        memory = world.cluster.scheduling
        world.cluster.scheduling = msgspec.structs.replace(memory, related=ordered.insert(memory.related, pod.key))


@watches("Node")
def on_node(world: World, old: Resource | None, new: Resource | None) -> None:
    before, after = (load(node) if node is not None else None for node in (old, new))
    if before != after:
        _rank(world, before, after)
    if new is not None and (old is None or _offer(old) != _offer(new)):
        retry_pending(world)


@watches("PersistentVolumeClaim", "PersistentVolume", "StorageClass")
def on_storage(world: World, old: Resource | None, new: Resource | None) -> None:
    for pod in _pending(world):
        if pod.spec.volumes and mounted(pod.spec):
            world.enqueue("scheduler", pod.key)


def _rank(world: World, before: tuple[int, str] | None, after: tuple[int, str] | None) -> None:
    ranking = world.cluster.ranking
    if before is not None:
        ranking = ordered.remove(ranking, before)
    world.cluster.ranking = ordered.insert(ranking, after) if after is not None else ranking


def _offer(node: Resource) -> tuple[object, ...]:
    status = node.status
    return status.ready, {*status.pressure}, node.spec.unschedulable, node.labels, taints.of(node.manifest)


def retry_pending(world: World) -> None:
    """Something changed that may let a waiting pod fit: the most important go first."""
    for pod in _pending(world):
        world.enqueue("scheduler", pod.key)


def _pending(world: World) -> list[Resource]:
    return sorted(world.store.on_node(""), key=lambda pod: -priority.value(pod.spec))


@handler("scheduler")
def schedule(world: World, key: ObjectKey) -> None:
    """Bind a pending pod to a node, or say why none fits."""
    pod = world.store.get(key)
    if pod is None or pod.deleting or pod.status.node or pod.spec.scheduler_name not in _OURS:
        return
    if node_affinity.assigned(pod):
        return
    if pod.spec.scheduling_gates:
        pods.update(world, pod, reason="SchedulingGated", message=reasons.GATED)
        return
    attempt = Attempt(world, pod)
    refused: dict[str, Refusal] = {}
    hopeless = storage.hopeless(attempt) if pod.spec.volumes else ""
    node = None if hopeless else choose(attempt, refused)
    if node is not None:
        _bind(attempt, node)
    else:
        _fail(attempt, refused, hopeless)


def choose(attempt: Attempt, refused: dict[str, Refusal]) -> Resource | None:
    """The node a pod goes to, None if there is none; `refused` receives why others did not take it."""
    fitting: list[Resource] = []
    nominated = attempt.memory.nominated.get(attempt.pod.key, "") if attempt.memory.nominated else ""
    for name in _in_order(attempt, nominated):
        node = attempt.world.store.get(ObjectKey("Node", "", name))
        if node is None:
            continue
        refusal = filters.refuse(attempt, node)
        if refusal is not None:
            refused[name] = refusal
            continue
        fitting.append(node)
        if name == nominated or not scores.decides(attempt, node, len(fitting)):
            break
    return scores.best(attempt, fitting)


def _in_order(attempt: Attempt, nominated: str) -> Iterable[str]:
    """The nodes as a pod without preferences prefers them; first the one where others have made room for it."""
    names = (name for _, name in ordered.entries(attempt.world.cluster.ranking))
    return sorted(names, key=lambda name: name != nominated) if nominated else names


def refusal(world: World, node: Resource, pod: Resource) -> str:
    """Why a pod cannot go to a node, in kube-scheduler's words; empty when it can. It does not stand in its own way."""
    found = filters.refuse(Attempt(world, pod), node)
    return ", ".join(found.reasons) if found is not None else ""


def _fail(attempt: Attempt, refused: dict[str, Refusal], hopeless: str) -> None:
    world, pod = attempt.world, attempt.pod
    total = ordered.size(world.cluster.ranking)
    if hopeless:
        refused = {name: reasons.NOT_HELPFUL for _, name in ordered.entries(world.cluster.ranking)}
    candidate, barrier = preemption.attempt_preemption(attempt, refused) if total else (None, "")
    message = reasons.hopeless(total, hopeless) if hopeless else reasons.fit_error(total, refused.values())
    message = f"{message} preemption: {barrier}" if barrier else message
    message = message if total else reasons.NO_NODES
    emit(world, pod.key, "FailedScheduling", message, warning=True)
    if pod.status.message != message:
        pods.update(world, pod, reason="Unschedulable", message=message)
    _await(attempt, candidate, barrier)
    if candidate is not None:
        _preempt(attempt, candidate)


def _await(attempt: Attempt, candidate: preemption.Candidate | None, barrier: str) -> None:
    """Remember the node room is made on, and whether pods that come may let this one fit."""
    memory, key = attempt.memory, attempt.pod.key
    nominated, waiting = memory.nominated, memory.waiting
    if candidate is not None:
        nominated = nominated.set(key, candidate.node.key.name)
    elif key in nominated and barrier != reasons.TERMINATING:
        nominated = nominated.delete(key)
    social = interpod.required(attempt.pod.spec) or attempt.pod.spec.topology_spread_constraints
    if social and not holds(waiting, key):
        waiting = ordered.insert(waiting, key)
    if nominated is not memory.nominated or waiting is not memory.waiting:
        changed = msgspec.structs.replace(memory, nominated=nominated, waiting=waiting)
        attempt.world.cluster.scheduling = changed


def _preempt(attempt: Attempt, candidate: preemption.Candidate) -> None:
    said = f"Preempted by pod {uuid_of(attempt.pod.uid)} on node {candidate.node.key.name}"
    for victim in candidate.victims:
        if not victim.deleting:
            emit(attempt.world, victim.key, "Preempted", said)
            disruption.mark(attempt.world, victim.key, "PreemptionByScheduler")
            pods.terminate(attempt.world, victim.key)


def _forgotten(memory: Memory, pod: ObjectKey) -> Memory:
    """What the scheduler remembers without a pod that waits no longer."""
    if memory.nominated and pod in memory.nominated:
        memory = msgspec.structs.replace(memory, nominated=memory.nominated.delete(pod))
    if memory.waiting and holds(memory.waiting, pod):
        memory = msgspec.structs.replace(memory, waiting=ordered.remove(memory.waiting, pod))
    return memory


def _bind(attempt: Attempt, node: Resource) -> None:
    world, pod = attempt.world, attempt.pod
    if pod.spec.volumes:
        storage.bind(attempt, node)
    emit(world, pod.key, "Scheduled", f"Successfully assigned {pod.key.path} to {node.key.name}")
    place(world, pod, node)


def place(world: World, pod: Resource, node: Resource) -> None:
    """Put a pod on a node, whoever has chosen it."""
    memory = _forgotten(world.cluster.scheduling, pod.key)
    if interpod.relates(pod.spec):
        memory = msgspec.structs.replace(memory, related=ordered.insert(memory.related, pod.key))
    if memory is not world.cluster.scheduling:
        world.cluster.scheduling = memory
    _reserve(world, node, pod, 1)
    pods.update(world, pod, node=node.key.name, bound_us=world.now_us, reason="ContainerCreating", message="")
    if node.status.tainted:
        taint_eviction.arrive(world, pod, node)
    for key in ordered.entries(memory.waiting):
        world.enqueue("scheduler", key)


def _release(world: World, pod: Resource) -> None:
    if interpod.relates(pod.spec):
        memory = world.cluster.scheduling
        if holds(memory.related, pod.key):
            related = ordered.remove(memory.related, pod.key)
            world.cluster.scheduling = msgspec.structs.replace(memory, related=related)
    node = world.store.get(ObjectKey("Node", "", pod.status.node))
    if node is not None:
        _reserve(world, node, pod, -1)


def _reserve(world: World, node: Resource, pod: Resource, sign: int) -> None:
    world.store.report(node.key, with_pod(node.status, pod, sign))


def with_pod(status: NodeStatus, pod: Resource, sign: int = 1) -> NodeStatus:
    """The status of a node with one pod more, or with -1 one fewer."""
    weights = zip(status.weight, weighed(pod.spec), strict=True)
    return msgspec.structs.replace(
        status,
        millicores=status.millicores + sign * requested_millicores(pod.spec),
        memory_mib=status.memory_mib + sign * requested_mib(pod.spec),
        weight=tuple([there + sign * own for there, own in weights]),
    )
