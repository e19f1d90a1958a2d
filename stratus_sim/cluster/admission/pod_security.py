"""Pod Security: what the pods of a namespace may not ask for, by its label `enforce`.

Follows kubernetes.io/docs/concepts/security/pod-security-admission. The labels `warn` and `audit` refuse nothing and
are not read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratus_sim.cluster.admission.pod_standards import violations
from stratus_sim.cluster.admission.registry import Write, forbidden, validates
from stratus_sim.cluster.objects import ObjectKey

if TYPE_CHECKING:
    from stratus_sim.world import World

ENFORCE = "pod-security.kubernetes.io/enforce"
_VERSION = f"{ENFORCE}-version"


@validates("PodSecurity", reads="Namespace")
def check(world: World, write: Write) -> None:
    """Refuse a new pod that breaks the standard its namespace enforces. Raises Denied."""
    if write.key.kind != "Pod" or write.manifest is None or write.old is not None:
        return
    namespace = world.store.get(ObjectKey("Namespace", "", write.key.namespace))
    labels = namespace.labels if namespace is not None else {}
    level, version = labels.get(ENFORCE, ""), labels.get(_VERSION, "latest")
    found = list(violations(level, write.manifest["spec"]))
    if found:
        raise forbidden(write.key, f'violates PodSecurity "{level}:{version}": {", ".join(found)}')
