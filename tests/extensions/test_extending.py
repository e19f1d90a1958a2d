"""The page `docs/extending.md` is true: each of its examples, as it stands there, does what the text says."""

from __future__ import annotations

import multiprocessing
import pickle
import re
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from stratus_sim.application import epochs
from stratus_sim.cluster import api
from stratus_sim.cluster.merge import strategic_merge
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.errors import UserError
from stratus_sim.extensions import Extension, load, load_all, loaded
from stratus_sim.faults import choose_target, find, inject
from stratus_sim.genesis import deploy
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.application import describe
from stratus_sim.manifests.load import Manifests
from stratus_sim.manifests.topology import Profile
from stratus_sim.telemetry.alerts import firing
from stratus_sim.world import World
from tests.application.mesh import deployment, key, mesh, service
from tests.cli.conftest import Ran
from tests.conftest import ROOT
from tests.extensions.conftest import forgotten

PAGE = (ROOT / "docs" / "extending.md").read_text()
EXAMPLES = {
    text.splitlines()[0].removeprefix("# "): text for text in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
}
(TOPOLOGY,) = re.findall(r"```yaml\n# topology.yaml\n(.*?)```", PAGE, re.DOTALL)
CONFIG = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "c", "namespace": "default"},
    "data": {"a": "1"},
}


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], str]:
    def write(name: str) -> str:
        file = tmp_path / name
        file.write_text(EXAMPLES[name])
        return str(file)

    return write


def test_there_are_four_and_each_is_short() -> None:
    assert [*EXAMPLES] == ["reloader.py", "zones.py", "rationed.py", "restarts.py"]
    assert all(len(text.splitlines()) < 30 for text in EXAMPLES.values())


def pods_of(world: World, name: str) -> list[str]:
    return [pod.key.name for pod in world.store.list("Pod") if pod.labels.get("app") == name]


def test_a_controller_restarts_who_reads_what_changed(written: Callable[[str], str]) -> None:
    reader = deployment("r")
    reader["metadata"]["annotations"] = {"example.org/reads": "c"}
    world = mesh("a>b", extra=[CONFIG, reader])
    load(written("reloader.py"))
    before = {name: pods_of(world, name) for name in "abr"}
    fork = world.fork()
    for one in (world, fork):
        api.put(one, strategic_merge(CONFIG, {"metadata": {"labels": {"x": "y"}}}), "user")
        one.run_for(60 * SECOND_US)
        assert {name: pods_of(one, name) for name in "abr"} == before
        api.put(one, {**CONFIG, "data": {"a": "2"}}, "user")
        one.run_for(60 * SECOND_US)
    after = {name: pods_of(world, name) for name in "abr"}
    assert (after["a"], after["b"]) == (before["a"], before["b"]) and not {*after["r"]} & {*before["r"]}
    assert after == {name: pods_of(fork, name) for name in "abr"}


def test_a_fault_strikes_shows_and_ends(written: Callable[[str], str]) -> None:
    load(written("zones.py"))
    zoned = [_node(f"n{number}", f"zone-{number % 2}") for number in range(4)]
    manifests = Manifests((*zoned, deployment("w", 4)))
    world = deploy(manifests, describe(manifests), 1)
    fault = find("zone-outage")
    assert [zone.name for zone in fault.targets(world)] == ["zone-0", "zone-1"]
    target = choose_target(world, fault, "zone-1")
    inject.schedule(world, 0, fault.name, target)
    world.run_for(60 * SECOND_US)
    assert fault.evident(world, target) and not fault.evident(world, ObjectKey("Zone", "", "zone-0"))
    world.schedule(0, "fault.heal", fault.name, target)
    world.run_for(60 * SECOND_US)
    assert not fault.evident(world, target)


def _node(name: str, zone: str) -> dict[str, Any]:
    metadata = {"name": name, "labels": {"topology.kubernetes.io/zone": zone}}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": {}}


def test_a_behaviour_refuses_what_is_too_much(written: Callable[[str], str]) -> None:
    load(written("rationed.py"))
    world = mesh("a>b", profiles={"b": Profile(behaviour=yaml.safe_load(TOPOLOGY)["profiles"]["web"]["behaviour"])})
    rate = epochs.current(world).workloads["default/b"].rate
    (call,) = epochs.current(world).calls
    assert rate > 20_000
    assert call.success_permille == pytest.approx(1000 * 20_000 / rate, abs=1)
    assert call.error == "429 Too Many Requests"


def test_an_alert_rule_fires_on_what_it_describes(written: Callable[[str], str]) -> None:
    load(written("restarts.py"))
    world = mesh("a>b")
    before = pods_of(world, "b")
    container = {"name": "b", "resources": {"limits": {"memory": "1Mi"}}}
    starved = {"spec": {"template": {"spec": {"containers": [container]}}}}
    api.put(world, strategic_merge(world.store.state.objects[key("b")].manifest, starved), "user")
    world.run_for(180 * SECOND_US)
    (name,) = {*pods_of(world, "b")} - {*before}
    assert [alert.subject for alert in firing(world) if alert.name == "PodRestartsOften"] == [name]


