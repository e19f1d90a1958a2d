"""HorizontalPodAutoscaler controller: replicas follow what pods use.

Follows kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale. The real controller looks every 15 s; here
it looks at those instants only after a metric, its target or its own spec has changed, or when a window or a policy
that held a change back ends: in between it would find nothing new. Resource and ContainerResource metrics of CPU and
memory have values; Pods, Object and External metrics have no source, as in a cluster without an adapter for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from stratus_sim.cluster import api
from stratus_sim.cluster.admission.registry import grouped
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.scale_status import AutoscalerStatus, Recommendation, ScaleEvent
from stratus_sim.cluster.watching import WRITTEN, watches
from stratus_sim.cluster.workloads import scaling
from stratus_sim.cluster.workloads.bounds import wanted
from stratus_sim.cluster.workloads.metering import counts_from_us
from stratus_sim.cluster.workloads.proposals import Readings, readings
from stratus_sim.cluster.workloads.scaling import SYNC_US
from stratus_sim.kernel import SECOND_US, handler

if TYPE_CHECKING:
    from stratus_sim.world import World

KIND, WRITER = "HorizontalPodAutoscaler", "horizontal-pod-autoscaler"
_LONGEST_PERIOD_US = 1800 * SECOND_US


@watches(KIND)
def on_autoscaler(world: World, old: Resource | None, new: Resource | None) -> None:
    if old is not None and new is not None:
        if old.generation != new.generation:
            _look_soon(world, new)
    elif (changed := new or old) is not None:
        for found in _of_target(world, target_of(changed)):
            _look_soon(world, found)


@watches("Deployment", "StatefulSet", "ReplicaSet", of=WRITTEN)
def on_target(world: World, old: Resource | None, new: Resource | None) -> None:
    if not world.store.has(KIND) or (old is not None and new is not None and old.spec is new.spec):
        return
    target = (new or old).key  # type: ignore[union-attr]  # a change has at least one side
    for found in _of_target(world, target):
        _look_soon(world, found)


def _of_target(world: World, target: ObjectKey) -> list[Resource]:
    """The autoscalers of a workload."""
    return [found for found in world.store.list(KIND, target.namespace) if target_of(found) == target]


@handler("autoscaler.metrics")
def on_metrics(world: World, _source: str) -> None:
    """What pods use may have changed: those whose own reading has changed look at the next instant of theirs."""
    for found in world.store.list(KIND):
        status = found.status
        target = world.store.get(target_of(found))
        if status is None or status.timer is not None or target is None:
            continue
        if readings(world, found, target).values != status.measured:
            _look_soon(world, found)


def target_of(found: Resource) -> ObjectKey:
    reference = found.spec.scale_target_ref
    return ObjectKey(reference.kind, found.key.namespace, reference.name)


def _look_soon(world: World, found: Resource, not_before_us: int = 0) -> None:
    """Set the timer for the next of the 15 s instants of an autoscaler, counted from when it came."""
    status = found.status or AutoscalerStatus()
    if status.timer is not None:
        world.cancel(status.timer)
    rounds = (world.now_us - found.created_us) // SYNC_US + 1
    rounds = max(rounds, -(-(not_before_us - found.created_us) // SYNC_US))
    delay_us = found.created_us + rounds * SYNC_US - world.now_us
    timer = world.schedule(delay_us, "autoscaler", found.key, found.uid)
    world.store.report(found.key, msgspec.structs.replace(status, timer=timer))


@handler("autoscaler")
def reconcile(world: World, key: ObjectKey, uid: int) -> None:
    """Measure, work out the number of replicas, and write it into the target where it differs."""
    found = world.store.get(key)
    if found is None or found.uid != uid:
        return
    status = msgspec.structs.replace(found.status, timer=None)
    target = world.store.get(target_of(found))
    if target is None or not hasattr(target.spec, "replicas"):
        missing = f'{grouped(target_of(found).kind)} "{target_of(found).name}" not found'
        emit(world, key, "FailedGetScale", missing, warning=True)
        problem = f"the HPA controller was unable to get the target's current scale: {missing}"
        world.store.report(key, msgspec.structs.replace(status, able="FailedGetScale", problem=problem))
        return
    status = msgspec.structs.replace(status, able="SucceededGetScale", current=wanted(target))
    if wanted(target) == 0:
        problem = "scaling is disabled since the replica count of the target is zero"
        world.store.report(key, msgspec.structs.replace(status, desired=0, active="ScalingDisabled", problem=problem))
    else:
        _decide(world, found, target, status)


def _rivals(world: World, found: Resource) -> str:
    """What is said of several autoscalers of one workload, none of which then does anything; "" for a single one."""
    target = target_of(found)
    names = [one.key.name for one in _of_target(world, target)]
    if len(names) < 2:
        return ""
    listed = " ".join(f"{found.key.namespace}/{name}" for name in names)
    labels = world.store.state.objects[target].spec.selector.match_labels or {}
    shown = ",".join(f"{name}={value}" for name, value in sorted(labels.items()))
    return f"pods by selector {shown} are controlled by multiple HPAs: [{listed}]"


def _decide(world: World, found: Resource, target: Resource, status: AutoscalerStatus) -> None:
    replicas, (low, high) = wanted(target), limits(found)
    if replicas > high:
        why = "Current number of replicas above Spec.MaxReplicas"
        _write(world, found, target, status, high, why, next_us=world.now_us + SYNC_US)
    elif replicas < low:
        why = "Current number of replicas below Spec.MinReplicas"
        _write(world, found, target, status, low, why, next_us=world.now_us + SYNC_US)
    elif rivals := _rivals(world, found):
        emit(world, found.key, "AmbiguousSelector", rivals, warning=True)
        _give_up(world, found, status, "AmbiguousSelector", rivals, rivals)
    else:
        _follow(world, found, target, status)


def _follow(world: World, found: Resource, target: Resource, status: AutoscalerStatus) -> None:
    """Do what the metrics say that have a value; if they say fewer, those without one may need the rest."""
    read = readings(world, found, target)
    status = msgspec.structs.replace(status, measured=read.values)
    for failure in read.failures:
        emit(world, found.key, failure.reason, failure.problem, warning=True)
    if read.failures and max(read.proposals, default=(0, ""))[0] < status.current:
        first = read.failures[0]
        told = f"invalid metrics ({len(read.failures)} invalid out of {len(read.values)}), first error is: {first.told}"
        _give_up(
            world,
            found,
            status,
            first.reason,
            f"the HPA was unable to compute the replica count: {first.problem}",
            told,
        )
    else:
        _approach(world, found, target, status, read)


def _give_up(world: World, found: Resource, status: AutoscalerStatus, reason: str, problem: str, told: str) -> None:
    """Change nothing, and say why: `problem` by the condition, `told` by an event."""
    emit(world, found.key, "FailedComputeMetricsReplicas", told, warning=True)
    status = msgspec.structs.replace(status, desired=status.current, active=reason, problem=problem)
    world.store.report(found.key, status)


def limits(found: Resource) -> tuple[int, int]:
    """(minReplicas, maxReplicas)."""
    low = 1 if found.spec.min_replicas is None else found.spec.min_replicas
    return low, max(low, found.spec.max_replicas)


def sets(world: World, target: ObjectKey) -> bool:
    """Whether a workload has as many replicas as an autoscaler may set; 0, which switches it off, is none of them."""
    resource = world.store.get(target)
    if resource is None:
        return False
    bounds = [limits(found) for found in _of_target(world, target)]
    return any(low <= wanted(resource) <= high for low, high in bounds)


def _approach(world: World, found: Resource, target: Resource, status: AutoscalerStatus, read: Readings) -> None:
    """Go towards what the metrics call for, as far as windows, limits and policies allow."""
    replicas, (low, high), now_us = wanted(target), limits(found), world.now_us
    called_for, highest = max(read.proposals, key=lambda proposal: proposal[0])
    behavior = found.spec.behavior
    up = scaling.rules(behavior and behavior.scale_up, scaling.UP)
    down = scaling.rules(behavior and behavior.scale_down, scaling.DOWN)
    up_us, down_us = scaling.window_us(up), scaling.window_us(down)
    began = status.recommended or (Recommendation(replicas, now_us),)
    past = scaling.remembered(began, called_for, now_us, max(up_us, down_us))
    settled, again_us = scaling.stabilised(past, replicas, called_for, now_us, up_us, down_us)
    bounded = min(high, max(low, settled))
    desired, rule = bounded, up if bounded > replicas else down
    if behavior is None:
        desired = scaling.unruly(replicas, bounded)
    elif bounded != replicas:
        desired = scaling.limited(replicas, bounded, status.scaled, rule, now_us)
    if desired != bounded and rule.select_policy != "Disabled":
        again_us = now_us + SYNC_US
    again_us = min((at for at in (again_us, counts_from_us(world, target)) if at is not None), default=None)
    held = "ScaleUpStabilized" if called_for >= replicas else "ScaleDownStabilized"
    able = "ReadyForNewScale" if settled == called_for else held
    reason = _limit(settled, bounded, desired)
    status = msgspec.structs.replace(
        status, recommended=past, able=able, limited=reason, active="ValidMetricFound", metric=highest, problem=""
    )
    why = f"{highest} above target" if desired > replicas else "All metrics below target"
    _write(world, found, target, status, desired, why, next_us=again_us)


def _limit(settled: int, bounded: int, desired: int) -> str:
    if desired != bounded:
        return "ScaleUpLimit" if desired < bounded else "ScaleDownLimit"
    return "TooManyReplicas" if settled > bounded else "TooFewReplicas" if settled < bounded else "DesiredWithinRange"


def _write(
    world: World,
    found: Resource,
    target: Resource,
    status: AutoscalerStatus,
    desired: int,
    why: str,
    next_us: int | None,
) -> None:
    replicas, now_us = wanted(target), world.now_us
    status = msgspec.structs.replace(status, desired=desired)
    if desired != replicas:
        kept = tuple(event for event in status.scaled if event.time_us > now_us - _LONGEST_PERIOD_US)
        event = ScaleEvent(desired - replicas, now_us)
        status = msgspec.structs.replace(status, able="SucceededRescale", last_scale_us=now_us, scaled=(*kept, event))
        emit(world, found.key, "SuccessfulRescale", f"New size: {desired}; reason: {why}")
    world.store.report(found.key, status)
    if next_us is not None:
        _look_soon(world, world.store.get(found.key) or found, next_us)
    if desired != replicas:
        api.put(world, _scaled(target, desired), WRITER)


def _scaled(target: Resource, replicas: int) -> dict[str, Any]:
    return {**target.manifest, "spec": {**target.manifest["spec"], "replicas": replicas}}
