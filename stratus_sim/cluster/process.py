"""What is inside the containers: facts about images and processes that no manifest states.

The cluster only asks; the application description answers (see `stratus_sim.manifests.application`).
"""

from __future__ import annotations

from typing import Protocol

from stratus_sim.cluster.objects import ObjectKey, Resource


class Processes(Protocol):
    """The behaviour of the software that pods run."""

    def listens(self, workload: ObjectKey | None, pod: Resource, port: int) -> bool:
        """Whether the pod's process accepts connections on `port`."""

    def memory_mib(self, workload: ObjectKey | None, container: str) -> int:
        """Memory the process of a container needs to stay alive, in MiB."""

    def image_exists(self, image: str) -> bool:
        """Whether the registry has this image and tag."""
