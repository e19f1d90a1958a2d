"""Where traffic enters an application, and which workloads only make traffic."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from stratus_sim.manifests.calls import Call, is_telemetry, object_key
from stratus_sim.manifests.load import Manifests, Object

_GENERATOR_NAME = re.compile(r"(?:^|-)(?:load-?gen(?:erator)?|locust|k6|jmeter|vegeta|artillery)(?:-|$)")
_EXPOSED_TYPES = ("LoadBalancer", "NodePort")

Selections = Mapping[str, tuple[str, ...]]
"""Service key → keys of the workloads it selects."""


def generators(
    manifests: Manifests, services: Selections, calls: Iterable[Call], workloads: Iterable[str]
) -> tuple[str, ...]:
    """Keys of the workloads that only make traffic.

    Either called like a load generator, or: no Service selects it, and each of its targets is called by
    nobody else and is exposed or passes requests on (the queue a consumer calls is called by others too).
    """
    hard = [call for call in calls if call.hard]
    selected = {key for keys in services.values() for key in keys}
    onward = {service for service, keys in services.items() if _callers(hard) & set(keys)}
    traffic = exposed(manifests) | onward
    wanted = {call.target_key for call in hard if call.source_key in selected}

    def only_makes_traffic(key: str) -> bool:
        targets = {call.target_key for call in hard if call.source_key == key}
        unasked = not targets & wanted and targets <= traffic
        return bool(targets) and (_named_generator(key) or unasked)

    return tuple(sorted(filter(only_makes_traffic, workloads)))


def entrypoints(
    manifests: Manifests, services: Selections, calls: Iterable[Call], making_traffic: Iterable[str]
) -> tuple[str, ...]:
    """Keys of the Services where requests enter, telemetry aside.

    Those exposed outside the cluster or called by a load generator; else those nobody calls that call others;
    else all that nobody calls.
    """
    hard = [call for call in calls if call.hard]
    idle = set(making_traffic)
    ours = {key for key in services if not is_telemetry(key.partition("/")[2]) and not idle & set(services[key])}
    called = {call.target_key for call in hard if call.source_key not in idle}
    fed = {call.target_key for call in hard if call.source_key in idle and _calls_on(call, services, hard)}
    onward = {key for key in ours - called if _callers(hard) & set(services[key])}
    return tuple(sorted((exposed(manifests) | fed) & ours or onward or ours - called or services.keys()))


def exposed(manifests: Manifests) -> frozenset[str]:
    """Keys of the Services reachable from outside: by their type, or through an Ingress."""
    outside = [s for s in manifests.of_kind("Service") if s["spec"].get("type") in _EXPOSED_TYPES]
    routed = [key for ingress in manifests.of_kind("Ingress") for key in _backends(ingress)]
    return frozenset([*map(object_key, outside), *routed])


def _named_generator(key: str) -> bool:
    return _GENERATOR_NAME.search(key.partition("/")[2]) is not None


def _callers(calls: Iterable[Call]) -> set[str]:
    return {call.source_key for call in calls}


def _calls_on(call: Call, services: Selections, hard: Iterable[Call]) -> bool:
    return bool(_callers(hard) & set(services.get(call.target_key, ())))


def _backends(ingress: Object) -> list[str]:
    spec = ingress.get("spec") or {}
    paths = [p for rule in spec.get("rules") or () for p in (rule.get("http") or {}).get("paths") or ()]
    backends = [spec.get("defaultBackend"), *(path.get("backend") for path in paths)]
    names = [((b or {}).get("service") or {}).get("name") for b in backends]
    return [f"{object_key(ingress).partition('/')[0]}/{name}" for name in names if name]
