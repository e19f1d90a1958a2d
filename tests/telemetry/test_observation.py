"""What an agent sees: the shapes of kubectl, frozen, redacted, and silent about what no cluster would tell."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest

from stratus_sim.application import epochs
from stratus_sim.cluster import api
from stratus_sim.cluster.lifecycle import grace_us
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.faults import FAULTS, inject
from stratus_sim.kernel import SECOND_US
from stratus_sim.telemetry.observation import Observation, observe
from stratus_sim.telemetry.render import REDACTED
from stratus_sim.telemetry.signals import USERS
from stratus_sim.world import World
from tests.conftest import stage
from tests.telemetry.strikes import struck


def surfaces(seen: Observation) -> dict[str, Any]:
    """Everything an observation answers, as JSON."""
    kinds = sorted({key.kind for key in seen._view.store.state.objects})
    pods = [pod["metadata"] for pod in seen.list("Pod")]
    deployments = [d["metadata"] for d in seen.list("Deployment")]
    return {
        **{kind: seen.list(kind) for kind in kinds},
        "namespaces": seen.namespaces,
        "events": seen.events(),
        "alerts": seen.alerts(),
        "metrics": seen.metrics(),
        "calls": seen.calls(),
        "logs": {m["name"]: seen.logs(m["name"], m["namespace"]) for m in pods},
        "history": {m["name"]: seen.history(m["name"], m["namespace"]) for m in deployments},
        "repr": repr(seen),
        "now": [seen.now, seen.now_s],
    }


def test_what_is_to_come_cannot_be_seen(hotel: World) -> None:
    before = surfaces(observe(hotel))
    inject.schedule(hotel, SECOND_US, "scale-to-zero", FAULTS["scale-to-zero"].targets(hotel)[0])
    assert surfaces(observe(hotel)) == before
    hotel.run_for(30 * SECOND_US)
    assert surfaces(observe(hotel)) != before


def test_what_the_processes_need_cannot_be_seen(hotel: World) -> None:
    """Two worlds that differ in nothing but hidden facts look the same."""
    snapshot = hotel.snapshot()
    needs = {
        name: dataclasses.replace(w, memory_mib=w.memory_mib // 2, listens=w.listens | {4242})
        for name, w in snapshot.application.workloads.items()
    }
    other = dataclasses.replace(snapshot.application, workloads=needs)
    assert surfaces(observe(World(dataclasses.replace(snapshot, application=other)))) == surfaces(observe(hotel))


def test_the_view_holds_no_ground_truth(hotel: World) -> None:
    struck(hotel, "kubelet-crash")
    view = observe(hotel)._view
    assert (len(view.faults.active), view.kernel.log, view.cluster.audit, len(view.kernel.timers)) == (0, None, None, 0)
    assert len(hotel.faults.active) == 1
    assert hotel.kernel.log is not None
    assert hotel.cluster.audit is not None
    assert len(hotel.kernel.timers) > 0


def test_an_observation_stays_as_it_was(hotel: World) -> None:
    seen = observe(hotel, attempt=2, feedback=("undone: worse",))
    before = surfaces(seen)
    struck(hotel, "kubelet-crash")
    assert surfaces(seen) == before
    assert (seen.attempt, seen.feedback) == (2, ("undone: worse",))
    with pytest.raises(dataclasses.FrozenInstanceError):
        seen.attempt = 3  # type: ignore[misc]


def test_answers_are_copies(hotel: World) -> None:
    seen = observe(hotel)
    first = seen.get("Deployment", "frontend")
    assert first is not None
    first["spec"]["template"]["spec"]["containers"][0]["image"] = "evil"
    first["metadata"]["labels"].clear()
    seen.history("frontend")[0]["template"]["spec"].clear()
    again = seen.get("Deployment", "frontend")
    assert again is not None
    assert again["spec"]["template"]["spec"]["containers"][0]["image"].startswith("registry.example/hotel/frontend")
    assert again["metadata"]["labels"]
    assert seen.history("frontend")[0]["template"]["spec"]["containers"]


def test_observing_does_no_work_until_asked(hotel: World, monkeypatch: pytest.MonkeyPatch) -> None:
    class Asked(Exception):
        pass

    def refuse(*_: Any) -> None:
        raise Asked

    api.put(hotel, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "new", "namespace": "hotel"}}, "user")
    monkeypatch.setattr(epochs, "preview", refuse)
    seen = observe(hotel)
    assert seen.get("ConfigMap", "new") is not None
    with pytest.raises(Asked):
        seen.metrics()


def test_secrets_keep_their_values_to_themselves(hotel: World) -> None:
    api.put(
        hotel,
        {
            "apiVersion": "v1", "kind": "Secret", "data": {"token": "aGVsbG8="}, "stringData": {"pin": "1234"},
            "metadata": {"name": "s", "namespace": "hotel", "annotations": {"last-applied": '{"token":"aGVsbG8="}'}},
        },
        "user",
    )  # fmt: skip
    secret = observe(hotel).get("Secret", "s")
    assert secret is not None
    assert (secret["data"], secret["stringData"]) == ({"token": REDACTED}, {"pin": REDACTED})
    text = json.dumps(surfaces(observe(hotel)))
    assert not [value for value in ("aGVsbG8=", "1234", "only-for-the-simulation") if f'"{value}' in text]


def test_a_healthy_application(hotel: World) -> None:
    seen = observe(hotel)
    assert (seen.namespaces, seen.now_s, seen.alerts()) == (("hotel",), 180, [])
    assert seen.now == "2025-01-01T00:03:00Z"
    assert [call for call in seen.calls() if call["error"]] == []
    assert seen.metrics()["hotel/frontend"] == {
        "requests_per_s": 50.0, "success_share": 1.0, "serving_pods": 2,
        "latency_ms": pytest.approx(20, abs=40), "saturation": pytest.approx(0.3, abs=0.3),
    }  # fmt: skip
    assert seen.get("Deployment", "no-such-thing") is None
    assert seen.logs("no-such-pod") == []
    assert seen.list("Pod", "elsewhere") == []


def test_a_caller_logs_what_it_met(hotel: World) -> None:
    seen = observe(struck(hotel, "env-var-wrong-value", "frontend"))
    [failed] = [call for call in seen.calls() if call["caller"] == "hotel/frontend" and call["error"]]
    assert (failed["error"], failed["error_share"]) == ("connection refused", 1.0)
    [users] = [call for call in seen.calls() if call["caller"] == USERS]
    assert (users["callee"], users["error_share"]) == ("hotel/frontend", 1.0)
    pod = next(p for p in seen.list("Pod", "hotel") if p["metadata"]["name"].startswith("frontend-"))
    callee = failed["callee"].partition("/")[2]
    *_, failure, answer = seen.logs(pod["metadata"]["name"])
    assert f"ERROR call to {callee} failed: connection refused" in failure
    assert "status=503" in answer


def test_a_caller_without_pods_calls_nobody(hotel: World) -> None:
    busy = [call for call in observe(hotel).calls() if call["caller"] == "hotel/search"]
    assert busy
    assert all(call["requests_per_s"] > 0 for call in busy)
    idle = [c for c in observe(struck(hotel, "scale-to-zero", "search")).calls() if c["caller"] == "hotel/search"]
    assert all(call["requests_per_s"] == 0 for call in idle)


def test_chaos_objects_are_in_plain_sight(hotel: World) -> None:
    seen = observe(struck(hotel, "network-partition", "frontend"))
    [chaos] = seen.list("NetworkChaos")
    assert chaos["spec"]["action"] == "partition"
    assert seen.get("NetworkChaos", chaos["metadata"]["name"], "chaos-mesh") == chaos


def test_events_come_newest_last(hotel: World) -> None:
    struck(hotel, "resource-limit-oom", "geo")
    times = [event["lastTimestamp"] for event in observe(hotel).events()]
    assert times == sorted(times)
    assert times[0] < times[-1]


def test_a_dying_pod_says_so(hotel: World) -> None:
    pod = hotel.store.list("Pod")[0].key
    api.delete(hotel, pod, "user")
    seen = observe(hotel).get("Pod", pod.name)
    assert seen is not None
    hotel.run_for(grace_us(hotel.store.state.objects[pod]))
    assert seen["metadata"]["deletionTimestamp"] == observe(hotel).now


def test_names_in_several_namespaces(small: Callable[..., World]) -> None:
    """Without a namespace a name is looked for where kubectl would: in `default`."""
    template = "{metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}"
    text = "\n---\n".join(
        f"apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: x, namespace: {home}}}\n"
        f"spec: {{selector: {{matchLabels: {{a: b}}}}, template: {template}}}"
        for home in ("default", "other")
    )
    seen = observe(small(text))
    assert seen.namespaces == ("default", "other")
    found = seen.get("Deployment", "x")
    assert found is not None
    assert found["metadata"]["namespace"] == "default"
    assert seen._view.store.get(ObjectKey("Deployment", "other", "x")) is not None


def test_the_embedded_application_is_the_one_looked_at() -> None:
    assert set(observe(stage().standing(0)).metrics()) == set(stage().application.workloads)
