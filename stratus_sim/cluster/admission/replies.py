"""What the servers behind webhooks say, where somebody has written it down.

Follows kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers ("Response"): a mutating one
answers with the object as it wants it, each with leave or a refusal. A server nobody has written down lets everything
through as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from stratus_sim.cluster.admission.registry import Denied, Write
from stratus_sim.cluster.objects import Manifest

if TYPE_CHECKING:
    from stratus_sim.world import World

Reply = Callable[["World", Write], Manifest | None]
_REPLIES: dict[str, Reply] = {}


class Rejected(Exception):
    """A webhook does not allow a write, and says why; `code` is the HTTP status it asks for."""

    def __init__(self, why: str, code: int = 403) -> None:
        super().__init__(why)
        self.code = code


def answers(image: str) -> Callable[[Reply], Reply]:
    """Register `function(world, write)` as what a server of this image, named without its tag, answers.

    It returns the manifest to store instead, or None where it changes nothing, and raises `Rejected` to refuse.
    """

    def register(function: Reply) -> Reply:
        _REPLIES[image] = function
        return function

    return register


def reply(world: World, webhook: str, images: Iterable[str], write: Write) -> Manifest | None:
    """The object as a server of these images wants it, None where it changes nothing. Raises Denied."""
    for image in images:
        found = _REPLIES.get(_untagged(image))
        try:
            wanted = found(world, write) if found is not None else None
        except Rejected as rejected:
            told = f": {rejected}" if str(rejected) else " without explanation"
            raise Denied(f'admission webhook "{webhook}" denied the request{told}', rejected.code) from None
        if wanted is not None:
            return wanted
    return None


def _untagged(image: str) -> str:
    """An image without tag or digest; the colon of a registry's port is none of these."""
    head, slash, last = image.partition("@")[0].rpartition("/")
    return head + slash + last.partition(":")[0]
