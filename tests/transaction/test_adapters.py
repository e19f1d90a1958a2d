"""The simulated cluster as transactions see it: what can be read, previewed, written, and who wrote it."""

from __future__ import annotations

from pathlib import Path

import pytest

from stratus_sim.adapters.durable import DurableCluster, open_durable
from stratus_sim.adapters.simulated import SimulatedCluster
from stratus_sim.cluster import api, lease
from stratus_sim.cluster.actions import Action, InvalidAction
from stratus_sim.cluster.configuration import ABSENT, Field
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.errors import UserError
from stratus_sim.kernel import SECOND_US
from stratus_sim.transaction.cluster import Grant, StaleToken
from tests.application.mesh import key, mesh, node_of, scale

HOME = {"namespace": "default"}
CONFIG = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", **HOME}, "data": {"a": "b"}}
C = key("c", "ConfigMap")
REPLICAS = Field(key("b"), ("spec", "replicas"))


def cluster() -> SimulatedCluster:
    return SimulatedCluster(mesh("a>b"))


def granted(found: SimulatedCluster, agent: str = "me") -> Grant:
    grant = found.acquire(agent)
    assert grant is not None
    return grant


def resize(replicas: int) -> Action:
    return Action("scale", "deployment/b", {"replicas": replicas})


def first(found: SimulatedCluster, kind: str) -> ObjectKey:
    return found.world.store.list(kind)[0].key


def test_configuration_is_read_as_it_was_when_asked_for() -> None:
    found = cluster()
    read = found.configuration()
    scale(found.world, "b", 3)
    assert (read(REPLICAS), found.configuration()(REPLICAS)) == (1, 3)
    for absent in (Field(C, ("kind",)), Field(first(found, "Pod"), ("kind",)), Field(key("b"), ("no",))):
        assert read(absent) == ABSENT


def test_a_preview_is_what_would_change_and_changes_nothing() -> None:
    found = cluster()
    assert found.preview(resize(3)) == {REPLICAS: 3}
    assert found.preview(resize(1)) == {}
    assert found.preview(Action("apply", "", {"manifest": CONFIG}))[Field(C, ("data", "a"))] == "b"
    assert found.configuration()(REPLICAS) == 1
    assert found.preview(Action("delete", f"pod/{first(found, 'Pod').name}")) == {}


@pytest.mark.parametrize(("verb", "kind"), [("delete", "ReplicaSet"), ("delete", "EndpointSlice"), ("patch", "Pod")])
def test_what_a_controller_owns_is_changed_through_its_owner(verb: str, kind: str) -> None:
    found = cluster()
    arguments = {"patch": {"metadata": {"labels": {"x": "y"}}}} if verb == "patch" else {}
    with pytest.raises(InvalidAction, match="change its owner instead"):
        found.preview(Action(verb, f"{kind}/{first(found, kind).name}", arguments))


def test_an_action_without_condition_is_permitted_and_one_with_only_while_it_holds() -> None:
    found = cluster()
    pod = Action("delete", f"pod/{first(found, 'Pod').name}")
    assert found.permitted(Action("annotate", "deployment/b", {"annotations": {"a": "b"}}))
    assert found.permitted(resize(2))
    assert not found.permitted(pod)
    scale(found.world, "a", 2)
    found.world.run_for(30 * SECOND_US)
    assert found.permitted(pod)


def test_nobody_writes_without_the_current_grant() -> None:
    found = cluster()
    old = granted(found)
    lease.expire(found.world)
    granted(found, "other")
    for write in (lambda: found.perform(resize(3), old), lambda: found.restore({REPLICAS: 3}, old)):
        with pytest.raises(StaleToken):
            write()
    assert found.configuration()(REPLICAS) == 1


def test_what_the_cluster_refuses_is_an_invalid_action() -> None:
    found = cluster()
    wrong = Action("patch", "deployment/b", {"patch": {"spec": {"replicas": "many"}}})
    with pytest.raises(InvalidAction):
        found.perform(wrong, granted(found))


def test_restoring_removes_what_was_added_and_whole_objects_in_order() -> None:
    found = cluster()
    grant = granted(found)
    two = {**CONFIG, "metadata": {"name": "b", **HOME}}
    for manifest in (CONFIG, two):
        api.put(found.world, manifest, "test")
    mark = found.last_change()
    gone = {Field(o, p): ABSENT for o in (C, key("b", "ConfigMap")) for p in _paths(found, o)}
    found.restore({**gone, REPLICAS: 2}, grant)
    assert [found.world.store.get(o) for o in (C, key("b", "ConfigMap"))] == [None, None]
    changes = api.changes_since(found.world, mark)
    assert [c.key.kind + c.key.name for c in changes] == ["ConfigMapb", "ConfigMapc", "Deploymentb"]
    assert {c.writer for c in changes} == {"agent:me"}
    assert found.changes(mark) == []


def _paths(found: SimulatedCluster, of: ObjectKey) -> list[tuple[str, ...]]:
    manifest = found.world.store.state.objects[of].manifest
    return [("apiVersion",), ("kind",), *(("metadata", k) for k in manifest["metadata"]), ("data", "a")]


