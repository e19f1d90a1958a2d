"""The admission chain: plug-ins by name, in the order of the API server.

Follows kubernetes.io/docs/reference/access-authn-authz/admission-controllers ("Admission control phases"): everything
that mutates first, then everything that validates. A plug-in that reads a kind no object of which exists costs nothing.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from stratus_sim.cluster.objects import Manifest, ObjectKey, key_of
from stratus_sim.errors import UserError
from stratus_sim.manifests.kinds import SERVED, plural

if TYPE_CHECKING:
    from stratus_sim.world import World

ORDER = (
    "NamespaceLifecycle", "LimitRanger", "ServiceAccount", "PodSecurity", "Priority", "PersistentVolumeClaimResize",
    "MutatingAdmissionWebhook", "ValidatingAdmissionWebhook", "ResourceQuota",
)  # fmt: skip
"""Plug-ins in the order of `AllOrderedPlugins` of kube-apiserver; one that is not listed comes last."""


ALWAYS = ""
"""What a plug-in reads that looks at every write."""


class Denied(UserError):
    """The API server refuses a write; `code` is the HTTP status, the message what kubectl prints."""

    def __init__(self, message: str, code: int = 403) -> None:
        super().__init__(message)
        self.code = code


class Write(NamedTuple):
    """A write on its way into the store; `old` is None for a creation, `manifest` for a deletion."""

    key: ObjectKey
    manifest: Manifest | None
    old: Manifest | None

    @property
    def operation(self) -> str:
        return "DELETE" if self.manifest is None else "CREATE" if self.old is None else "UPDATE"


_F = TypeVar("_F", bound=Callable[..., "Manifest | None"])
Mutator = Callable[["World", Write], Manifest]
Validator = Callable[["World", Write], None]


class _Plugin(NamedTuple):
    rank: int
    name: str
    reads: str
    run: Callable[..., Manifest | None]


_MUTATING: list[_Plugin] = []
_VALIDATING: list[_Plugin] = []


def mutates(name: str, reads: str) -> Callable[[Mutator], Mutator]:
    """Register `function(world, write)`, which returns the manifest to store, where objects of kind `reads` exist."""
    return lambda function: _register(_MUTATING, name, reads, function)


def validates(name: str, reads: str) -> Callable[[Validator], Validator]:
    """Register `function(world, write)`, which raises `Denied`, for worlds in which objects of kind `reads` exist."""
    return lambda function: _register(_VALIDATING, name, reads, function)


def _register(chain: list[_Plugin], name: str, reads: str, function: _F) -> _F:
    rank = ORDER.index(name) if name in ORDER else len(ORDER)
    insort(chain, _Plugin(rank, name, reads, function), key=lambda plugin: plugin[:3])
    return function


def admitted(world: World, manifest: Manifest, old: Manifest | None = None) -> Manifest:
    """The manifest to store: `manifest` itself where no plug-in changes it.

    Raises:
        Denied: a plug-in refuses the write.
    """
    for plugin in _MUTATING:
        if not plugin.reads or world.store.has(plugin.reads):
            manifest = plugin.run(world, Write(key_of(manifest), manifest, old)) or manifest
    _validate(world, manifest, old)
    return manifest


def admit_deletion(world: World, old: Manifest) -> None:
    """Ask the plug-ins that look at deletions. Raises Denied."""
    _validate(world, None, old)


def _validate(world: World, manifest: Manifest | None, old: Manifest | None) -> None:
    for plugin in _VALIDATING:
        if not plugin.reads or world.store.has(plugin.reads):
            plugin.run(world, Write(key_of(manifest or old or {}), manifest, old))


def forbidden(key: ObjectKey, why: str) -> Denied:
    """The 403 about an object.

    >>> from stratus_sim.cluster.objects import ObjectKey
    >>> str(forbidden(ObjectKey("Pod", "default", "w-1"), "no"))
    'pods "w-1" is forbidden: no'
    """
    return Denied(f'{grouped(key.kind)} "{key.name}" is forbidden: {why}')


def grouped(kind: str) -> str:
    """The plural of a kind with its group behind it, as the API server names resources.

    >>> grouped("Pod"), grouped("Deployment")
    ('pods', 'deployments.apps')
    """
    group = SERVED.get(kind, "").rpartition("/")[0]
    return f"{plural(kind)}.{group}" if group else plural(kind)
