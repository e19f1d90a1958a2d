"""What `kubectl get` and `describe` show of pods: why they restart, what they wait for, what they were given."""

from __future__ import annotations

import re
from typing import Any

import pytest

from stratus_sim.kernel import SECOND_US
from stratus_sim.serve.admitting import admit
from stratus_sim.serve.answers import Refusal
from stratus_sim.serve.kinds import find
from stratus_sim.serve.showing import View
from stratus_sim.telemetry.render import render, timestamp
from stratus_sim.world import World
from tests.cluster.workloads import cluster, get, workload
from tests.serve.test_columns import printed

Json = dict[str, Any]


def pod(name: str = "p", container: Json | None = None, **spec: Any) -> Json:
    containers = [{"name": "c", "image": "w:1", **(container or {})}]
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": containers, **spec}}


def command(text: str) -> Json:
    return {"command": ["sh", "-c", text]}


def row(world: World) -> dict[str, Any]:
    (found,) = printed(world, "", "v1", "pods")
    return found


def shown(world: World, resource: str = "pods", group: str = "", version: str = "v1") -> Json:
    (found,) = View(world).list(find(world, group, version, resource))
    return found


def test_restarts_say_how_long_ago_the_last_one_was() -> None:
    world = cluster(pod(container=command("sleep 3; exit 1")), seconds=5)
    assert row(world)["Restarts"] == 0
    while get(world, "Pod", "p").status.reason != "CrashLoopBackOff":
        world.step()
    world.run_for(7 * SECOND_US)
    assert row(world)["Restarts"] == "1 (7s ago)"


def test_an_init_containers_restarts_count_until_it_is_done() -> None:
    failing = {"name": "i", "image": "w:1", **command("exit 1")}
    world = cluster(pod(initContainers=[failing]), seconds=4)
    world.run_for(2 * SECOND_US)
    assert (row(world)["Status"], str(row(world)["Restarts"]).split()[0]) == ("Init:CrashLoopBackOff", "1")


@pytest.mark.parametrize(
    ("spec", "status"),
    [({"schedulingGates": [{"name": "a/b"}]}, "SchedulingGated"), ({"nodeSelector": {"no": "where"}}, "Pending")],
)
def test_a_pod_nobody_may_schedule_says_so(spec: Json, status: str) -> None:
    assert row(cluster(pod(**spec), seconds=1))["Status"] == status


def test_the_wide_columns_of_a_pod_that_waits_for_a_gate() -> None:
    world = cluster(pod(readinessGates=[{"conditionType": "example.org/gate"}]), nodes=1, seconds=10)
    wide = {"Nominated Node": "<none>", "Readiness Gates": "0/1"}
    assert wide.items() <= row(world).items() and (row(world)["Ready"], row(world)["Node"]) == ("1/1", "n0")


def test_a_run_that_is_over_began_and_ended() -> None:
    world = cluster(pod(container=command("sleep 3; exit 1")), seconds=0)
    started_us: list[int] = []
    while len(started_us) < 3:
        world.step()
        now_us = get(world, "Pod", "p").status.started_us
        started_us += [now_us] if now_us and now_us not in started_us else []
        (one,) = render(world, get(world, "Pod", "p"))["status"].get("containerStatuses", [{}])
        if len(started_us) == 2 and "waiting" in one["state"]:
            assert one["lastState"]["terminated"]["startedAt"] == timestamp(started_us[1])
    last = one["lastState"]["terminated"]
    assert (last["startedAt"], last["finishedAt"]) == tuple(
        timestamp(us) for us in (started_us[1], started_us[1] + 3 * SECOND_US)
    )
    assert one["state"]["running"]["startedAt"] == timestamp(started_us[2])


