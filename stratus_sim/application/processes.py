"""What the application's containers do once they run: the answers the kubelet needs."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from stratus_sim.application import commands, epochs, health
from stratus_sim.application.throttling import throttled_us
from stratus_sim.cluster.objects import ObjectKey, Resource, node_key
from stratus_sim.cluster.pods import root_owner
from stratus_sim.cluster.process import Answer, Exit
from stratus_sim.cluster.specs import container_limit_millicores, usable_millicores
from stratus_sim.manifests.application import Application, Workload
from stratus_sim.manifests.pod_shapes import Container

if TYPE_CHECKING:
    from stratus_sim.world import World


_WELL = Answer()


@lru_cache(maxsize=64)
def _largest_mib(application: Application) -> int:
    return max((workload.memory_mib for workload in application.workloads.values()), default=1)


class ApplicationProcesses:
    """Facts about an application's processes. A workload the application does not know does as its manifest says."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def listens(self, workload: ObjectKey | None, pod: Resource, port: int) -> bool:
        """Whether the pod's process accepts connections on `port`."""
        known = self._known(workload)
        if known is not None:
            return port in known.listens
        return any(port == p.container_port for c in pod.spec.containers for p in c.ports or ())

    def answer_us(self, workload: ObjectKey | None, container: Container) -> int:
        """How long an idle process takes to answer: its own latency, and what its CPU limit makes of the work."""
        known = self._known(workload)
        if known is None or known.container != container.name:
            return 0
        limit = container_limit_millicores(container)
        return known.latency_us + throttled_us(known.cpu_us_per_request, limit)

    def answer(self, world: World, pod: Resource, container: Container, asked: str) -> Answer:
        """How the process answers now: as ever, unless its workload is overrun or its endpoint looks at others."""
        if not world.traffic.vitals and not self._application.health:
            return _WELL
        known = self._known(root_owner(world, pod))
        if known is None or known.container != container.name:
            return _WELL
        return health.answer(world, pod, known, asked)

    def memory_mib(self, workload: ObjectKey | None, container: str) -> int:
        """Memory the process needs to stay alive, in MiB; one nothing is known of needs next to nothing."""
        known = self._known(workload)
        return known.memory_mib if known is not None and known.container == container else 1

    def largest_mib(self) -> int:
        """Memory the neediest container needs, in MiB."""
        return _largest_mib(self._application)

    def written_mib(self, container: Container) -> int:
        """What a process writes to its disk, in MiB, as far as its command line says."""
        return commands.written_mib((*(container.command or ()), *(container.args or ())))

    def image_exists(self, image: str) -> bool:
        """Whether the registry has this image and tag."""
        return image in self._application.images

    def cpu_millicores(self, world: World, pod: Resource, container: str) -> int:
        """CPU a container uses now, in millicores: its share of the load, which the one that serves carries alone."""
        workload = root_owner(world, pod)
        known = self._known(workload)
        if known is None or known.container != container:
            return 0
        flow, node = epochs.current(world).of(known.key, pod.uid), world.store.get(node_key(pod.status.node))
        left_permille = node.status.strain.left_permille if node is not None else 1000
        return usable_millicores(pod.spec) * min(flow.load_permille, 1000) * left_permille // 1_000_000

    def exit(self, container: Container) -> Exit:
        """How a process ends, as far as its command line says."""
        return commands.exit_of([*(container.command or ()), *(container.args or ())])

    def _known(self, workload: ObjectKey | None) -> Workload | None:
        if workload is None:
            return None
        return self._application.workloads.get(f"{workload.namespace}/{workload.name}")
