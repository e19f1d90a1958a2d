"""Metrics: what a scrape returns reads back as it was meant, and says what the cluster says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratus_sim.application.processes import ApplicationProcesses
from stratus_sim.cluster import nodes
from stratus_sim.faults import FAULTS, inject
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.application import Application
from stratus_sim.telemetry.metrics import METRICS, Metric, Sample, Scrape, exposition, metric
from stratus_sim.telemetry.metrics.table import register
from stratus_sim.telemetry.traces import traces
from stratus_sim.world import World
from tests.telemetry.manifests import BATCH, text
from tests.telemetry.strikes import STRIKING, struck

LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\n"])*)"(?:,|$)')
LINE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)")
NOTHING = Application({}, {}, (), (), (), frozenset())
Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], text)


def series(text: str) -> Series:
    """Every sample of an exposition; a line that breaks the format or comes twice fails."""
    found: Series = {}
    for line in filter(None, text.split("\n")):
        if line.startswith("# HELP ") or line.startswith("# TYPE "):
            continue
        match = LINE.fullmatch(line)
        assert match, line
        labels = match[2] or ""
        pairs = LABEL.findall(labels)
        assert "".join(f'{k}="{v}",' for k, v in pairs).rstrip(",") == labels, line
        key = match[1], frozenset((k, unescaped(v)) for k, v in pairs)
        assert key not in found, f"twice: {line}"
        found[key] = float(match[3])
    return found


def value(found: Series, name: str, **labels: str) -> float:
    """The one sample of a name that has these labels among others."""
    [one] = [v for (n, pairs), v in found.items() if n == name and labels.items() <= dict(pairs).items()]
    return one


def total(found: Series, name: str, **labels: str) -> float:
    """The sum over the samples of a name that have these labels."""
    return sum(v for (n, pairs), v in found.items() if n == name and labels.items() <= dict(pairs).items())


def after(world: World, fault: str, target: str, after_s: int = 90) -> Series:
    """What is exposed some time after a fault struck."""
    return series(exposition(struck(world, fault, target, after_s)))


@pytest.fixture
def table() -> Iterator[Callable[[Metric], None]]:
    """A table with one row of the test's own, for as long as the test runs."""

    def only(row: Metric) -> None:
        METRICS.clear()
        register(row)

    before = dict(METRICS)
    yield only
    METRICS.clear()
    METRICS.update(before)


def test_a_standing_application(hotel: World) -> None:
    found = series(exposition(hotel))
    holds = [dict(p) for (n, p), v in found.items() if n == "kube_pod_status_ready" and v]
    ready = {labels["pod"] for labels in holds if labels["condition"] == "true"}
    assert ready == {pod.key.name for pod in hotel.store.list("Pod") if pod.status.ready}
    assert value(found, "kube_deployment_spec_replicas", namespace="hotel", deployment="frontend") == 2
    assert value(found, "kube_deployment_status_replicas_available", deployment="frontend") == 2
    assert value(found, "kube_node_status_condition", node="node-1", condition="Ready", status="true") == 1
    assert value(found, "kube_node_status_allocatable", node="node-1", resource="cpu", unit="core") == 3.8
    assert value(found, "kube_deployment_created", deployment="geo") == 1735689600
    geo = next(pod.key.name for pod in hotel.store.list("Pod") if pod.key.name.startswith("geo-"))
    used = value(found, "container_memory_working_set_bytes", pod=geo, container="geo")
    assert used == hotel.application.workloads["hotel/geo"].memory_mib * 2**20
    assert used <= value(found, "container_spec_memory_limit_bytes", pod=geo)
    assert not [v for (n, _), v in found.items() if n == "kube_pod_container_status_restarts_total" and v]


def test_a_phase_is_one_of_five(hotel: World) -> None:
    found = series(exposition(hotel, ["kube_pod_status_phase"]))
    pods = {dict(pairs)["pod"] for _, pairs in found}
    assert len(found) == 5 * len(pods) > 0
    assert sum(found.values()) == len(pods)


def test_an_image_that_is_not_there(hotel: World) -> None:
    found = after(hotel, "image-pull-bad-tag", "geo")
    reason = {"namespace": "hotel", "container": "geo", "reason": "ImagePullBackOff"}
    assert value(found, "kube_pod_container_status_waiting_reason", **reason) == 1
    assert value(found, "kube_deployment_status_replicas_updated", deployment="geo") == 1
    assert value(found, "kube_deployment_status_replicas", deployment="geo") == 2


