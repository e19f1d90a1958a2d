"""Why an image cannot be had.

Follows kubernetes.io/docs/concepts/containers/images ("Image pull policy") and the texts of kubelet and containerd.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from stratus_sim.manifests.pod_shapes import Container

if TYPE_CHECKING:
    from stratus_sim.world import World


_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"(?:[\w.-]+(?::\d+)?/)?{_COMPONENT}(?:/{_COMPONENT})*(?::\w[\w.-]{{0,127}})?(?:@sha256:[0-9a-f]{{64}})?"
)


class Refusal(NamedTuple):
    """Why an image is not there: the reason kubectl shows, the image, what the container runtime says, and the reason
    of the Event that says it."""

    reason: str
    image: str
    message: str
    event: str = "Failed"


def refused(world: World, container: Container, present: Collection[str]) -> Refusal | None:
    """Why the image of a container is not on the node and cannot be had."""
    image, policy = container.image or "", pull_policy(container)
    if policy == "Never" and image not in present:
        message = f'Container image "{image}" is not present with pull policy of Never'
        return Refusal("ErrImageNeverPull", image, message, "ErrImageNeverPull")
    if policy != "Always" and image in present:
        return None
    if malformed(image):
        return Refusal("InvalidImageName", image, _unreadable(image), "InspectFailed")
    return None if world.processes.image_exists(image) else Refusal("ErrImagePull", image, _not_found(image))


@lru_cache(maxsize=4096)
def malformed(image: str) -> bool:
    """Whether an image's name is none (github.com/distribution/reference, "Grammar")."""
    return _REFERENCE.fullmatch(image) is None


def _unreadable(image: str) -> str:
    why = "invalid reference format"
    if _REFERENCE.fullmatch(image.lower()):
        name = image.partition("@")[0].partition(":")[0]
        why += f": repository name ({name if '/' in name else f'library/{name}'}) must be lowercase"
    return f'Failed to apply default image tag "{image}": couldn\'t parse image name "{image}": {why}'


def pull_policy(container: Container) -> str:
    """`imagePullPolicy`; without it Always for the tag `latest`, given or meant, else IfNotPresent."""
    return container.image_pull_policy or _default_policy(container.image or "")


@lru_cache(maxsize=4096)
def _default_policy(image: str) -> str:
    tag = image.rpartition("/")[2].partition(":")[2]
    return "IfNotPresent" if "@" in image or tag not in ("", "latest") else "Always"


def _not_found(image: str) -> str:
    where = full_name(image)
    return (
        f'rpc error: code = NotFound desc = failed to pull and unpack image "{where}": '
        f'failed to resolve reference "{where}": {where}: not found'
    )


def full_name(image: str) -> str:
    """An image by the name that says where it comes from.

    >>> full_name("nginx:1"), full_name("o/a"), full_name("ghcr.io/o/a:2")
    ('docker.io/library/nginx:1', 'docker.io/o/a', 'ghcr.io/o/a:2')
    """
    host, _, rest = image.partition("/")
    if rest and ("." in host or ":" in host or host == "localhost"):
        return image
    return "docker.io/" + ("" if rest else "library/") + image
