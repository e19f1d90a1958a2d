"""What an object takes from a ResourceQuota.

Follows kubernetes.io/docs/concepts/policy/resource-quotas ("Compute Resource Quota", "Storage Resource Quota", "Object
Count Quota", "Quota Scopes"). Objects of custom kinds are not counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from stratus_sim.cluster.admission.amounts import Amounts, add, milli, read
from stratus_sim.cluster.objects import Manifest, Resource, key_of
from stratus_sim.cluster.status import ENDED
from stratus_sim.manifests.kinds import SERVED, plural

_ONE = 1000


def usage_of(resource: Resource) -> Amounts:
    """What a stored object takes now; a pod that has ended counts as an object only."""
    if resource.key.kind == "Pod" and resource.status is not None and resource.status.phase in ENDED:
        return {"count/pods": _ONE}
    return usage(resource.manifest)


def usage(manifest: Manifest) -> Amounts:
    """What an object takes, in thousandths. Raises UserError where a quantity cannot be read."""
    kind = key_of(manifest).kind
    own = _BY_KIND.get(kind, _nothing)(manifest.get("spec") or {})
    return {**_count(kind), **own}


def in_scope(spec: Mapping[str, Any], manifest: Manifest) -> bool:
    """Whether a quota's scopes cover an object; a quota with scopes covers pods only."""
    wanted = [{"scopeName": name, "operator": "Exists"} for name in spec.get("scopes") or ()]
    wanted += (spec.get("scopeSelector") or {}).get("matchExpressions") or ()
    if not wanted:
        return True
    return key_of(manifest).kind == "Pod" and all(_covers(scope, manifest["spec"]) for scope in wanted)


def unspecified(manifest: Manifest, hard: Amounts) -> str:
    """Compute resources a quota limits that containers do not state, as the API server lists them; "" for none."""
    if key_of(manifest).kind != "Pod":
        return ""
    found = {}
    for name in sorted(hard.keys() & _COMPUTE.keys()):
        missing = [c["name"] for c in _containers(manifest["spec"]) if name not in _container(c)]
        if missing:
            found[name] = ",".join(sorted(missing))
    return "; ".join(f"{name} for: {containers}" for name, containers in found.items())


def _containers(spec: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]


def _count(kind: str) -> Amounts:
    version = SERVED.get(kind)
    if version is None:
        return {}
    group = version.rpartition("/")[0]
    counted = {f"count/{plural(kind)}" + (f".{group}" if group else ""): _ONE}
    return {**counted, plural(kind): _ONE} if kind in _PLAIN else counted


def _pod(spec: Mapping[str, Any]) -> Amounts:
    return together(spec, _container)


def together(spec: Mapping[str, Any], of: Callable[[Mapping[str, Any]], Amounts]) -> Amounts:
    """The sum over containers and sidecars; or an init container with the sidecars before it, where that is more.

    `of` tells what one container takes. Source: kubernetes.io/docs/concepts/workloads/pods/sidecar-containers
    ("Resource sharing within containers").
    """
    most: dict[str, int] = {}
    sidecars: Amounts = {}
    for container in spec.get("initContainers") or ():
        at_its_turn = add((sidecars, of(container)))
        most |= {name: max(amount, most.get(name, 0)) for name, amount in at_its_turn.items()}
        sidecars = at_its_turn if container.get("restartPolicy") == "Always" else sidecars
    total = add((sidecars, *map(of, spec.get("containers") or ())))
    return {**total, **{name: max(amount, total.get(name, 0)) for name, amount in most.items()}}


def _container(container: Mapping[str, Any]) -> Amounts:
    resources = container.get("resources") or {}
    limits = read(resources.get("limits"))
    requests = {**limits, **read(resources.get("requests"))}
    named = {f"requests.{name}": amount for name, amount in requests.items()}
    return {**requests, **named, **{f"limits.{name}": amount for name, amount in limits.items()}}


def _claim(spec: Mapping[str, Any]) -> Amounts:
    size = milli(((spec.get("resources") or {}).get("requests") or {}).get("storage", 0))
    found = {"requests.storage": size}
    name = spec.get("storageClassName")
    if name:
        prefix = f"{name}.storageclass.storage.k8s.io"
        found |= {f"{prefix}/requests.storage": size, f"{prefix}/persistentvolumeclaims": _ONE}
    return found


def _service(spec: Mapping[str, Any]) -> Amounts:
    ports = _ONE * len(spec.get("ports") or ())
    match spec.get("type"):
        case "NodePort":
            return {"services.nodeports": ports}
        case "LoadBalancer":
            return {"services.loadbalancers": _ONE, "services.nodeports": ports}
    return {}


def _nothing(_spec: Mapping[str, Any]) -> Amounts:
    return {}


def _covers(scope: Mapping[str, Any], pod: Mapping[str, Any]) -> bool:
    if scope["scopeName"] == "PriorityClass":
        return _has_class(scope, pod.get("priorityClassName"))
    covers = _SCOPES.get(scope["scopeName"])
    return covers is not None and covers(pod)


def _reaches_out(pod: Mapping[str, Any]) -> bool:
    return any(term.get("namespaces") or term.get("namespaceSelector") is not None for term in _terms(pod))


def _terms(pod: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What a pod says of the company of other pods."""
    for side in ("podAffinity", "podAntiAffinity"):
        stated = (pod.get("affinity") or {}).get(side) or {}
        yield from stated.get("requiredDuringSchedulingIgnoredDuringExecution") or ()
        for wish in stated.get("preferredDuringSchedulingIgnoredDuringExecution") or ():
            yield wish.get("podAffinityTerm") or {}


def _has_class(scope: Mapping[str, Any], name: str | None) -> bool:
    values = scope.get("values") or ()
    match scope.get("operator"):
        case "In":
            return name in values
        case "NotIn":
            return name not in values
        case "DoesNotExist":
            return not name
    return bool(name)


_COMPUTE = dict.fromkeys(("cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"), None)
_PLAIN = frozenset(
    {
        "Pod", "Service", "ConfigMap", "Secret", "PersistentVolumeClaim", "ReplicationController", "ResourceQuota",
    }
)  # fmt: skip
_BY_KIND = {"Pod": _pod, "PersistentVolumeClaim": _claim, "Service": _service}
_SCOPES: Mapping[str, Callable[[Mapping[str, Any]], bool]] = {
    "Terminating": lambda pod: pod.get("activeDeadlineSeconds") is not None,
    "NotTerminating": lambda pod: pod.get("activeDeadlineSeconds") is None,
    "BestEffort": lambda pod: not _pod(pod),
    "NotBestEffort": lambda pod: bool(_pod(pod)),
    "CrossNamespacePodAffinity": _reaches_out,
}
