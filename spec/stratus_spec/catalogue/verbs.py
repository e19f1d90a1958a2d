"""The verbs: what each writes, what must hold before, and how it is taken back.

Source: kubectl reference, https://kubernetes.io/docs/reference/kubectl/generated/.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .footprint import Footprint


class Scope(StrEnum):
    """What a verb does to the object it writes, as a whole."""

    UPDATE = "update"
    CREATE = "create"
    DELETE = "delete"
    APPLY = "create or update"
    ENVIRONMENT = "environment only"


@dataclass(frozen=True)
class Verb:
    """A kubectl command that writes.

    `writes` bounds the fields that may differ afterwards; the runtime refuses whatever goes beyond. `parts` names the
    verbs a composite is made of, in order. `command` is the kubectl line, `precondition` what must hold before.
    """

    name: str
    command: str
    scope: Scope
    writes: Footprint
    precondition: str
    parts: tuple[str, ...] = ()

    @property
    def undo(self) -> str:
        """How its configuration is put back. No inverse command would do: see `not_injective` in the proofs."""
        if self.parts:
            return "undo the parts, latest first"
        return {
            Scope.UPDATE: "put back the before-image of each field; remove the fields it added",
            Scope.CREATE: "remove every field: delete the object",
            Scope.DELETE: "put back every field: create the object again",
            Scope.APPLY: "put back the before-image of each field, or delete what it created",
            Scope.ENVIRONMENT: "nothing to put back: no configuration was written",
        }[self.scope]


_CONTAINER = "spec template spec containers [*]"
_ALL = Footprint(("**",))
_NONE = Footprint(())
_THERE = "the object is there"
_STAMP = "spec template metadata annotations kubectl.kubernetes.io/restartedAt"


def _update(name: str, command: str, *patterns: str, precondition: str = _THERE) -> Verb:
    return Verb(name, command, Scope.UPDATE, Footprint(patterns), precondition)


_CONTAINER_THERE = "the object and the container are there"
_TABLE = (
    _update("scale", "scale KIND/NAME --replicas=N", "spec replicas"),
    _update("set-image", "set image KIND/NAME C=IMAGE", f"{_CONTAINER} image", precondition=_CONTAINER_THERE),
    _update("set-env", "set env KIND/NAME K=V K-", f"{_CONTAINER} env **", precondition=_CONTAINER_THERE),
    _update(
        "set-resources", "set resources KIND/NAME --limits=... --requests=...", f"{_CONTAINER} resources limits **",
        f"{_CONTAINER} resources requests **", precondition=_CONTAINER_THERE,
    ),
    _update(
        "set-probes", "patch KIND/NAME (a container's probes)",
        *(f"{_CONTAINER} {probe}Probe **" for probe in ("liveness", "readiness", "startup")),
        precondition=_CONTAINER_THERE,
    ),
    _update("patch", "patch KIND/NAME --type=strategic|merge|json -p P", "**", precondition=f"{_THERE}, and it fits"),
    Verb("apply", "apply -f FILE", Scope.APPLY, _ALL, "the manifest is valid"),
    Verb("create", "create -f FILE", Scope.CREATE, _ALL, "the object is not there"),
    Verb("delete", "delete KIND/NAME", Scope.DELETE, _ALL, f"{_THERE}, and no other object names it as its owner"),
    _update("replace", "replace -f FILE", "**", precondition=f"{_THERE}, and the manifest is valid"),
    _update("label", "label KIND/NAME K=V K-", "metadata labels **"),
    _update("annotate", "annotate KIND/NAME K=V K-", "metadata annotations **"),
    _update("rollout-restart", "rollout restart KIND/NAME", _STAMP, precondition=f"{_THERE} and not paused"),
    _update(
        "rollout-undo", "rollout undo KIND/NAME", "spec template **",
        precondition=f"{_THERE} and not paused, and has an earlier revision",
    ),
    _update("rollout-pause", "rollout pause KIND/NAME", "spec paused", precondition=f"{_THERE} and not paused"),
    _update("rollout-resume", "rollout resume KIND/NAME", "spec paused", precondition=f"{_THERE} and paused"),
    _update("cordon", "cordon NODE", "spec unschedulable"),
    _update("uncordon", "uncordon NODE", "spec unschedulable"),
    _update("taint", "taint nodes NODE K=V:EFFECT K:EFFECT-", "spec taints **"),
    Verb("evict", "(eviction API) POD", Scope.ENVIRONMENT, _NONE, "the disruption budget allows it"),
    Verb(
        "drain", "drain NODE --ignore-daemonsets", Scope.UPDATE, Footprint(("spec unschedulable",)),
        "every pod on the node has a controller", parts=("cordon", "evict"),
    ),
    Verb("expose", "expose KIND/NAME --port=P", Scope.CREATE, _ALL, "no Service is of that name", ("create",)),
    Verb("autoscale", "autoscale KIND/NAME --max=N", Scope.CREATE, _ALL, "no other is of that name", ("create",)),
    Verb("exec", "exec POD -- COMMAND", Scope.ENVIRONMENT, _NONE, "never: it is not run"),
)  # fmt: skip

VERB = {verb.name: verb for verb in _TABLE}
VERBS = tuple(sorted(VERB))
