"""What alerts say of themselves: a sentence with their labels and the value of their expression."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from stratus_sim.application import epochs
from stratus_sim.cluster import nodes
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.topology import Profile
from stratus_sim.serve.answers import Answer, Request
from stratus_sim.serve.service import Service
from stratus_sim.telemetry.alerts import RULES, Alert, firing, pending
from stratus_sim.telemetry.signals import alerts
from stratus_sim.world import World
from tests.application.mesh import mesh, node_of, scale, service
from tests.telemetry.manifests import autoscaler, text, web
from tests.telemetry.strikes import STRIKING, struck


def standing(world: World) -> list[Alert]:
    return [*firing(world), *pending(world)]


def said(world: World, name: str) -> tuple[str, float]:
    (found,) = [alert for alert in standing(world) if alert.name == name]
    return found.annotations["summary"], found.value


@pytest.mark.parametrize("fault", STRIKING)
def test_every_label_a_summary_names_is_there(hotel: World, fault: str) -> None:
    """An unknown one would read as nothing."""
    found = standing(struck(hotel, fault))
    assert found
    for alert in found:
        named = re.findall(r"\{(\w+)", RULES[alert.name].summary)
        assert named and {*named} <= {*alert.labels, "value"}, alert.name
        assert all(alert.labels[label] in alert.annotations["summary"] for label in named if label != "value")


def test_what_a_rule_measures_is_its_value() -> None:
    world = mesh("a>b", replicas=4)
    nodes.crash(world, node_of(world, "b"))
    world.run_for(41 * SECOND_US)
    down = {alert.subject: alert.value for alert in standing(world) if alert.name == "TargetDown"}
    assert set(down.values()) <= {25, 50, 75, 100} and down
    other = mesh("a>b")
    scale(other, "b", 0)
    other.run_for(5 * SECOND_US)
    assert said(other, "HighRequestErrorRate") == ("100% of the requests to default/a fail.", 1)


def test_a_size_at_its_limit_says_which(small: Callable[..., World]) -> None:
    world = small(text(web(3), autoscaler("web", 2, 3)))
    world.run_for(60 * SECOND_US)
    told, most = said(world, "KubeHpaMaxedOut")
    assert (told, most) == ("HorizontalPodAutoscaler default/web is at its maximum of 3 replicas.", 3)


def test_errors_and_latency_are_told_as_they_are_now() -> None:
    world = mesh(profile=Profile(latency_us=4_000_000, cpu_us_per_request=10))
    world.run_for(5 * SECOND_US)
    assert said(world, "HighRequestLatency") == ("Requests to default/a take 4.02 s in the mean.", 4.020101)
    world = mesh()
    world.schedule(0, "traffic.load", 400_000)
    world.run_for(20 * SECOND_US)
    flow = epochs.current(world).workloads["default/a"]
    assert 0 < flow.success_permille < 900
    assert said(world, "HighRequestErrorRate")[1] == pytest.approx(1 - flow.success_permille / 1000)


def test_users_fail_at_a_service_that_no_workload_is_called_after(small: Callable[..., World]) -> None:
    door = service("door", {"app": "web"})
    door["spec"]["type"] = "LoadBalancer"
    world = small(text(web(1), door))
    assert world.application.entrypoints == ("default/door",)
    scale(world, "web", 0)
    world.run_for(5 * SECOND_US)
    assert said(world, "HighRequestErrorRate") == ("100% of the requests to default/door fail.", 1)


def test_both_surfaces_show_them(hotel: World) -> None:
    world = struck(hotel, "kubelet-crash", "node-1", after_s=120)
    (shown,) = [one for one in alerts(world) if one["labels"]["alertname"] == "KubeNodeNotReady"]
    assert (shown["annotations"], shown["value"]) == ({"summary": "Node node-1 is not ready."}, "1e+00")
    answer = Service(world).handle(Request("GET", ("stratus", "alerts"), {}))
    assert isinstance(answer, Answer) and isinstance(answer.body, dict)
    served = {str(one["labels"]): (one["annotations"], one["value"]) for one in answer.body["data"]["alerts"]}
    assert all(served[str(one["labels"])] == (one["annotations"], one["value"]) for one in alerts(world))


@pytest.mark.parametrize(("value", "shown"), [(1, "1e+00"), (0.25, "2.5e-01"), (100 / 3, "3.3333333333333336e+01")])
def test_values_are_written_as_prometheus_writes_them(value: float, shown: str) -> None:
    assert Alert("A", "", "s", "info", 0, value=value).shown == shown
