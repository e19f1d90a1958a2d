"""What an API server returns, taken apart: configuration somebody wrote, and what the server and controllers added.

Left out of configuration are `status`, metadata the server assigns, fields that are null, what controllers note down
in annotations, and the taints by which the control plane says how a node is. Defaults the server fills in stay: they
are there before and after, and a dry run shows them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from stratus_sim.cluster.configuration import NOT_CONFIGURATION
from stratus_sim.cluster.objects import ObjectKey, key_of, without_nulls

Json = dict[str, Any]

_ASSIGNED = frozenset(
    {
        "creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "generation", "managedFields",
        "ownerReferences", "resourceVersion", "selfLink", "uid",
    }
)  # fmt: skip
REVISION = "deployment.kubernetes.io/revision"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
FENCE = "stratus-write-lock/fence"
"""The mark that moves an object to a new version (`writing.Writer.touch`); it is there for an instant only."""
_NOTED = (
    FENCE,
    REVISION,
    "pv.kubernetes.io/",
    "volume.kubernetes.io/",
    "volumes.kubernetes.io/",
    "node.alpha.kubernetes.io/",
)
_CONDITION_TAINT = "node.kubernetes.io/"
_ENVIRONMENT = NOT_CONFIGURATION | {"ControllerRevision", "Endpoints"}


def live_key(found: Json) -> ObjectKey:
    """The identity of an object as the server returned it: a namespace it names is its own, none is none."""
    metadata = found["metadata"]
    return ObjectKey(key_of(found).kind, str(metadata.get("namespace") or ""), str(metadata["name"]))


def owner_of(found: Json) -> tuple[str, str] | None:
    """(kind, name) of the controller an object belongs to."""
    references = found["metadata"].get("ownerReferences") or ()
    return next(((r["kind"], r["name"]) for r in references if r.get("controller")), None)


def is_configured(found: Json) -> bool:
    """Whether agents and people configure this object; what controllers make is environment."""
    return owner_of(found) is None and found["kind"] not in _ENVIRONMENT


def configured(found: Json) -> Json:
    """The configuration in an object as the server returned it."""
    body: Json = without_nulls({k: v for k, v in found.items() if k not in ("status", "metadata")})
    metadata = without_nulls({k: v for k, v in found["metadata"].items() if k not in _ASSIGNED})
    notes = {k: v for k, v in (metadata.pop("annotations", None) or {}).items() if not k.startswith(_NOTED)}
    if notes:
        metadata["annotations"] = notes
    if found["kind"] == "Node":
        _forget_conditions(body)
    return {**body, "metadata": metadata}


def _forget_conditions(node: Json) -> None:
    spec = node.get("spec") or {}
    taints = [t for t in spec.get("taints") or () if not str(t.get("key", "")).startswith(_CONDITION_TAINT)]
    kept = {k: v for k, v in spec.items() if k != "taints"}
    node["spec"] = {**kept, "taints": taints} if taints else kept


def condition(found: Json, name: str) -> bool:
    """Whether a status condition holds."""
    conditions = (found.get("status") or {}).get("conditions") or ()
    return any(c.get("type") == name and c.get("status") == "True" for c in conditions)


def images_seen(objects: Iterable[Json]) -> frozenset[str]:
    """The images known to exist: nodes have them, or containers were started from them."""
    seen: set[str] = set()
    for found in objects:
        status = found.get("status") or {}
        if found["kind"] == "Node":
            seen.update(name for image in status.get("images") or () for name in image.get("names") or ())
        elif found["kind"] == "Pod":
            started = (c for c in status.get("containerStatuses") or () if _was_started(c))
            names = {c["name"] for c in started}
            seen.update(c["image"] for c in found["spec"]["containers"] if c["name"] in names and c.get("image"))
    return frozenset(seen)


def images_failing(objects: Iterable[Json]) -> frozenset[str]:
    """The images some node could not pull."""
    pods = [found for found in objects if found["kind"] == "Pod"]
    waiting = [(pod, c) for pod in pods for c in (pod.get("status") or {}).get("containerStatuses") or ()]
    failing = {(id(pod), c["name"]) for pod, c in waiting if _reason(c) in ("ErrImagePull", "ImagePullBackOff")}
    specs = [(id(pod), c) for pod in pods for c in pod["spec"]["containers"]]
    return frozenset(c.get("image", "") for pod, c in specs if (pod, c["name"]) in failing)


def _was_started(container: Json) -> bool:
    return bool({"running", "terminated"} & {*(container.get("state") or {}), *(container.get("lastState") or {})})


def _reason(container: Json) -> str:
    waiting = (container.get("state") or {}).get("waiting") or {}
    return str(waiting.get("reason", ""))
