"""Images: when they are pulled, what is said when they cannot be, and how long until the next attempt."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import msgspec
import pytest

from stratus_sim.cluster import api
from stratus_sim.cluster.kubelet.refusals import malformed, pull_policy
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.pod_shapes import Container
from stratus_sim.world import World
from tests.application.mesh import mesh
from tests.cluster.test_kubelet import messages, node, only, placed, put, web
from tests.cluster.workloads import cluster, members, workload

TEXT = (
    'rpc error: code = NotFound desc = failed to pull and unpack image "docker.io/library/no:such": '
    'failed to resolve reference "docker.io/library/no:such": docker.io/library/no:such: not found'
)


def templated(image: str) -> dict[str, Any]:
    return {"metadata": {"labels": {"app": "w"}}, "spec": {"containers": [{"name": "c", "image": image}]}}


def timeline(world: World, seconds: int) -> list[tuple[int, str]]:
    """(second, reason) at which the reason of the one pod changed."""
    found: list[tuple[int, str]] = []
    for second in range(seconds):
        world.run_for(SECOND_US)
        reason = only(world).status.reason
        if not found or found[-1][1] != reason:
            found.append((second, reason))
    return found


def test_attempts_wait_ten_seconds_and_twice_as_long_each_time_up_to_five_minutes() -> None:
    world = put(mesh(), web(image="no:such"), seconds=1)
    tries = [second for second, reason in timeline(world, 1800) if reason == "ErrImagePull"]
    waits = [after - before - 10 for before, after in pairwise(tries)]
    pulls = [wait - waited for wait, waited in zip(waits[:7], (10, 20, 40, 80, 160, 300, 300), strict=True)]
    assert all(0 <= took <= 3 for took in pulls)


def test_what_is_said_of_an_image_nobody_has() -> None:
    world = put(mesh(), web(image="no:such"), seconds=8)
    assert (only(world).status.reason, only(world).status.message) == ("ErrImagePull", TEXT)
    world.run_for(8 * SECOND_US)
    assert only(world).status.message == f'Back-off pulling image "no:such": ErrImagePull: {TEXT}'
    failed = f'Failed to pull image "no:such": {TEXT}'
    assert {*messages(world, "Failed")} == {failed, "Error: ErrImagePull", "Error: ImagePullBackOff"}


@pytest.mark.parametrize(
    ("image", "where"),
    [("a:9", "docker.io/library/a:9"), ("o/a:9", "docker.io/o/a:9"), ("ghcr.io/o/a:9", "ghcr.io/o/a:9")],
)
def test_the_registry_an_image_is_looked_for_in(image: str, where: str) -> None:
    world = put(mesh(), web(image=image), seconds=8)
    assert f'resolve reference "{where}"' in only(world).status.message


@pytest.mark.parametrize(
    ("image", "given", "policy"),
    [
        ("a", None, "Always"),
        ("r.io:5000/a", None, "Always"),
        ("a:latest", None, "Always"),
        ("a:1", None, "IfNotPresent"),
        ("a@sha256:0", None, "IfNotPresent"),
        ("a:latest", "Never", "Never"),
    ],
)
def test_the_pull_policy_follows_the_tag_where_none_is_given(image: str, given: Any, policy: str) -> None:
    assert pull_policy(Container(name="c", image=image, image_pull_policy=given)) == policy


def test_never_takes_what_is_on_the_node_and_nothing_else() -> None:
    world = put(mesh(extra=[node("n")]), web(image="a:1", imagePullPolicy="Never"))
    assert only(world).status.ready  # the deployment `a` has it pulled
    put(world, placed(web(image="b:1", imagePullPolicy="Never"), nodeName="n"))
    waiting = max((p for p in world.store.list("Pod")), key=lambda p: p.uid)
    said = 'Container image "b:1" is not present with pull policy of Never'
    assert (waiting.status.reason, waiting.status.message) == ("ErrImageNeverPull", said)
    assert messages(world, "ErrImageNeverPull") == [said]
    assert messages(world, "Failed") == ["Error: ErrImageNeverPull"]
    (found,) = world.store.list("Node")
    world.store.report(found.key, msgspec.structs.replace(found.status, images=found.status.images | {"b:1"}))
    world.run_for(300 * SECOND_US)
    assert world.store.state.objects[waiting.key].status.ready


@pytest.mark.parametrize(
    ("image", "why"),
    [
        ("web:1:2", ""), ("my web", ""), ("web:", ""), ("-web", ""), ("web@sha256:1", ""),
        ("Web:1", ": repository name (library/Web) must be lowercase"),
        ("r.io/o/Web:1", ": repository name (r.io/o/Web) must be lowercase"),
    ],
)  # fmt: skip
def test_an_image_by_a_name_that_is_none_is_not_even_looked_for(image: str, why: str) -> None:
    world = put(mesh(), web(image=image))
    parse = f'couldn\'t parse image name "{image}": invalid reference format{why}'
    said = f'Failed to apply default image tag "{image}": {parse}'
    assert (only(world).status.reason, only(world).status.message) == ("InvalidImageName", said)
    assert (messages(world, "InspectFailed"), messages(world, "Failed")) == ([said], ["Error: InvalidImageName"])
    assert f'Pulling image "{image}"' not in messages(world, "Pulling")


def test_a_manifest_does_not_make_an_image_of_a_name_that_is_none() -> None:
    world = cluster(workload("Deployment", replicas=1, template=templated("Web::1")), seconds=5)
    (pod,) = members(world, "Deployment")
    assert pod.status.reason == "InvalidImageName"


@pytest.mark.parametrize(
    "image", ["web", "web:V1.2_x", "r.io:5000/o/w-e_b.x:1", "localhost/web", "R.io/w@sha256:" + 64 * "0"]
)
def test_an_image_nobody_has_by_a_good_name_is_looked_for(image: str) -> None:
    assert not malformed(image)


@pytest.mark.parametrize(("policy", "starts"), [("IfNotPresent", True), ("Always", False)])
def test_an_image_the_registry_lost_runs_where_it_is_kept_unless_it_must_be_asked_for(
    policy: str, starts: bool
) -> None:
    world = mesh(extra=[node("n")])
    (found,) = world.store.list("Node")
    world.store.report(found.key, msgspec.structs.replace(found.status, images=frozenset({"gone:1"})))
    put(world, web(image="gone:1", imagePullPolicy=policy))
    assert only(world).status.ready is starts


def test_a_missing_pull_secret_is_reported_and_the_pull_tried() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "there"}}
    refs = [{"name": "there"}, {"name": "lost"}]
    world = put(mesh(), secret, placed(web(), imagePullSecrets=refs))
    assert only(world).status.ready
    said = "Unable to retrieve some image pull secrets (lost); attempting to pull the image may not succeed."
    assert messages(world, "FailedToRetrieveImagePullSecret") == [said]


def test_a_deleted_pod_is_pulled_for_no_longer() -> None:
    world = put(mesh(), web(image="no:such"), seconds=15)
    api.delete(world, ObjectKey("Deployment", "default", "web"), "test")
    world.run_for(700 * SECOND_US)
    assert len(world.kernel.timers) == 0
