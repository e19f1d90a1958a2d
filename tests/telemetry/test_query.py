"""Instant queries: exactly the samples an exposition has, chosen by name and labels."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratus_sim.telemetry.metrics import exposition
from stratus_sim.telemetry.metrics.query import Malformed, Matcher, matchers, query
from stratus_sim.telemetry.observation import observe
from stratus_sim.world import World
from tests.telemetry.test_metrics import series


def as_series(rows: list[dict[str, dict[str, str]]]) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    found = {}
    for row in rows:
        labels = dict(row["metric"])
        found[labels.pop("__name__"), frozenset(labels.items())] = float(row["value"][1])  # type: ignore[index]
    return found


def test_every_sample_of_an_exposition_can_be_asked_for(hotel: World) -> None:
    exposed = series(exposition(hotel))
    names = sorted({name for name, _ in exposed})
    assert len(names) > 60
    found = {key: value for name in names for key, value in as_series(query(hotel, name)).items()}
    assert found == exposed


def test_a_selector_chooses(hotel: World) -> None:
    seen = observe(hotel)
    chosen = seen.query("kube_pod_status_phase", '{namespace="hotel", phase="Running"}')
    assert len(chosen) == len(seen.list("Pod", "hotel")) > 10
    rest = seen.query("kube_pod_status_phase", 'namespace="hotel",phase!="Running"')
    assert len(rest) == 4 * len(chosen)
    assert seen.query("kube_pod_status_phase", 'nobody="there"') == []
    assert len(seen.query("kube_pod_status_phase", 'nobody=""')) == 5 * len(chosen), "an absent label is an empty one"
    assert {row["value"][0] for row in chosen} == {1735689600 + hotel.now_us / 1_000_000}


def test_a_histogram_has_its_samples_under_three_names(hotel: World) -> None:
    name = "http_server_request_duration_seconds"
    (count,) = query(hotel, f"{name}_count", matchers('service_name="search"'))
    (most,) = query(hotel, f"{name}_bucket", matchers('service_name="search",le="+Inf"'))
    assert count["value"][1] == most["value"][1] and int(count["value"][1]) > 100
    with pytest.raises(Malformed, match=f"there is .*{name}_count"):
        query(hotel, name)


@pytest.mark.parametrize("text", ["x", "x=y", 'x="y', 'x="1" y="2"', 'x=~"y"', '"="', "{", 'x="1",,', '9="1"'])
def test_what_is_no_selector_is_refused(text: str) -> None:
    if text == "{":
        assert matchers(text) == ()
        return
    with pytest.raises(Malformed, match="expected label="):
        matchers(text)


@pytest.mark.parametrize(
    "text",
    ["rate(container_cpu_usage_seconds_total[5m])", "sum by (pod) (up)", "up offset 5m", "up[5m]", "up == 0",
     'up{job="a"}', "histogram_quantile(0.9, x_bucket)", "max_over_time(up[1h:5m])", ""],
)  # fmt: skip
def test_what_is_more_than_a_name_is_refused_and_told_so(hotel: World, text: str) -> None:
    with pytest.raises(Malformed, match="functions, operators and ranges are not evaluated"):
        query(hotel, text)


@given(st.lists(st.tuples(st.from_regex("[a-z_][a-z0-9_]*", fullmatch=True), st.text(max_size=9), st.booleans())))
def test_whatever_a_selector_names_is_read_back(wanted: list[tuple[str, str, bool]]) -> None:
    def quoted(text: str) -> str:
        return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'

    text = ",".join(f"{label}{'=' if equal else '!='}{quoted(value)}" for label, value, equal in wanted)
    assert matchers(f"{{{text}}}") == tuple(Matcher(*one) for one in wanted)
