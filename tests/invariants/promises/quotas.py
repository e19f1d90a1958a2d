"""What quotas and limit ranges promise.

From kubernetes.io/docs/concepts/policy/resource-quotas and kubernetes.io/docs/concepts/policy/limit-range.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from stratus_sim.cluster import pods, root_ca
from stratus_sim.cluster.objects import Manifest, Resource
from stratus_sim.manifests import quantity
from stratus_sim.world import World
from tests.invariants.promises.look import Look

PLURALS = {"Pod": "pods", "ConfigMap": "configmaps", "PersistentVolumeClaim": "persistentvolumeclaims"}
COUNTED = {"Deployment": "count/deployments.apps", "Job": "count/jobs.batch"}


def overdrawn(look: Look) -> Iterator[str]:
    """Nobody is let in who would take more than is left."""
    for old, new in look.kept("ResourceQuota"):
        if old.status is None or new.status is None:
            continue
        for name, most in new.status.hard.items():
            before, now = old.status.used.get(name, 0), new.status.used.get(name, 0)
            if now > most and now > before and old.manifest is new.manifest:
                yield f"{new.key}: {name} was {before}, is {now} of {most}"


def miscounted(look: Look) -> Iterator[str]:
    """At rest a quota counts what there is, every pod that has not ended for what it asks for."""
    for quota in look.world.store.list("ResourceQuota") if look.settled else ():
        scopes = quota.manifest["spec"].get("scopes") or ()
        found = _taken(look.world, quota.key.namespace, scopes)
        used = {name: amount for name, amount in quota.status.used.items() if amount != found[name]}
        if used:
            yield f"{quota.key} says {used}, there are { {name: found[name] for name in used} }"


def _taken(world: World, namespace: str, scopes: Any) -> Counter[str]:
    total: Counter[str] = Counter()
    for found in [*world.store.within(namespace), *_unseen(world, namespace)]:
        kind = found.key.kind
        if scopes and not (kind == "Pod" and all(_in_scope(found, scope) for scope in scopes)):
            continue
        if kind == "Pod" and pods.ended(found):
            continue
        if kind in COUNTED or kind in PLURALS:
            total[COUNTED.get(kind) or PLURALS[kind]] += 1000
        if kind == "Pod":
            total.update(_asked(found.manifest))
    return total


def _unseen(world: World, namespace: str) -> list[Resource]:
    """The certificate of the cluster, which nobody has written and every namespace has."""
    return [one for one in root_ca.listed(world, "ConfigMap", namespace) if world.store.get(one.key) is None]


def _in_scope(pod: Resource, scope: str) -> bool:
    asks = bool(_asked(pod.manifest))
    return {"BestEffort": not asks, "NotBestEffort": asks}[scope]


def _asked(pod: Manifest) -> Counter[str]:
    """What the containers of a pod ask for in thousandths; a limit stands in for a request."""
    total: Counter[str] = Counter()
    for container in pod["spec"]["containers"]:
        resources = container.get("resources") or {}
        limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
        for name in {*limits, *requests}:
            total[f"requests.{name}"] += _milli(requests.get(name, limits.get(name)))
            if name in limits:
                total[f"limits.{name}"] += _milli(limits[name])
    return total


def _milli(value: Any) -> int:
    return int(quantity.amount(value) * 1000)


def unlimited(look: Look) -> Iterator[str]:
    """A container that comes into a namespace with a limit range has what that gives it, and is within its bounds."""
    for pod in look.made("Pod"):
        for found in look.world.store.list("LimitRange", pod.key.namespace):
            before = look.before.get(found.key)
            if before is None or before.manifest is not found.manifest:
                continue  # which came first nobody can tell
            for limit in found.manifest["spec"]["limits"]:
                for container in pod.manifest["spec"]["containers"] if limit["type"] == "Container" else ():
                    yield from (f"{pod.key}: {told}" for told in _outside(container, limit))


def _outside(container: Mapping[str, Any], limit: Mapping[str, Any]) -> Iterator[str]:
    resources = container.get("resources") or {}
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for field, stated in (("default", limits), ("max", limits), ("defaultRequest", requests), ("min", requests)):
        for name, amount in (limit.get(field) or {}).items():
            if name not in stated:
                yield f"nothing is said of {name}, {field} is {amount}"
            elif field == "max" and _milli(stated[name]) > _milli(amount):
                yield f"{name} is {stated[name]}, no more than {amount} is allowed"
            elif field == "min" and _milli(stated[name]) < _milli(amount):
                yield f"{name} is {stated[name]}, no less than {amount} is allowed"


PROMISES = (overdrawn, miscounted, unlimited)
