"""Writes to the world behind a view: a dry run is the same write to a fork of it (`stratus_sim.serve.service`).

All of them go through the audited API of the cluster (`stratus_sim.cluster.api`), under the client's name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, get_args

from stratus_sim.cluster import api, disruption, eviction, garbage
from stratus_sim.cluster.generated import SUFFIXES, suffix
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.serve.admitting import admit, changed, created, details, invalid
from stratus_sim.serve.answers import Refusal, success
from stratus_sim.serve.kinds import Kind
from stratus_sim.serve.showing import View, under
from stratus_sim.telemetry.render import Json

if TYPE_CHECKING:
    from stratus_sim.world import World

Submit = Callable[[Json], Any]


def create(view: View, kind: Kind, namespace: str, submitted: Json, writer: str) -> Json:
    """Store a new object and return it.

    Raises:
        Refusal: 409 it exists, 404 its namespace does not, 422 it is not valid, 400 it belongs elsewhere.
    """
    submitted = _placed(view.world, kind, namespace, submitted)
    name = str(submitted["metadata"].get("name") or "")
    if not name:
        raise invalid(kind, "", "metadata.name: name or generateName is required")
    if view.get(kind, namespace, name) is not None:
        raise Refusal(
            409, f'{kind.resource} "{name}" already exists', reason="AlreadyExists", details=details(kind, name)
        )
    if kind.namespaced and view.get(_NAMESPACE, "", namespace) is None:
        raise Refusal(404, f'namespaces "{namespace}" not found', details=details(_NAMESPACE, namespace))
    key, manifest = admit(kind, created(submitted), None)
    api.put(view.world, manifest, writer)
    return under(kind, view.show(_found(view.world, key)))


def change(view: View, kind: Kind, namespace: str, name: str, submit: Submit, writer: str) -> Json:
    """Replace an object by what `submit` makes of it, and return it; nothing is written where nothing changes.

    Raises:
        Refusal: 404 it is not there, 409 it is not the version the client saw, 422 it would not be valid.
    """
    found = stored(view, kind, namespace, name)
    shown = under(kind, view.show(found))
    wanted = submit(shown)
    if not isinstance(wanted, dict) or not isinstance(wanted.get("metadata") or {}, dict):
        raise invalid(kind, name, "the result is not an object")
    _same_object(kind, shown, wanted)
    manifest = changed(view.world, found, shown, wanted)
    if manifest is found.manifest:
        return shown
    key, admitted = admit(kind, manifest, found)
    api.put(view.world, admitted, writer)
    left = view.world.store.get(key)
    return under(kind, view.show(left)) if left is not None else wanted  # its last finalizer was taken off


def delete(view: View, kind: Kind, namespace: str, name: str, options: Mapping[str, Any], writer: str) -> Json:
    """Delete an object; one still there is returned on its way out, of others the Status says that they are gone.

    Raises:
        Refusal: 404, 409 for preconditions that do not hold, 422 for a propagation policy there is not.
    """
    found = stored(view, kind, namespace, name)
    shown = under(kind, view.show(found))
    check_preconditions(kind, shown, _object(options.get("preconditions")))
    grace_s, propagation = options.get("gracePeriodSeconds"), _propagation(kind, name, options)
    if grace_s is not None and (type(grace_s) is not int or grace_s < 0):
        raise invalid(kind, name, f"gracePeriodSeconds: {grace_s!r}: expected a whole number of seconds")
    api.delete(view.world, found.key, writer, propagation, grace_s=grace_s)
    left = view.world.store.get(found.key)
    if left is not None:
        return under(kind, view.show(left))
    return success({**details(kind, name), "uid": shown["metadata"]["uid"]})


def _propagation(kind: Kind, name: str, options: Mapping[str, Any]) -> garbage.Propagation:
    wanted = options.get("propagationPolicy") or ("Orphan" if options.get("orphanDependents") else "Background")
    found: garbage.Propagation | None = next((one for one in get_args(garbage.Propagation) if one == wanted), None)
    if found is None:
        raise invalid(kind, name, f"propagationPolicy: {wanted!r}: expected Background, Foreground or Orphan")
    return found


def evict(view: View, kind: Kind, namespace: str, name: str, options: Mapping[str, Any], writer: str) -> Json:
    """Delete a pod unless its disruption budget forbids it (policy/v1 Eviction).

    Raises:
        Refusal: as `delete`; 429 the budget does not allow it now, 500 the pod is under more than one budget.
    """
    pod = stored(view, kind, namespace, name)
    barrier = eviction.refusal(view.world, [pod])
    budgets = eviction.covering(view.world, pod)
    if len(budgets) > 1 and barrier:
        problem = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
        raise Refusal(500, problem)
    if barrier:
        problem = "Cannot evict pod as it would violate the pod's disruption budget."
        held = eviction.disruption(view.world, budgets[0])
        told = f"The disruption budget {barrier} needs {held.desired} healthy pods and has {held.healthy} currently"
        cause = {"reason": "DisruptionBudget", "message": told}
        raise Refusal(429, problem, reason="TooManyRequests", details={**details(kind, name), "causes": [cause]})
    disruption.mark(view.world, pod.key, "EvictionByEvictionAPI")
    return delete(view, kind, namespace, name, options, writer)


def scale_of(view: View, kind: Kind, namespace: str, name: str) -> Json:
    """The Scale (autoscaling/v1) of a workload."""
    return scale(under(kind, view.show(stored(view, kind, namespace, name))))


def scale(shown: Json) -> Json:
    """The Scale of a workload as it is shown."""
    names = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    labels = (shown["spec"]["selector"] or {}).get("matchLabels") or {}
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: shown["metadata"][key] for key in names},
        "spec": {"replicas": shown["spec"]["replicas"]},
        "status": {
            "replicas": (shown.get("status") or {}).get("replicas", 0),
            "selector": ",".join(f"{key}={value}" for key, value in sorted(labels.items())),
        },
    }


def rescale(submit: Submit) -> Submit:
    """What a write of the Scale means for the workload itself."""

    def onto(shown: Json) -> Json:
        wanted = _object(submit(scale(shown)))
        metadata, replicas = _object(wanted.get("metadata")), _object(wanted.get("spec")).get("replicas", 0)
        if type(replicas) is not int:
            problem = f"spec.replicas: {replicas!r}: expected a number"
            raise Refusal(422, problem, details={"name": shown["metadata"]["name"]})
        seen = {key: metadata[key] for key in ("uid", "resourceVersion") if metadata.get(key)}
        return {**shown, "metadata": {**shown["metadata"], **seen}, "spec": {**shown["spec"], "replicas": replicas}}

    return onto


def versioned(kind: Kind, submitted: Any) -> Any:
    """What was submitted to replace an object. A lock replaced without a version would be no lock.

    Raises:
        Refusal: 422, a Lease without resourceVersion, which the API server does not take either.
    """
    if kind.name == "Lease" and not _object(_object(submitted).get("metadata")).get("resourceVersion"):
        raise Refusal(422, "metadata.resourceVersion: Invalid value: 0: must be specified for an update")
    return submitted


def stored(view: View, kind: Kind, namespace: str, name: str) -> Resource:
    """The object in the store.

    Raises:
        Refusal: 404; 403 for what is shown but is no object (Events, namespaces nothing declares).
    """
    found = view.world.store.get(ObjectKey(kind.name, namespace, name))
    if found is None and view.get(kind, namespace, name) is not None:
        raise Refusal(403, f'{kind.resource} "{name}" is kept by the server and cannot be written')
    if found is None:
        raise not_found(kind, name)
    return found


def not_found(kind: Kind, name: str) -> Refusal:
    return Refusal(404, f'{kind.resource} "{name}" not found', details=details(kind, name))


def check_preconditions(kind: Kind, shown: Json, wanted: Mapping[str, Any]) -> None:
    """Raises Refusal, 409, unless the uid and resourceVersion a client names are those of the object."""
    name = shown["metadata"]["name"]
    for field in ("uid", "resourceVersion"):
        if wanted.get(field) not in (None, "", shown["metadata"][field]):
            problem = "the object has been modified; please apply your changes to the latest version and try again"
            if field == "uid":
                problem = (
                    f"the UID in the precondition is {wanted[field]}, that of the object {shown['metadata'][field]}"
                )
            message = f'Operation cannot be fulfilled on {kind.resource} "{name}": {problem}'
            raise Refusal(409, message, details=details(kind, name))


_NAMESPACE = Kind("Namespace", "", "v1", "namespaces", namespaced=False)


def _found(world: World, key: ObjectKey) -> Resource:
    found = world.store.get(key)
    if found is None:
        raise Refusal(500, f"{key} was not stored")
    return found


def _object(value: Any) -> Json:
    """Raises Refusal, 400, for anything but a JSON object; absent ones are empty."""
    if value is not None and not isinstance(value, dict):
        raise Refusal(400, f"{str(value)[:60]!r} in the body: expected an object")
    return value or {}


def _same_object(kind: Kind, shown: Json, wanted: Json) -> None:
    metadata, expected = wanted.get("metadata") or {}, shown["metadata"]
    named = (wanted.get("kind"), wanted.get("apiVersion"), metadata.get("name")) == (
        kind.name, kind.api_version, expected["name"]
    )  # fmt: skip
    if not named or metadata.get("namespace", expected.get("namespace")) != expected.get("namespace"):
        raise Refusal(400, "apiVersion, kind, name and namespace in the body must be those of the request's path")
    if "namespace" in expected:
        metadata["namespace"] = expected["namespace"]
    check_preconditions(kind, shown, metadata)


def _placed(world: World, kind: Kind, namespace: str, submitted: Any) -> Json:
    """The submitted object with kind, namespace and name filled in from path and `generateName`."""
    if not isinstance(submitted, dict) or not isinstance(submitted.get("metadata") or {}, dict):
        raise Refusal(400, "the body is not an object with metadata")
    metadata = dict(submitted.get("metadata") or {})
    for field, expected in (("kind", kind.name), ("apiVersion", kind.api_version)):
        if submitted.get(field) not in (None, "", expected):
            raise Refusal(400, f"{field} {submitted[field]!r} in the body: expected {expected!r} at this path")
    if metadata.get("namespace") not in (None, "", namespace):
        raise Refusal(
            400, f"the namespace of the object ({metadata['namespace']}) does not match the request ({namespace})"
        )
    if kind.namespaced:
        metadata["namespace"] = namespace
    else:
        metadata.pop("namespace", None)
    if not metadata.get("name") and metadata.get("generateName"):
        metadata["name"] = _generated(world, kind, str(metadata["generateName"]))
    return {**submitted, "apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata}


def _generated(world: World, kind: Kind, prefix: str) -> str:
    number = world.draw(f"{kind.name}/{prefix}", "generate-name", 0, SUFFIXES - 1)
    return prefix + suffix(number)
