"""What runs in a container: known for the application's workloads, as the manifest says for all others."""

from __future__ import annotations

from typing import Any

from stratus_sim.cluster import api
from stratus_sim.kernel import SECOND_US
from tests.application.mesh import deployment, mesh


def probed(port: int) -> dict[str, Any]:
    manifest = deployment("late")
    container = manifest["spec"]["template"]["spec"]["containers"][0]
    container["image"] = "a:1"
    container["readinessProbe"] = {"tcpSocket": {"port": port}}
    return manifest


def test_a_workload_nobody_described_listens_on_the_ports_it_declares() -> None:
    for port, ready in ((80, 1), (81, 0)):
        world = mesh()
        api.put(world, probed(port), "test")
        world.run_for(60 * SECOND_US)
        (late,) = [p for p in world.store.list("Pod") if p.key.name.startswith("late-")]
        assert (late.status.phase, late.status.ready) == ("Running", bool(ready))


def test_a_sidecar_may_have_less_memory_than_the_process_that_serves() -> None:
    manifest = deployment("b")
    sidecar = {"name": "sidecar", "image": "s:1", "resources": {"limits": {"memory": "5Mi"}}}
    manifest["spec"]["template"]["spec"]["containers"].append(sidecar)
    world = mesh(extra=[manifest])
    assert world.application.workloads["default/b"].memory_mib > 5
    assert [p.status.last_termination for p in world.store.list("Pod")] == ["", ""]
