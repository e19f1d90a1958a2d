"""Pod Security: what the pods of a namespace may not ask for, by its labels `enforce` and `enforce-version`.

Follows kubernetes.io/docs/concepts/security/pod-security-admission. A namespace whose label has no meaning is held to
the strictest reading of it; nobody may set such a label. The labels `warn` and `audit` refuse nothing and are only
checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from stratus_sim.cluster.admission.pod_standards import violations
from stratus_sim.cluster.admission.pod_standards.pods import Pod
from stratus_sim.cluster.admission.registry import Denied, Write, forbidden, validates
from stratus_sim.cluster.objects import Manifest, ObjectKey

if TYPE_CHECKING:
    from stratus_sim.world import World

ENFORCE = "pod-security.kubernetes.io/enforce"
_MODES = tuple(f"pod-security.kubernetes.io/{mode}" for mode in ("enforce", "audit", "warn"))
_LEVELS = ("privileged", "baseline", "restricted")
_VERSION = re.compile(r"v1\.(0|[1-9]\d*)", re.ASCII)
_NEWEST = 33
"""The minor version of Kubernetes whose standards are `latest`."""


@validates("PodSecurity", reads="Namespace")
def check(world: World, write: Write) -> None:
    """Refuse what breaks the standard its namespace enforces: a new pod, or new images. Raises Denied."""
    if write.manifest is None:
        return
    if write.key.kind == "Namespace":
        _check_labels(write.key, _labels(write.manifest), _labels(write.old or {}))
    elif write.key.kind == "Pod" and (write.old is None or _images(write.old) != _images(write.manifest)):
        _check_pod(world, write.key, write.manifest)


def _check_pod(world: World, key: ObjectKey, manifest: Manifest) -> None:
    namespace = world.store.get(ObjectKey("Namespace", "", key.namespace))
    level, version = _standard(namespace.labels if namespace is not None else {})
    if level == "privileged":
        return
    annotations = (manifest.get("metadata") or {}).get("annotations") or {}
    found = list(violations(level, Pod(manifest["spec"], annotations, _minor(version))))
    if found:
        raise forbidden(key, f'violates PodSecurity "{level}:{version}": {", ".join(found)}')


def _standard(labels: Mapping[str, str]) -> tuple[str, str]:
    level, version = labels.get(ENFORCE, "privileged"), labels.get(f"{ENFORCE}-version", "latest")
    return level if level in _LEVELS else "restricted", version if _VERSION.fullmatch(version) else "latest"


def _minor(version: str) -> int:
    return int(version.partition(".")[2]) if version != "latest" else _NEWEST


def _check_labels(key: ObjectKey, labels: Mapping[str, str], before: Mapping[str, str]) -> None:
    problems = list(_problems(labels))
    if problems and problems != list(_problems(before)):
        told = problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]"
        raise Denied(f'Namespace "{key.name}" is invalid: {told}', 422)


def _problems(labels: Mapping[str, str]) -> Iterator[str]:
    for mode in _MODES:
        level, version = labels.get(mode), labels.get(f"{mode}-version")
        if level is not None and level not in _LEVELS:
            yield f'metadata.labels[{mode}]: Invalid value: "{level}": must be one of {", ".join(_LEVELS)}'
        if version not in (None, "latest") and not _VERSION.fullmatch(str(version)):
            yield f'metadata.labels[{mode}-version]: Invalid value: "{version}": must be "latest" or "v1.x"'


def _labels(manifest: Manifest) -> Mapping[str, str]:
    return (manifest.get("metadata") or {}).get("labels") or {}


def _images(manifest: Manifest) -> list[tuple[str, ...]]:
    spec = manifest.get("spec") or {}
    kinds = ("containers", "initContainers", "ephemeralContainers")
    return [tuple(container.get("image") for container in spec.get(kind) or ()) for kind in kinds]
