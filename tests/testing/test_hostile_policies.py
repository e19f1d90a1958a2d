"""Policies that misbehave: each is told as its own failure or its action is refused; nothing of it escapes."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from stratus_sim.cluster.actions import Action, InvalidAction, effect
from stratus_sim.telemetry.observation import observe
from stratus_sim.testing.check import check
from stratus_sim.testing.guard import PolicyFailure, ask
from stratus_sim.testing.policy import Submit
from stratus_sim.testing.scenario import Scenario
from stratus_sim.testing.stage import Source, Stage
from stratus_sim.testing.trial import Setup, run_trial
from stratus_sim.world import World

GEO = "deployment/geo"


class Fixed:
    def __init__(self, answer: Callable[[], Any]) -> None:
        self.answer = answer

    def act(self, _observation: object) -> Any:
        return self.answer()


def patch(annotation: Any) -> Action:
    return Action("patch", GEO, {"patch": {"metadata": {"annotations": annotation}}}, "hotel")


def nested(levels: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for _ in range(levels):
        found = {"a": found}
    return found


def cyclic() -> dict[str, Any]:
    found: dict[str, Any] = {}
    found["a"] = found
    return found


def failing(error: BaseException) -> Callable[[], Any]:
    def answer() -> Any:
        raise error

    return answer


class Wordless(Exception):
    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    "arguments",
    [
        patch({"x": {1, 2}}), patch({"x": b"\xff"}), patch({"x": object()}), patch({"x": math.nan}),
        patch({(1, 2): "x"}), patch({"x": "\ud800"}), patch({"x": 2**64}), patch(cyclic()), patch(nested(100)),
        patch(nested(5000)), patch({"x": "x" * 2_000_000}), Action("scale", GEO, None, "hotel"),  # type: ignore[arg-type]
        Action("scale", GEO, [1], "hotel"), Action(5, GEO, {}, "hotel"), Action("scale", None, {}, "hotel"),  # type: ignore[arg-type]
    ],
    ids=range(15),
)  # fmt: skip
def test_an_action_that_is_no_json_is_the_policys_failure(hotel: World, arguments: Action) -> None:
    with pytest.raises(PolicyFailure, match="answered"):
        ask(Fixed(lambda: arguments), observe(hotel), 10)


@pytest.mark.parametrize(
    "error",
    [SystemExit(0), GeneratorExit(), BaseException("boo"), MemoryError(), Wordless(), StopIteration()],
    ids=repr,
)
def test_whatever_a_policy_raises_is_its_failure_with_the_line(hotel: World, error: BaseException) -> None:
    with pytest.raises(PolicyFailure, match=rf"raised {type(error).__name__}: .*\({Path(__file__).name}:\d+\)"):
        ask(Fixed(failing(error)), observe(hotel), 10)


def test_a_library_that_raises_is_told_with_the_policys_line(hotel: World) -> None:
    with pytest.raises(PolicyFailure, match=rf"JSONDecodeError.*\({Path(__file__).name}:\d+\)"):
        ask(Fixed(lambda: json.loads("nope")), observe(hotel), 10)


def test_failures_read_the_same_in_every_run(hotel: World) -> None:
    for answer in (lambda: iter(["a"]), failing(KeyError(object()))):
        with pytest.raises(PolicyFailure) as failure:
            ask(Fixed(answer), observe(hotel), 10)
        assert "0x7" not in str(failure.value)
        assert str(Path(__file__).parent) not in str(failure.value)


def test_an_action_is_what_it_was_when_it_was_proposed(hotel: World) -> None:
    change = {"spec": {"replicas": 1}}
    (step,) = ask(Fixed(lambda: Action("patch", GEO, {"patch": change}, "hotel")), observe(hotel), 10)
    change["spec"]["replicas"] = 0
    assert isinstance(step, Action)
    assert step.arguments["patch"] == {"spec": {"replicas": 1}}


def test_prints_and_changes_of_folder_end_with_the_call(
    hotel: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    def answer() -> Submit:
        print("noise")
        os.chdir("/")
        return Submit()

    ask(Fixed(answer), observe(hotel), 10)
    assert Path.cwd() == tmp_path
    assert capsys.readouterr() == ("", "noise\n")


@pytest.mark.parametrize(
    ("verb", "target", "arguments", "said"),
    [
        ("patch", GEO, {"patch": {"spec": {"replicas": "many"}}}, "spec.replicas"),
        ("patch", GEO, {"patch": {"spec": {"replicas": -1}}}, "spec.replicas.*>= 0"),
        ("scale", GEO, {"replicas": 10**9}, "spec.replicas.*<= 10000"),
        ("patch", GEO, {"patch": {"spec": None}}, "spec"),
        ("patch", GEO, {"patch": {"metadata": {"labels": [1]}}}, "metadata.labels"),
        ("set-resources", GEO, {"limits": {"memory": "lots"}}, "resources.limits.*a resource quantity"),
        ("patch", "service/geo", {"patch": {"spec": {"ports": "x"}}}, "spec.ports"),
        ("apply", "pod/x", {"manifest": {"apiVersion": "v1", "kind": "Pod", "metadata": 5}}, "metadata.name"),
        ("apply", "pod/x", {"manifest": {"apiVersion": "v1", "kind": ["Pod"], "metadata": {"name": "x"}}}, "kind"),
        ("apply", "pod/x", {"manifest": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}}}, "spec"),
    ],
)  # fmt: skip
def test_what_the_api_server_would_refuse_is_refused(
    hotel: World, verb: str, target: str, arguments: Any, said: str
) -> None:
    with pytest.raises(InvalidAction, match=said):
        effect(hotel, Action(verb, target, arguments, "hotel"))


def test_an_object_of_another_group_is_not_held_to_a_built_in_shape(hotel: World) -> None:
    manifest = {"apiVersion": "x.example/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": [1]}
    assert effect(hotel, Action("apply", "widget/w", {"manifest": manifest}))[1] == manifest


def test_a_policy_that_answers_otherwise_when_asked_again_still_gets_a_verdict() -> None:
    episodes = count()
    ruin = Action("scale", "deployment/frontend", {"replicas": 0}, "hotel")

    def every_other_time(_seed: int) -> Fixed:
        answers = iter([ruin] if next(episodes) % 2 else [])
        return Fixed(lambda: next(answers, None))

    tally = check(Setup(Stage(Source()), every_other_time), "own", 6, 0)
    assert tally.broken == 3
    assert tally.smallest is not None


SECRET = """
apiVersion: v1
kind: Secret
metadata: {name: key, annotations: {applied: hush-annotation}}
stringData: {password: hush-text}
data: {token: aHVzaC1kYXRh}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: web:1, env: [{name: P, valueFrom: {secretKeyRef: {name: key, key: password}}}]}]
"""


@pytest.mark.parametrize("mode", ["own", "protected"])
def test_what_secrets_hold_is_never_in_the_events_or_findings(tmp_path: Path, mode: Any) -> None:
    (tmp_path / "app.yaml").write_text(SECRET)

    def overwrite(observation: Any) -> list[Action] | None:
        change = {"stringData": None, "data": {"token": "eA=="}, "metadata": {"annotations": None}}
        assert "hush" not in str([observation.list(kind) for kind in ("Secret", "Pod", "Deployment")])
        return None if observation.feedback else [Action("patch", "secret/key", {"patch": change})]

    setup = Setup(
        Stage(Source("", str(tmp_path / "app.yaml"))),
        lambda _seed: type("P", (), {"act": staticmethod(overwrite)})(),
    )
    outcome = run_trial(setup, Scenario("scale-to-zero", "Deployment/web"), mode)
    told = str(outcome)
    assert "done: patch secret/key" in told
    assert "<redacted>" in told
    assert "hush" not in told
    assert "aHVzaC1kYXRh" not in told
