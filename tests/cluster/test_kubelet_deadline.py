"""Pods that may only be there for so long."""

from __future__ import annotations

import pytest

from stratus_sim.cluster import nodes
from stratus_sim.kernel import SECOND_US
from stratus_sim.telemetry.render import render
from stratus_sim.telemetry.render_pods import status_column
from tests.cluster.test_kubelet import messages
from tests.cluster.workloads import cluster, get, template

SAID = "Pod was active on the node longer than the specified deadline"


def pod(command: str, **spec: object) -> dict[str, object]:
    body = template(command=command, **spec)["spec"]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "default"}, "spec": body}


def test_a_pod_that_is_still_there_at_its_deadline_has_failed() -> None:
    world = cluster(pod("serve", activeDeadlineSeconds=20), seconds=19)
    assert get(world, "Pod", "p").status.ready
    world.run_for(2 * SECOND_US)
    found = get(world, "Pod", "p")
    assert (found.status.phase, found.status.reason, found.status.message) == ("Failed", "DeadlineExceeded", SAID)
    assert (messages(world, "DeadlineExceeded"), messages(world, "Killing")) == ([SAID], ["Stopping container c"])
    shown = render(world, found)
    assert status_column(shown) == shown["status"]["reason"] == "DeadlineExceeded"
    (ended,) = shown["status"]["containerStatuses"]
    assert (ended["state"]["terminated"]["reason"], ended["state"]["terminated"]["exitCode"]) == ("Error", 137)
    assert get(world, "Node", found.status.node).status.millicores == 0


@pytest.mark.parametrize("how", ["done", "waits for a volume", "on a dead node"])
def test_what_the_deadline_is_about(how: str) -> None:
    """Not work that is done; the time a pod waits on its node counts; a dead kubelet looks at no clock."""
    missing = {"volumes": [{"name": "v", "secret": {"secretName": "missing"}}]} if "volume" in how else {}
    work = ("sleep 3", "OnFailure") if how == "done" else ("serve", "Always")
    world = cluster(pod(work[0], activeDeadlineSeconds=20, restartPolicy=work[1], **missing), seconds=10)
    if "node" in how:
        nodes.crash(world, get(world, "Pod", "p").status.node)
    world.run_for(20 * SECOND_US)
    assert get(world, "Pod", "p").status.phase == {"done": "Succeeded", "on a dead node": "Running"}.get(how, "Failed")