def test_what_was_left_out_is_shown_as_it_is_understood() -> None:
    container = {
        "livenessProbe": {"httpGet": {"port": 80}, "periodSeconds": 3},
        "resources": {"limits": {"cpu": "2", "memory": "64Mi"}, "requests": {"cpu": "1"}},
    }
    world = cluster(workload("Deployment", template={
        "metadata": {"labels": {"app": "w"}}, "spec": pod(container=container)["spec"],
    }, replicas=1), seconds=5)  # fmt: skip
    template = shown(world, "deployments", "apps")["spec"]["template"]["spec"]
    for spec in (template, shown(world)["spec"]):
        (found,) = spec["containers"]
        assert found["livenessProbe"] == {
            "httpGet": {"port": 80, "scheme": "HTTP", "path": "/"},
            "timeoutSeconds": 1, "periodSeconds": 3, "successThreshold": 1, "failureThreshold": 3,
        }  # fmt: skip
        assert found["resources"]["requests"] == {"cpu": "1", "memory": "64Mi"}


def test_a_pod_bears_a_silent_node_for_five_minutes_unless_it_says_otherwise() -> None:
    own = {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 9}
    spec = shown(cluster(pod(tolerations=[own]), seconds=1))["spec"]
    added = {
        "key": "node.kubernetes.io/not-ready",
        "operator": "Exists",
        "effect": "NoExecute",
        "tolerationSeconds": 300,
    }
    assert (spec["tolerations"], spec["priority"]) == ([own, added], 0)


def test_what_happens_at_one_instant_is_told_in_the_order_it_goes_through() -> None:
    world = cluster(
        pod(container={"lifecycle": {"postStart": {"exec": {"command": ["sh", "-c", "exit 1"]}}}}), seconds=0
    )
    while not any(event.reason == "Killing" for event in world.cluster.events.values()):
        world.step()
    told = [event.reason for event in View(world).events() if event.involved.kind == "Pod"]
    assert told == ["Scheduled", "Pulling", "Pulled", "Created", "Started", "FailedPostStartHook", "Killing"]
    world = cluster(pod(container={"image": "W:1"}), seconds=4)
    assert [event.message.split(":")[0] for event in View(world).events()][1:] == [
        'Failed to apply default image tag "W', "Error",
    ]  # fmt: skip


def test_every_run_has_an_id_of_its_own_and_an_image_the_same() -> None:
    world = cluster(pod(container=command("sleep 3; exit 1")), seconds=0)
    ids, images = [""], {""}
    while len(ids) < 4:
        world.step()
        (one,) = shown(world)["status"].get("containerStatuses") or [{"imageID": ""}]
        ids += [one["containerID"]] if one.get("containerID") not in (None, ids[-1]) else []
        images.add(one["imageID"])
        last = one.get("lastState", {}).get("terminated", {}).get("containerID")
        assert last in (None, ids[-1] if "waiting" in one["state"] else ids[-2])
    assert len(set(ids)) == 4 and all(re.fullmatch("containerd://[0-9a-f]{64}", one) for one in ids[1:])
    (image,) = images - {""}
    assert re.fullmatch("docker.io/library/w@sha256:[0-9a-f]{64}", image)


@pytest.mark.parametrize(
    ("broken", "field", "told"),
    [
        (
            {"container": {"resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}}},
            "spec.containers[0].resources.requests",
            'Invalid value: "2": must be less than or equal to cpu limit of 1',
        ),
        (
            {"container": {"volumeMounts": [{"name": "v", "mountPath": "/v"}]}},
            "spec.containers[0].volumeMounts[0].name", 'Not found: "v"',
        ),
        ({"restartPolicy": "Sometimes"}, "spec.restartPolicy", "Invalid enum value 'Sometimes'"),
    ],
)  # fmt: skip
def test_what_is_refused_is_told_with_the_path_of_its_field(broken: Json, field: str, told: str) -> None:
    world = cluster()
    with pytest.raises(Refusal) as refused:
        admit(find(world, "", "v1", "pods"), pod(**broken), None)
    assert (refused.value.code, str(refused.value)) == (422, f'Pod "p" is invalid: {field}: {told}')
    details = refused.value.details or {}
    assert details["kind"] == "Pod"
    assert details["causes"] == [{"reason": "FieldValueInvalid", "message": told, "field": field}]
