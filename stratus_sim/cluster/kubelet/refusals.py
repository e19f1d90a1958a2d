"""Why an image cannot be had.

Follows kubernetes.io/docs/concepts/containers/images ("Image pull policy") and the texts of kubelet and containerd.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from stratus_sim.manifests.pod_shapes import Container

if TYPE_CHECKING:
    from stratus_sim.world import World


class Refusal(NamedTuple):
    """Why an image is not there: the reason kubectl shows, the image, and what the container runtime says."""

    reason: str
    image: str
    message: str


def refused(world: World, container: Container, present: Collection[str]) -> Refusal | None:
    """Why the image of a container is not on the node and cannot be had."""
    image, policy = container.image or "", pull_policy(container)
    if policy == "Never" and image not in present:
        message = f'Container image "{image}" is not present with pull policy of Never'
        return Refusal("ErrImageNeverPull", image, message)
    if (policy == "Always" or image not in present) and not world.processes.image_exists(image):
        return Refusal("ErrImagePull", image, _not_found(image))
    return None


def pull_policy(container: Container) -> str:
    """`imagePullPolicy`; without it Always for the tag `latest`, given or meant, else IfNotPresent."""
    return container.image_pull_policy or _default_policy(container.image or "")


@lru_cache(maxsize=4096)
def _default_policy(image: str) -> str:
    tag = image.rpartition("/")[2].partition(":")[2]
    return "IfNotPresent" if "@" in image or tag not in ("", "latest") else "Always"


def _not_found(image: str) -> str:
    host, _, rest = image.partition("/")
    named = image if rest and ("." in host or ":" in host or host == "localhost") else None
    where = named or ("docker.io/" + ("" if rest else "library/") + image)
    return (
        f'rpc error: code = NotFound desc = failed to pull and unpack image "{where}": '
        f'failed to resolve reference "{where}": {where}: not found'
    )