def test_a_foreign_change_names_the_fields_its_writer_decided() -> None:
    found = cluster()
    mark = found.last_change()
    scale(found.world, "b", 2)
    api.put(found.world, CONFIG, "fault", whole=True)
    api.put(found.world, CONFIG, "fault", whole=True)
    api.put(found.world, CONFIG, "somebody")
    api.delete(found.world, C, "fault")
    fields = [dict(change.fields) for change in found.changes(mark)]
    assert fields[0] == {REPLICAS: 2}
    assert fields[1] == fields[2]
    assert (fields[2][Field(C, ("kind",))], fields[2][Field(C, ("data", "a"))]) == ("ConfigMap", "b")
    assert fields[3] == {}
    assert fields[4][Field(C, ("kind",))] == fields[4][Field(C, ("data", "a"))] == ABSENT
    api.delete(found.world, C, "fault")
    assert dict(found.changes(found.last_change() - 1)[0].fields) == {Field(C, ("kind",)): ABSENT}
    assert [c.number for c in found.changes(mark)] == list(range(mark + 1, mark + 7))


def test_the_shadow_is_the_same_instant_without_what_was_done() -> None:
    found = cluster()
    grant = granted(found)
    found.begin_shadow()
    found.perform(resize(0), grant)
    found.wait(70 * SECOND_US)
    assert found.severity().scalar > 0 == found.shadow_severity().scalar
    assert not found.healthy()
    found.begin_shadow()
    found.perform(resize(1), grant)
    found.wait(70 * SECOND_US)
    assert found.severity().scalar == 0 < found.shadow_severity().scalar
    assert found.healthy()


def test_a_shadow_lives_through_what_was_on_its_way() -> None:
    found = cluster()
    found.world.schedule(5 * SECOND_US, "node.crash", node_of(found.world, "b"))
    found.begin_shadow()
    found.wait(10 * SECOND_US)
    assert found.shadow_severity() == found.severity()
    assert found.severity().scalar > 0


def stored(path: Path) -> DurableCluster:
    return DurableCluster.create(path, mesh("a>b"))


@pytest.mark.parametrize("seen", ["perform", "restore", "acquire", "release", "wait", "changes", "last", "read"])
def test_whatever_has_happened_is_on_disk_when_it_is_known(seen: str, tmp_path: Path) -> None:
    path = tmp_path / "x.cluster"
    found = stored(path)
    mark, grant = found.last_known(), granted(found)
    api.put(found.world, CONFIG, "somebody")
    now_us, replicas = found.now_us, 1
    if seen == "perform":
        found.perform(resize(3), grant)
        replicas = 3
    elif seen == "restore":
        found.restore({REPLICAS: 2}, grant)
        replicas = 2
    elif seen == "wait":
        found.wait(200 * SECOND_US)
        now_us += 200 * SECOND_US
    else:
        does = {"acquire": lambda: found.acquire("next"), "release": lambda: found.release(grant)}
        reads = {"changes": lambda: found.changes(0), "last": found.last_change, "read": found.configuration}
        (does | reads)[seen]()
    again = open_durable(path)
    assert again.configuration()(REPLICAS) == replicas
    assert again.configuration()(Field(C, ("kind",))) == "ConfigMap"
    assert again.now_us == now_us
    assert again.world.cluster.lease == found.world.cluster.lease
    assert again.last_change() == found.last_known()
    assert [(c.writer, c.whole) for c in api.changes_since(again.world, mark)] == [
        (c.writer, c.whole) for c in api.changes_since(found.world, mark)
    ]


def test_a_line_is_written_once_and_only_for_news(tmp_path: Path) -> None:
    path = tmp_path / "x.cluster"
    found = stored(path)
    lines = len(path.read_bytes().splitlines())
    found.last_change()
    assert len(path.read_bytes().splitlines()) == lines
    api.put(found.world, CONFIG, "somebody", whole=True)
    for _ in range(2):
        found.last_change()
        assert len(path.read_bytes().splitlines()) == lines + 1


def test_a_second_life_goes_on_with_numbers_writers_and_deletions(tmp_path: Path) -> None:
    path = tmp_path / "x.cluster"
    found = stored(path)
    api.put(found.world, CONFIG, "one", whole=True)
    api.delete(found.world, key("a"), "two")
    last = found.last_change()
    again = open_durable(path)
    assert again.world.store.get(key("a")) is None
    assert again.last_change() == last
    one, two = api.changes_since(again.world, last - 2)
    assert (one.writer, one.before, one.whole) == ("one", None, True)
    assert two.after is None
    assert two.before is not None
    assert again.changes(last - 2)[0].fields == found.changes(last - 2)[0].fields
    assert {r.key.kind for r in again.world.store.everything() if r.owner is None} >= {"Node", "Service"}
    assert len(again.world.store.list("ReplicaSet")) == 1
    assert (again.world.kernel.seed, again.now_us) == (found.world.kernel.seed, found.now_us)


def test_a_file_that_is_there_is_not_written_over_and_one_that_is_not_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "x.cluster"
    stored(path)
    with pytest.raises(UserError, match="already holds a cluster"):
        stored(path)
    with pytest.raises(UserError, match="no such file"):
        open_durable(tmp_path / "none")
    assert not (tmp_path / "none").exists()
    empty = tmp_path / "empty"
    empty.touch()
    with pytest.raises(UserError, match="nothing to recover"):
        open_durable(empty)


@pytest.mark.parametrize("by", ["agent:me", "human"])
def test_what_undo_puts_back_is_ours_only_while_nobody_else_has_written_it(by: str) -> None:
    """A roll-out that we hold up ourselves may go on; one that somebody else has paused since may not."""
    found = cluster()
    found.begin_shadow()
    manifest = found.world.store.state.objects[key("b")].manifest
    marked = {**manifest["spec"]["template"], "metadata": {"labels": {"app": "b", "round": "1"}}}
    api.put(found.world, {**manifest, "spec": {**manifest["spec"], "paused": True, "template": marked}}, by)
    api.put(found.world, CONFIG, "human")
    found.world.run_for(SECOND_US)
    assert found.permitted(Action("rollout-resume", "deployment/b")) is (by == "agent:me")
