"""Roll-outs, sizes and quorums: pods of an earlier template, members that are missing, pods on their way out."""

from __future__ import annotations

import pytest

from stratus_sim.cluster import api
from stratus_sim.kernel import SECOND_US
from tests.cluster.asking import FAILING, READING, SLOW, cordon, holds, manifest, of, settings, stale
from tests.cluster.workloads import change, cluster, key, members, ready, retemplate, template, workload


def test_pods_of_an_earlier_template_come_back_only_where_undo_puts_that_back() -> None:
    world = stale("DaemonSet")
    before = manifest(world, "DaemonSet", template=template())
    assert not holds(world, "rollable", "DaemonSet"), "who is deleted comes back as another"
    assert holds(world, "rollable", "DaemonSet", begun=before)


def test_pods_of_the_present_template_come_back() -> None:
    world = cluster(workload("DaemonSet"), seconds=60)
    assert holds(world, "rollable", "DaemonSet")
    assert holds(world, "rollable", "DaemonSet", begun=manifest(world, "DaemonSet", template=of(image="w:2")))


def test_what_is_new_takes_nothing_from_anybody_and_what_is_not_there_does_not_go() -> None:
    world = cluster(seconds=1)
    for kind, condition in (("Deployment", "rollable"), ("StatefulSet", "quorum")):
        assert holds(world, condition, kind, workload(kind))
        assert not holds(world, condition, kind)


@pytest.mark.parametrize(("fails", "rolls"), [({}, True), (FAILING, False)])
def test_a_roll_out_keeps_pods_of_an_earlier_template_while_they_serve(fails: dict[str, object], rolls: bool) -> None:
    world = stale("DaemonSet", fails)
    assert bool(ready(world, "DaemonSet")) is rolls
    assert holds(world, "rollable", "DaemonSet", manifest(world, "DaemonSet", template=of(image="w:3"))) is rolls
    assert holds(world, "rollable", "DaemonSet", manifest(world, "DaemonSet", minReadySeconds=1)), "none goes"


def test_a_roll_out_drops_pods_of_the_present_template_that_ail() -> None:
    world = cluster(workload("DaemonSet", template=of(**FAILING)), seconds=60)
    assert holds(world, "rollable", "DaemonSet", manifest(world, "DaemonSet", template=of(image="w:3")))


def test_another_size_may_take_pods_that_ail_whatever_their_template() -> None:
    world = cluster(workload("Deployment", replicas=2, template=of(**FAILING)), seconds=60)
    change(world, "Deployment", paused=True, template=of(image="w:2"))
    world.run_for(SECOND_US)
    assert holds(world, "rollable", "Deployment", manifest(world, "Deployment", replicas=1))


def test_a_smaller_size_or_a_roll_out_takes_only_who_could_start_again_and_a_larger_one_takes_nobody() -> None:
    world = cluster(workload("Deployment", replicas=2), seconds=60)
    smaller, larger = (manifest(world, "Deployment", replicas=n) for n in (1, 3))
    rolled = manifest(world, "Deployment", template=of(image="w:2"))
    asked = [smaller, rolled, larger, manifest(world, "Deployment", minReadySeconds=1)]
    assert all(holds(world, "rollable", "Deployment", after) for after in asked)
    cordon(world)
    assert [holds(world, "rollable", "Deployment", after) for after in asked] == [False, False, True, True]


def test_every_pod_that_serves_has_to_be_able_to_start_again_and_no_other() -> None:
    """Of two sets of pods only the earlier one reads a ConfigMap that is gone; the later one never gets ready."""
    world = cluster(workload("Deployment", replicas=2, template=of(**READING)), settings(), seconds=60)
    undone = manifest(world, "Deployment")
    change(world, "Deployment", template=of(**FAILING))
    world.run_for(60 * SECOND_US)
    assert len(members(world, "Deployment")) == 3 and ready(world, "Deployment") == 2
    assert holds(world, "rollable", "Deployment", undone)
    api.delete(world, key("ConfigMap", "c"), "user")
    assert not holds(world, "rollable", "Deployment", undone)
    world = cluster(workload("Deployment", replicas=2), settings(), seconds=60)
    change(world, "Deployment", template=of(**FAILING, **READING))
    world.run_for(60 * SECOND_US)
    api.delete(world, key("ConfigMap", "c"), "user")
    assert holds(world, "rollable", "Deployment", manifest(world, "Deployment", template=template()))


def test_a_roll_out_that_was_paused_is_not_let_go_by_anybody() -> None:
    world = cluster(workload("Deployment", replicas=2), seconds=60)
    change(world, "Deployment", paused=True)
    world.run_for(SECOND_US)
    resumed = manifest(world, "Deployment", paused=False)
    assert holds(world, "rollable", "Deployment", resumed), "nothing waits for it"
    other = manifest(world, "Deployment", paused=False, template=of(image="w:2"))
    assert not holds(world, "rollable", "Deployment", other)
    assert holds(world, "rollable", "Deployment", {**other, "spec": {**other["spec"], "paused": True}})
    running = manifest(world, "Deployment", paused=False)
    assert holds(world, "rollable", "Deployment", other, running), "the pause is our own"
    change(world, "Deployment", template=of(image="w:2"))
    world.run_for(SECOND_US)
    assert not holds(world, "rollable", "Deployment", manifest(world, "Deployment", paused=False))


