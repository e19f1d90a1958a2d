"""What is inside the containers: facts about images and processes that no manifest states.

The cluster only asks; the application description answers (see `stratus_sim.manifests.application`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.manifests.pod_shapes import Container

if TYPE_CHECKING:
    from stratus_sim.world import World


class Exit(NamedTuple):
    """How a process that is meant to end does: after how many microseconds, None for as long as such things take."""

    code: int = 0
    after_us: int | None = None


class Answer(NamedTuple):
    """How a process answers the question how it is: after so many microseconds, and whether it says that it is well."""

    after_us: int = 0
    well: bool = True


class Processes(Protocol):
    """The behaviour of the software that pods run."""

    def listens(self, workload: ObjectKey | None, pod: Resource, port: int) -> bool:
        """Whether the pod's process accepts connections on `port`."""

    def answer_us(self, workload: ObjectKey | None, container: Container) -> int:
        """How long the process of a container takes to answer a request when it has nothing else to do."""

    def answer(self, world: World, pod: Resource, container: Container, asked: str) -> Answer:
        """How the process of a container that runs answers now, asked for a path or a gRPC service.

        No sooner than `answer_us` says, and not well where what it looks at is not.
        """

    def memory_mib(self, workload: ObjectKey | None, container: str) -> int:
        """Memory the process of a container needs to stay alive, in MiB."""

    def largest_mib(self) -> int:
        """Memory the neediest of all containers needs, in MiB."""

    def written_mib(self, container: Container) -> int:
        """What the process of a container writes to its disk, in MiB."""

    def image_exists(self, image: str) -> bool:
        """Whether the registry has this image and tag."""

    def cpu_millicores(self, world: World, pod: Resource, container: str) -> int:
        """CPU a container of a ready pod uses now, as metrics.k8s.io reports it."""

    def exit(self, container: Container) -> Exit:
        """How the process of a container that is meant to end does."""
