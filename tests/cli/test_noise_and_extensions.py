"""Whatever starts a world can make it noisy and can load extensions, by the same options as everywhere."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from stratus_agents.training import Plan, splits
from stratus_sim.cli import checking, gating, lists, recovering, running, serving, training
from stratus_sim.cli.options import NoiseOption, WithOption
from stratus_sim.gate.gate import examine
from stratus_sim.gate.perturbation import Perturbation
from stratus_sim.gate.trial import schedule
from stratus_sim.gate.twin import Twin
from stratus_sim.kernel import SECOND_US, log
from stratus_sim.telemetry.observation import observe
from stratus_sim.world import World
from tests.adapters.conftest import Live, shop  # noqa: F401  # a fixture
from tests.extensions.conftest import stratus, typed  # noqa: F401  # fixtures
from tests.gate import plans

PLAYING = (running.run, checking.check, serving.serve, gating.gate, training.train)
MINE = """
from stratus_sim.telemetry.alerts import alert_rule

@alert_rule("DeploymentThere", for_us=0, severity="info", label="deployment")
def there(world):
    for found in world.store.list("Deployment"):
        yield found.key.namespace, found.key.name, world.now_us
"""
WINDOW_US = 310 * SECOND_US


def disturbances(world: World) -> list[str]:
    """What noise did to a world, from the log of what happened."""
    return [event.data["disturbance"] for event in log.since(world.kernel.log, 0) if event.kind == "noise"]


@pytest.mark.parametrize("command", [*PLAYING, recovering.recover, lists.faults])
def test_the_options_are_defined_once(command: Any) -> None:
    hints = inspect.get_annotations(command, eval_str=True)
    assert hints["with_"] is WithOption
    assert hints.get("noise", NoiseOption) is NoiseOption
    assert ("noise" in hints) == (command in PLAYING)


class Served(NamedTuple):
    world: World
    alerts: set[str]


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Served]:
    """What is served, one after the other; nobody asks it anything before Ctrl-C."""
    found: list[Served] = []

    class Server:
        url = "http://127.0.0.1:1"

        def kubeconfig(self, path: Path) -> None:
            path.write_text("")

        def wait(self) -> None:
            raise KeyboardInterrupt

    @contextmanager
    def start(world: World, *_: Any, **__: Any) -> Iterator[Server]:
        found.append(Served(world, {alert["labels"]["alertname"] for alert in observe(world).alerts()}))
        yield Server()

    monkeypatch.setattr(serving, "start", start)
    return found


@pytest.mark.parametrize("what", [(), ("hotel/scale-to-zero",)])
def test_a_served_world_is_as_noisy_as_asked(what: tuple[str, ...], stratus, served: list[Served]) -> None:  # noqa: F811
    assert stratus("serve", *what, "--noise").code == stratus("serve", *what).code == 0
    for one in served:
        one.world.run_for(WINDOW_US)
    loud, quiet = (disturbances(one.world) for one in served)
    assert loud and not quiet


def test_a_served_world_has_what_an_extension_adds(stratus, served: list[Served], tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "mine.py").write_text(MINE)
    assert stratus("serve", "--with", "mine.py").code == stratus("serve").code == 0
    assert [one.alerts for one in served] == [{"DeploymentThere"}, set()]
    missing = stratus("serve", "--with", "nowhere.py")
    assert (missing.code, "extension file nowhere.py: no such file" in missing.err) == (2, True)


def test_a_plan_is_tried_in_noise_and_the_certificate_says_so(
    stratus,  # noqa: F811
    shop: Live,  # noqa: F811
    tmp_path: Path,
) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    plans.written(tmp_path / "plan.yaml", *plans.GOOD)
    words = ("gate", "plan.yaml", "--kubeconfig", shop.kubeconfig, "--examples", 2)
    assert stratus(*words, "--noise", "--with", "mine.py").code == 0
    loud = json.loads((tmp_path / "certificate.json").read_text())
    assert stratus(*words).code == 0
    quiet = json.loads((tmp_path / "certificate.json").read_text())
    assert (loud["environments"]["noise"], quiet["environments"]["noise"]) == (True, False)
    assert {*loud["versions"]} - {*quiet["versions"]} == {"mine.py"}


def test_every_environment_but_the_calm_one_is_noisy(shop: Live) -> None:  # noqa: F811
    twin = Twin(shop.target.open().objects)
    calm, *others = [r.perturbation for r in examine(twin, plans.plan(*plans.GOOD), 3, 0, noise=True).results]
    assert calm == Perturbation() and calm.calm
    assert others and all(other.noise and not other.calm and "noise" in str(other) for other in others)
    world = twin.world(0)
    schedule(world, Perturbation(noise=True))
    world.run_for(WINDOW_US)
    assert disturbances(world)


def test_a_prompt_is_trained_in_noise(stratus, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:  # noqa: F811
    asked: list[Plan] = []

    def watched(plan: Plan, *_: Any) -> None:
        asked.append(plan)
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "_watched", watched)
    (tmp_path / "mine.py").write_text("print('loaded')\n")
    words = ("train", "mitigation", "--model", "m", "--reflection-model", "m")
    with monkeypatch.context() as at:
        at.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1")
        said = [stratus(*words, *more).err for more in (("--noise", "--with", "mine.py"), ())]
    assert [plan.noise for plan in asked] == [True, False]
    assert ["loaded" in err for err in said] == [True, False]
    for part, loud in zip(splits(), splits(noise=True), strict=True):
        assert all(example.scenario.noise for example in loud)
        assert [e.scenario.target for e in part] == [e.scenario.target for e in loud]
        assert not any(example.scenario.noise for example in part)