def test_names_are_taken_once(written: Callable[[str], str], tmp_path: Path) -> None:
    first = written("zones.py")
    assert load(first) is load(first)
    (tmp_path / "again.py").write_text(EXAMPLES["zones.py"])
    with pytest.raises(UserError, match=r"extension .*again.py: importing it raised ValueError: two faults are called"):
        load(str(tmp_path / "again.py"))


def test_the_commands_on_the_page_work(
    written: Callable[[str], str], tmp_path: Path, stratus: Callable[..., Ran]
) -> None:
    for name in EXAMPLES:
        written(name)
    (tmp_path / "topology.yaml").write_text(TOPOLOGY)
    zoned = [_node(f"n{number}", f"zone-{number % 2}") for number in range(4)]
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "all.yaml").write_text(yaml.safe_dump_all([*zoned, deployment("web", 2), service("web")]))
    commands = [line.split()[1:] for line in PAGE.splitlines() if line.startswith("stratus ")]
    listed, ran, replayed, refused = (stratus(*command) for command in commands)
    assert (listed.code, ran.code, replayed.code, refused.code) == (0, 0, 0, 0)
    assert "repaired" in refused.out
    assert "zone-outage" in listed.out and "zone-outage" not in stratus("faults").out
    assert "zone-outage strikes Zone/zone-0" in ran.out
    assert "the same bytes again" in replayed.out
    (tmp_path / "zones.py").write_text(EXAMPLES["zones.py"] + "# changed\n")
    changed = stratus("replay", "run.jsonl")
    assert changed.code == 2 and "zones.py: it has changed since" in changed.err
    checked = stratus("check", "runbook", "--with", "zones.py", "--manifests", "app", "--examples", "8")
    assert checked.code == 0


MINE = """
from stratus_sim.cluster.watching import watches
from stratus_sim.kernel import handler
from stratus_sim.testing.policy import Submit

@watches("ConfigMap")
def on_config_map(world, old, new):
    world.enqueue("mine", (new or old).key)

@handler("mine")
def note(world, key):
    world.record("mine", {"object": str(key)})

class Policy:
    def act(self, observation):
        return Submit("seen")
"""


def test_a_controller_and_a_policy_of_one_file_take_part_in_runs_and_replays(
    tmp_path: Path, stratus: Callable[..., Ran]
) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    ran = stratus("run", "hotel/configmap", "--with", "mine.py", "--policy", "mine.py:Policy", "--out", "r.jsonl")
    assert ran.code == 0
    assert '"kind":"mine"' in (tmp_path / "r.jsonl").read_text()
    assert "the same bytes again" in stratus("replay", "r.jsonl").out


RAISES = {
    "watches.py": "from stratus_sim.cluster.watching import watches\n\n\n"
    '@watches("Pod")\ndef on_pod(world, old, new):\n    world.nothing\n',
    "strikes.py": "from stratus_sim.faults.catalogue import FAULTS, register\n\n"
    'register(FAULTS["scale-to-zero"]._replace(name="mine", strike=lambda world, target: world.nothing))\n',
}


@pytest.mark.parametrize(("name", "line"), [("watches.py", 6), ("strikes.py", 3)])
def test_what_an_extension_raises_is_its_authors_mistake_and_no_verdict(
    tmp_path: Path, stratus: Callable[..., Ran], name: str, line: int
) -> None:
    (tmp_path / name).write_text(RAISES[name])
    (tmp_path / "app.yaml").write_text(yaml.safe_dump_all([deployment("web", 2), service("web")]))
    fault = "mine" if name == "strikes.py" else "scale-to-zero"
    ran = stratus("run", "--manifests", "app.yaml", "--fault", fault, "--with", name)
    told = f"stratus: extension {name}: it raised AttributeError: 'World' object has no attribute 'nothing'"
    assert (ran.code, ran.err) == (2, f"{told} ({tmp_path / name}:{line})\n")


def restarts_in(snapshot: bytes, extensions: tuple[Extension, ...]) -> list[str]:
    """What another process makes of a world with a controller from outside."""
    load_all(extensions)
    world: World = World(pickle.loads(snapshot))
    api.put(world, {**CONFIG, "data": {"a": "2"}}, "user")
    world.run_for(60 * SECOND_US)
    return pods_of(world, "r")


def test_a_worker_process_loads_what_its_parent_had(written: Callable[[str], str]) -> None:
    reader = deployment("r")
    reader["metadata"]["annotations"] = {"example.org/reads": "c"}
    load(written("reloader.py"))
    world = mesh("a>b", extra=[CONFIG, reader])
    snapshot = pickle.dumps(world.snapshot())
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        there = pool.submit(restarts_in, snapshot, loaded()).result()
    assert there == restarts_in(snapshot, loaded()) != pods_of(world, "r")


def test_a_world_in_a_process_without_its_controller_says_so(written: Callable[[str], str]) -> None:
    with forgotten():
        load(written("reloader.py"))
        world = mesh("a>b", extra=[CONFIG])
        api.put(world, {**CONFIG, "data": {"a": "2"}}, "user")
        snapshot = world.snapshot()
    with pytest.raises(UserError, match="nothing is registered as 'reloader': load the extension"):
        World(snapshot).run_for(SECOND_US)
