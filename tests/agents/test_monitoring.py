"""Tools for prompts of one's own: samples of a metric, and requests span by span."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from stratus_agents.prompts import load_prompts
from stratus_agents.tools import TOOLS, Misuse, use
from stratus_sim.faults import FAULTS, inject
from stratus_sim.kernel import SECOND_US
from stratus_sim.telemetry.observation import observe
from stratus_sim.world import World


def told(world: World, tool: str, /, **arguments: Any) -> list[str]:
    answer = use(tool, json.dumps(arguments), TOOLS, observe(world))
    assert isinstance(answer, str)
    return answer.splitlines()


def struck(world: World, fault: str, name: str) -> None:
    inject.schedule(world, 0, fault, next(key for key in FAULTS[fault].targets(world) if key.name == name))
    world.run_for(60 * SECOND_US)


def test_samples_are_lines_of_an_exposition(hotel: World) -> None:
    struck(hotel, "resource-limit-oom", "geo")
    name = "kube_pod_container_status_last_terminated_reason"
    (line,) = told(hotel, "prometheus", name=name, selector='container="geo"')
    assert line in observe(hotel).exposition().splitlines()
    assert 'reason="OOMKilled"' in line
    assert told(hotel, "prometheus", name="up", selector='job="nobody"') == ["no samples"]
    many = told(hotel, "prometheus", name="kube_pod_status_phase")
    assert (len(many), many[-1].startswith("... and ")) == (101, True)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"name": "kube_pod_phase"}, "there is kube_pod_status_phase"),
        ({"name": "up", "selector": "job=x"}, 'expected label="value"'),
        ({}, "name is missing"),
    ],
)
def test_mistakes_are_told(hotel: World, arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(Misuse, match=re.escape(says)):
        told(hotel, "prometheus", **arguments)


def test_a_request_is_told_span_by_span(hotel: World) -> None:
    struck(hotel, "scale-to-zero", "geo")
    lines = told(hotel, "jaeger", limit=3, service="hotel/search")
    assert sum(line.startswith("trace ") for line in lines) == 3
    at = next(number for number, line in enumerate(lines) if "client geo in search (" in line)
    assert "ERROR connection refused" in lines[at]
    depth = [len(line) - len(line.lstrip()) for line in lines]
    above = next(number for number in range(at, 0, -1) if depth[number] < depth[at])
    assert "server search in search (" in lines[above] and "ERROR geo: connection refused" in lines[above]
    assert sum("trace" in line for line in told(hotel, "jaeger")) == 5
    assert told(hotel, "jaeger", service="hotel/geo") == ["no request has left a trace"]


def test_prompts_that_ship_do_as_before(hotel: World) -> None:
    """Figures of the crew and its rivals compare only as long as they see the same."""
    assert not {"prometheus", "jaeger"} & {name for prompt in load_prompts().values() for name in prompt.head.tools}
