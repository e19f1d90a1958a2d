"""What the application's containers do once they run: the answers the kubelet needs."""

from __future__ import annotations

from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.manifests.application import Application, Workload


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

    def memory_mib(self, workload: ObjectKey | None, container: str) -> int:
        """Memory the process needs to stay alive, in MiB; one nothing is known of needs next to nothing."""
        known = self._known(workload)
        return known.memory_mib if known is not None and known.container == container else 1

    def image_exists(self, image: str) -> bool:
        """Whether the registry has this image and tag."""
        return image in self._application.images

    def _known(self, workload: ObjectKey | None) -> Workload | None:
        if workload is None:
            return None
        return self._application.workloads.get(f"{workload.namespace}/{workload.name}")