def test_a_container_killed_for_its_memory_restarts_and_says_so(hotel: World) -> None:
    found = after(hotel, "resource-limit-oom", "geo")
    killed = {"container": "geo", "reason": "OOMKilled"}
    assert value(found, "kube_pod_container_status_last_terminated_reason", **killed) == 1
    sick = next(pod for pod in hotel.store.list("Pod") if pod.status.restarts)
    restarts = value(found, "kube_pod_container_status_restarts_total", pod=sick.key.name)
    assert restarts == sick.status.restarts >= 2
    assert not [p for n, p in found if n == "container_memory_working_set_bytes" and ("pod", sick.key.name) in p]
    assert value(found, "container_oom_events_total", pod=sick.key.name) == 1
    assert total(found, "container_oom_events_total") == 1
    while hotel.store.state.objects[sick.key].status.state != "running":
        hotel.run_for(SECOND_US // 10)
    assert total(series(exposition(hotel)), "container_oom_events_total") == 0
    hotel.run_for(300 * SECOND_US)
    assert value(series(exposition(hotel)), "kube_pod_container_status_restarts_total", pod=sick.key.name) > restarts


def test_a_lost_node_is_unknown_and_its_containers_cannot_be_asked(hotel: World) -> None:
    nodes.crash(hotel, "node-1")
    hotel.run_for(55 * SECOND_US)
    found = series(exposition(hotel))
    assert value(found, "kube_node_status_condition", node="node-1", condition="Ready", status="unknown") == 1
    assert total(found, "kube_node_spec_taint", node="node-1", key="node.kubernetes.io/unreachable") == 2
    assert {dict(p)["node"] for n, p in found if n == "container_start_time_seconds"} == {"node-2", "node-3"}


def test_jobs_claims_autoscalers_and_budgets(small: Callable[..., World]) -> None:
    found = series(exposition(small(text(*BATCH))))
    assert value(found, "kube_job_failed", job_name="doomed", condition="true") == 1
    reasons = {dict(p)["reason"]: v for (n, p), v in found.items() if n == "kube_job_status_failed"}
    assert reasons == {"BackoffLimitExceeded": 1, "DeadlineExceeded": 0, "Evicted": 0}
    claim = {"persistentvolumeclaim": "data"}
    assert value(found, "kube_persistentvolumeclaim_status_phase", phase="Pending", **claim) == 1
    assert value(found, "kube_persistentvolumeclaim_resource_requests_storage_bytes", **claim) == 2**30
    assert value(found, "kube_horizontalpodautoscaler_spec_max_replicas", horizontalpodautoscaler="web") == 5
    assert value(found, "kube_horizontalpodautoscaler_status_current_replicas", horizontalpodautoscaler="web") == 3
    assert value(found, "kube_poddisruptionbudget_status_pod_disruptions_allowed", poddisruptionbudget="web") == 2
    asked = [dict(p) | {"v": v} for (n, p), v in found.items() if n == "kube_pod_container_resource_requests"]
    assert [one["v"] for one in asked if one["resource"] == "cpu"] == [0.25] * 3


@pytest.mark.parametrize("fault", STRIKING)
def test_no_series_comes_twice_whatever_happens(hotel: World, fault: str) -> None:
    inject.schedule(hotel, 0, fault, FAULTS[fault].targets(hotel)[0])
    hotel.run_for(40 * SECOND_US)
    assert len(series(exposition(hotel))) > 500


def test_a_deployment_says_why_a_condition_holds(hotel: World) -> None:
    found = after(hotel, "image-pull-bad-tag", "geo", after_s=700)
    late = {"deployment": "geo", "condition": "Progressing", "status": "false"}
    assert value(found, "kube_deployment_status_condition", reason="ProgressDeadlineExceeded", **late) == 1


def test_counters_end_in_total_and_have_help() -> None:
    rows = METRICS.values()
    assert [row.name for row in rows if (row.type == "counter") != row.name.endswith("_total")] == []
    assert [row.name for row in rows if not row.help.strip()] == []


def test_what_is_exposed_reads_back_with_the_clients_own_parser(hotel: World) -> None:
    parser = pytest.importorskip("prometheus_client.parser")
    text = exposition(hotel)
    families = {family.name: family for family in parser.text_string_to_metric_families(text)}
    counters = {row.name.removesuffix("_total"): row for row in METRICS.values() if row.type == "counter"}
    named = METRICS | counters
    assert all(family.type == named[name].type for name, family in families.items())
    read = {(s.name, frozenset(s.labels.items())): s.value for f in families.values() for s in f.samples}
    assert read == series(text)


@given(st.text(), st.text(max_size=20), st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_whatever_a_label_or_a_help_text_holds_it_stays_one_line(text: str, about: str, number: float) -> None:
    def samples(scrape: Scrape) -> Iterator[Sample]:
        yield Sample({"text": text}, number)

    before = dict(METRICS)
    METRICS.clear()
    register(Metric("odd", "gauge", about, samples))
    try:
        written = exposition(World.empty(NOTHING))
    finally:
        METRICS.clear()
        METRICS.update(before)
    lines = written.split("\n")
    assert len(lines) == 4
    assert series(lines[2]) == {("odd", frozenset({("text", text)})): float(number)}


def test_a_metric_is_added_by_a_plain_function(hotel: World, table: Callable[[Metric], None]) -> None:
    def count(scrape: Scrape) -> Iterator[Sample]:
        yield Sample({"kind": "Node"}, len(scrape.objects("Node")))

    table(Metric("objects", "gauge", "Objects there are.", count))
    assert exposition(hotel) == '# HELP objects Objects there are.\n# TYPE objects gauge\nobjects{kind="Node"} 3\n'
    with pytest.raises(ValueError, match="two metrics are called 'objects'"):
        metric("objects", "gauge", "Again.")(lambda scrape: iter(()))


def test_of_what_a_process_needs_only_its_memory_shows(hotel: World) -> None:
    """Two worlds that differ in nothing but facts no manifest states."""
    known = hotel.application.workloads
    needs = {n: replace(w, memory_mib=w.memory_mib // 2, listens=w.listens | {4242}) for n, w in known.items()}
    other = hotel.fork()
    other.application = replace(hotel.application, workloads=needs)
    other.processes = ApplicationProcesses(other.application)
    pairs = zip(exposition(hotel).splitlines(), exposition(other).splitlines(), strict=True)
    changed = {line.partition("{")[0] for line, twin in pairs if line != twin}
    assert changed == {f"container_memory_{what}" for what in ("working_set_bytes", "usage_bytes", "rss")}
    assert traces(hotel) == traces(other)


def test_the_same_world_is_exposed_in_the_same_bytes(hotel: World) -> None:
    assert exposition(hotel) == exposition(hotel.fork())