def test_a_roll_out_that_was_paused_half_way_is_not_let_go_either() -> None:
    world = cluster(workload("Deployment", replicas=2, minReadySeconds=30), seconds=60)
    change(world, "Deployment", template=template(terminationGracePeriodSeconds=1))
    world.run_for(10 * SECOND_US)
    change(world, "Deployment", paused=True)
    world.run_for(SECOND_US)
    assert ready(world, "Deployment") == 3
    assert not holds(world, "rollable", "Deployment", manifest(world, "Deployment", paused=False))


def test_a_template_is_another_one_also_where_the_same_runs() -> None:
    """Restarted by a mark in the template, and held up: another size would be shared out among old pods and new."""
    world = cluster(workload("Deployment", replicas=2), seconds=60)
    change(world, "Deployment", paused=True)
    retemplate(world, "Deployment", 1)
    world.run_for(SECOND_US)
    assert not holds(world, "rollable", "Deployment", manifest(world, "Deployment", replicas=3))


def test_lists_that_say_nothing_are_as_if_they_were_not_there() -> None:
    world = cluster(workload("DaemonSet", updateStrategy={"type": "OnDelete"}), seconds=60)
    change(world, "DaemonSet", template=of(env=[]))
    assert holds(world, "rollable", "DaemonSet")


def test_a_workload_that_gives_no_number_of_replicas_asks_for_one() -> None:
    """Its pod is of an earlier template, and a roll-out is held up: nothing but the size as it is may be asked for."""
    world = cluster(workload("Deployment", replicas=1), seconds=60)
    change(world, "Deployment", paused=True, template=of(image="w:2"))
    world.run_for(SECOND_US)
    same = manifest(world, "Deployment")
    del same["spec"]["replicas"]
    assert holds(world, "rollable", "Deployment", same)
    assert not holds(world, "rollable", "Deployment", manifest(world, "Deployment", replicas=2))


def test_who_is_on_the_way_out_does_not_count() -> None:
    """Pods of an earlier template that take their time to end keep the size from nobody."""
    spec = {**of(**SLOW)["spec"], "terminationGracePeriodSeconds": 600}
    world = cluster(workload("Deployment", replicas=2, template={**template(), "spec": spec}), seconds=60)
    retemplate(world, "Deployment", 1)
    world.run_for(60 * SECOND_US)
    assert sum(pod.deleting and pod.status.ready for pod in world.store.list("Pod")) == 2
    assert holds(world, "rollable", "Deployment", manifest(world, "Deployment", replicas=1))


@pytest.mark.parametrize(("lost", "quorum"), [(0, True), (1, False)])
def test_a_quorum_that_lacks_a_member_is_not_touched(lost: int, quorum: bool) -> None:
    """Of five members three would be left without one that is down and one that restarts; but all have to be up."""
    world = cluster(workload("StatefulSet", replicas=5, serviceName="w"), seconds=120)
    assert ready(world, "StatefulSet") == 5
    for pod in members(world, "StatefulSet")[:lost]:
        api.delete(world, pod.key, "user")
    world.run_for(SECOND_US)
    assert holds(world, "quorum", "StatefulSet", manifest(world, "StatefulSet", minReadySeconds=1)) is quorum


def test_a_quorum_is_kept_by_those_left_and_every_member_that_leaves_could_come_back() -> None:
    world = cluster(workload("StatefulSet", replicas=5, serviceName="w"), seconds=120)
    assert [holds(world, "quorum", "StatefulSet", manifest(world, "StatefulSet", replicas=n)) for n in (2, 3, 9)] == [
        False, True, True
    ]  # fmt: skip
    assert not holds(world, "quorum", "StatefulSet"), "it goes"
    assert not holds(world, "quorum", "StatefulSet", manifest(world, "StatefulSet", template=of(image="w:2")))
    cordon(world)
    assert not holds(world, "quorum", "StatefulSet", manifest(world, "StatefulSet", replicas=3))


def test_no_member_of_a_quorum_is_left_that_could_not_start_again() -> None:
    """One of them has been started from a later template, which reads a ConfigMap that is gone."""
    spec = {"replicas": 5, "serviceName": "w", "updateStrategy": {"type": "OnDelete"}}
    world = cluster(workload("StatefulSet", **spec), settings(), seconds=120)
    change(world, "StatefulSet", template=of(**READING))
    api.delete(world, members(world, "StatefulSet")[0].key, "user")
    world.run_for(60 * SECOND_US)
    assert ready(world, "StatefulSet") == 5
    after = manifest(world, "StatefulSet", minReadySeconds=1)
    assert holds(world, "quorum", "StatefulSet", after)
    api.delete(world, key("ConfigMap", "c"), "user")
    assert not holds(world, "quorum", "StatefulSet", after)
