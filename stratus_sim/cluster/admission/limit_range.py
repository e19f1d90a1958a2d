"""Limit ranges: defaults for what containers do not state, and bounds for what they do.

Follows kubernetes.io/docs/concepts/policy/limit-range and the messages of the LimitRanger admission plug-in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from stratus_sim.cluster.admission.amounts import Amounts, milli, read, shown
from stratus_sim.cluster.admission.registry import Denied, Write, forbidden, mutates, validates
from stratus_sim.cluster.admission.usage import together
from stratus_sim.cluster.objects import Manifest, ObjectKey

if TYPE_CHECKING:
    from stratus_sim.world import World

KIND = "LimitRange"
Limit = Mapping[str, Any]


@mutates("LimitRanger", reads=KIND)
def default(world: World, write: Write) -> Manifest:
    """Give a new pod's containers the requests and limits they do not state. Raises Denied where that cannot be."""
    assert write.manifest is not None  # noqa: S101  # a deletion changes nothing
    if write.key.kind != "Pod" or write.old is not None:
        return write.manifest
    manifest = write.manifest
    for limit in _limits(world, write.key.namespace, "Container"):
        manifest = _completed(manifest, limit)
    _check_order(write.key, manifest["spec"])
    return manifest


def _check_order(key: ObjectKey, spec: Manifest) -> None:
    """Raises Denied where a request is above the limit that was put beside it."""
    for field in ("initContainers", "containers"):
        for number, container in enumerate(spec.get(field) or ()):
            requests, limits = _stated(container)
            for name in (n for n, amount in limits.items() if requests[n] > amount):
                problem = f"must be less than or equal to {name} limit of {shown(name, limits[name])}"
                where, value = f"spec.{field}[{number}].resources.requests", shown(name, requests[name])
                raise Denied(f'Pod "{key.name}" is invalid: {where}: Invalid value: "{value}": {problem}', 422)


@validates("LimitRanger", reads=KIND)
def bound(world: World, write: Write) -> None:
    """Refuse a new pod or claim outside the bounds of its namespace. Raises Denied."""
    if write.manifest is None or write.old is not None or write.key.kind not in _TYPES:
        return
    problems: list[str] = []
    for type_, amounts in _TYPES[write.key.kind](write.manifest["spec"]):
        for limit in _limits(world, write.key.namespace, type_):
            problems += _violations(type_, limit, *amounts)
    if problems:
        raise forbidden(write.key, problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]")


def _limits(world: World, namespace: str, type_: str) -> Iterator[Limit]:
    for found in world.store.list(KIND, namespace):
        for limit in (found.manifest.get("spec") or {}).get("limits") or ():
            if limit.get("type") == type_:
                yield limit


def _completed(manifest: Manifest, limit: Limit) -> Manifest:
    """A default request follows the default limit, as the API server defaults it, unless stated."""
    limits = {**(limit.get("max") or {}), **(limit.get("default") or {})}
    requests = {**(limit.get("min") or {}), **limits, **(limit.get("defaultRequest") or {})}
    spec = manifest["spec"]
    changed = {
        field: [_with_defaults(container, requests, limits) for container in spec[field]]
        for field in ("containers", "initContainers")
        if spec.get(field)
    }
    return manifest if all(spec[f] == c for f, c in changed.items()) else {**manifest, "spec": {**spec, **changed}}


def _with_defaults(container: Manifest, requests: Manifest, limits: Manifest) -> Manifest:
    """A stated limit is the request of a container that states none, and no default replaces it."""
    stated = container.get("resources") or {}
    own_limits = stated.get("limits") or {}
    merged = {
        "limits": {**limits, **own_limits},
        "requests": {**requests, **own_limits, **(stated.get("requests") or {})},
    }
    resources = {**stated, **{part: found for part, found in merged.items() if found}}
    return container if resources == stated else {**container, "resources": resources}


def _violations(type_: str, limit: Limit, requests: Amounts, limits: Amounts) -> Iterator[str]:
    for name, least in (limit.get("min") or {}).items():
        if name not in requests:
            yield f"minimum {name} usage per {type_} is {least}.  No request is specified"
        elif requests[name] < milli(least):
            yield f"minimum {name} usage per {type_} is {least}, but request is {shown(name, requests[name])}"
    for name, most in (limit.get("max") or {}).items():
        bounded = requests if type_ == "PersistentVolumeClaim" else limits
        word = "request" if bounded is requests else "limit"
        if name not in bounded:
            yield f"maximum {name} usage per {type_} is {most}.  No {word} is specified"
        elif bounded[name] > milli(most):
            yield f"maximum {name} usage per {type_} is {most}, but {word} is {shown(name, bounded[name])}"
    for name, ratio in (limit.get("maxLimitRequestRatio") or {}).items():
        problem = f"{name} max limit to request ratio per {type_} is {ratio}, but "
        if not requests.get(name):
            yield problem + "no request is specified or request is 0"
        elif not limits.get(name):
            yield problem + "no limit is specified or limit is 0"
        elif 1000 * limits[name] > milli(ratio) * requests[name]:
            yield f"{problem}provided ratio is {limits[name] / requests[name]:.6f}"


_Found = Iterator[tuple[str, tuple[Amounts, Amounts]]]


def _pod(spec: Manifest) -> _Found:
    """The containers one by one, then the pod: all of them together, or an init container where it takes more."""
    for container in (*spec["containers"], *(spec.get("initContainers") or ())):
        yield "Container", _stated(container)
    yield "Pod", (together(spec, lambda container: _stated(container)[0]), together(spec, _limited))


def _stated(container: Manifest) -> tuple[Amounts, Amounts]:
    resources = container.get("resources") or {}
    limits = _limited(container)
    return {**limits, **read(resources.get("requests"))}, limits


def _limited(container: Manifest) -> Amounts:
    return read((container.get("resources") or {}).get("limits"))


def _claim(spec: Manifest) -> _Found:
    yield "PersistentVolumeClaim", (read((spec.get("resources") or {}).get("requests")), {})


_TYPES = {"Pod": _pod, "PersistentVolumeClaim": _claim}
