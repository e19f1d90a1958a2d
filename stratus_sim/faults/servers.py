"""Servers as targets of faults: who calls them, from which pods, and how to start them anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratus_sim.application import epochs
from stratus_sim.application.behaviours import access
from stratus_sim.application.behaviours.complaints import Problem
from stratus_sim.application.behaviours.credentials import Login
from stratus_sim.application.behaviours.images import software
from stratus_sim.application.behaviours.memory import recall
from stratus_sim.cluster import pods
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.manifests.calls import Call

if TYPE_CHECKING:
    from stratus_sim.world import World


def remembering(world: World, kind: type) -> list[ObjectKey]:
    """The workloads whose behaviour remembers something of this kind, in order of name."""
    found = [w for w in world.application.workloads.values() if isinstance(world.traffic.memory.get(w.key), kind)]
    keys = [ObjectKey(w.kind, w.namespace, w.name) for w in sorted(found, key=lambda w: w.key)]
    return [key for key in keys if world.store.get(key) is not None]


def calls_to(world: World, workload: ObjectKey) -> list[Call]:
    """Who calls a workload, as a part of its requests."""
    name = f"{workload.namespace}/{workload.name}"
    return [c for c in world.application.calls if c.hard and name in world.application.services.get(c.target_key, ())]


def owner_of(world: World, call: Call) -> ObjectKey:
    """The object of the workload that makes a call."""
    workload = world.application.workloads[call.source_key]
    return ObjectKey(workload.kind, workload.namespace, workload.name)


def pods_under(world: World, workload: ObjectKey) -> list[Resource]:
    """The pods of a workload of any kind that are not on their way out."""
    return [pod for pod in pods.of_workload(world, workload) if not pod.deleting]


def restart(world: World, workload: ObjectKey) -> None:
    """Have every pod of a workload replaced, which then reads its settings anew."""
    for pod in pods_under(world, workload):
        pods.terminate(world, pod.key)


def clients(world: World, workload: ObjectKey) -> list[tuple[Call, Resource]]:
    """Every pod that calls a workload, with the call."""
    return [(call, pod) for call in calls_to(world, workload) for pod in pods_under(world, owner_of(world, call))]


def engine_of(world: World, workload: ObjectKey) -> str:
    """The software a workload runs, "postgres" where nothing tells."""
    template = world.store.state.objects[workload].manifest["spec"]["template"]
    container = world.application.workloads[f"{workload.namespace}/{workload.name}"].container
    return software(template, container).engine or "postgres"


def logins(world: World, workload: ObjectKey) -> list[Login]:
    """What the pods that call a workload log in with."""
    return [one for call, pod in clients(world, workload) if (one := access.shown(call, pod)) is not None]


def known_logins(world: World, workload: ObjectKey) -> list[tuple[Call, Login]]:
    """The logins of clients that a database has an account for, by call."""
    accounts = recall(world, workload).accounts or {}
    used = [(call, access.shown(call, pod)) for call, pod in clients(world, workload)]
    return [(call, one) for call, one in used if one is not None and one.password and one.user in accounts]


def told(world: World, workload: ObjectKey, problem: Problem) -> bool:
    """Whether a client of a server prints what it would for this problem; of one that is gone nobody does."""
    if world.store.get(workload) is None:
        return False
    engine, found = engine_of(world, workload), clients(world, workload)
    texts = {access.told(engine, problem, call, pod) for call, pod in found}
    mine = {call for call, _ in found}
    return any(flow.error in texts for flow in epochs.current(world).calls if flow.call in mine)
