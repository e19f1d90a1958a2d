"""Who calls whom, read off the manifests: addresses of Services in what a container is given.

A container is given its environment, its arguments and the ConfigMaps mounted into it. Init containers wait
for others before the pod serves, so they are no part of a request's path.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from stratus_sim.manifests import kinds
from stratus_sim.manifests.addresses import parse_address, sibling_port
from stratus_sim.manifests.expand import Lookup, expand, resolve_env
from stratus_sim.manifests.load import Manifests, Object
from stratus_sim.manifests.settings import Setting, argument_settings, read_settings

TELEMETRY_PORTS = frozenset({4317, 4318, 6831, 6832, 14268, 9411, 8125})
"""OTLP, Jaeger, Zipkin and StatsD: what is sent there is fire-and-forget."""
FLAG_PORTS = frozenset({8013, 8016})
"""flagd, by gRPC and by HTTP: who does not reach it goes on with the defaults in its code."""
_TELEMETRY_NAME = re.compile(
    r"(?:^|-)(?:otel-collector|otel-agent|opentelemetry-?collector|jaeger|zipkin|tempo|prometheus|grafana|loki"
    r"|statsd|fluentd|fluent-bit|datadog)(?:-|$)"
)


@dataclass(frozen=True, slots=True, order=True)
class Call:
    """One workload calls one Service.

    `target` is the Service's name in the caller's namespace, else `name.namespace`. `port` is the port the
    address states (None: the Service's only or first one). `via` is where the address stands: `env:NAME`,
    `args:INDEX`, `command:INDEX`, `configmap:NAME/KEY`, or `declared`. A call that is not `hard` may fail
    without failing the caller's request.
    """

    namespace: str
    source: str
    target: str
    port: int | None
    via: str
    container: str
    hard: bool = True

    @property
    def source_key(self) -> str:
        """The calling workload, `namespace/name`."""
        return f"{self.namespace}/{self.source}"

    @property
    def target_key(self) -> str:
        """The Service called, `namespace/name`."""
        name, _, namespace = self.target.partition(".")
        return f"{namespace or self.namespace}/{name}"


@dataclass(frozen=True, slots=True)
class _Evidence:
    via: str
    setting: Setting
    reader: str
    container: str


def infer_calls(manifests: Manifests) -> tuple[Call, ...]:
    """The calls the manifests show, sorted, one per caller, container, Service and port.

    A mounted file counts unless it is a *directory*: it names more than half of all Services, among them the
    Service of a workload that mounts it. Nobody calls itself, so such a file lists what exists, not who calls
    whom, and tells nothing about any of its readers. Environment and arguments always count.
    """
    services = service_keys(manifests)
    lookup = lookup_in(manifests)
    workloads = {object_key(item): item for item in manifests.of_kind(*kinds.WORKLOADS)}
    own = {key: _own_services(item, manifests) for key, item in workloads.items()}
    direct = [e for key, item in workloads.items() for e in _direct(key, item, lookup)]
    mounted = [e for key, item in workloads.items() for e in _mounted(key, item, lookup)]
    named = _Namer(services, own)
    telling = [*direct, *_without_directories(mounted, named)]
    calls = [call for evidence in telling for call in named.calls(evidence)]
    return _distinct(calls)


def call_ends(source: str, target: str) -> tuple[str, str, str]:
    """A call's (namespace, source, target) from the keys `namespace/name` of its workload and Service."""
    namespace, _, name = source.partition("/")
    home, _, service = target.partition("/")
    return namespace, name, service if home == namespace else f"{service}.{home}"


def sorted_calls(calls: Iterable[Call]) -> tuple[Call, ...]:
    """By caller, Service, port and container."""
    return tuple(sorted(calls, key=lambda c: (c.namespace, c.source, c.target, c.port or 0, c.container)))


def is_telemetry(name: str, port: int | None = None) -> bool:
    """Whether a workload or Service observes the application rather than being part of it."""
    return port in TELEMETRY_PORTS or _TELEMETRY_NAME.search(name) is not None


def object_key(item: Object) -> str:
    """`namespace/name` of an object."""
    return f"{item['metadata'].get('namespace') or 'default'}/{item['metadata']['name']}"


def service_keys(manifests: Manifests) -> frozenset[str]:
    """`namespace/name` of every Service."""
    return frozenset(map(object_key, manifests.of_kind("Service")))


def lookup_in(manifests: Manifests) -> Lookup:
    """Finds an object among the manifests by kind, namespace and name."""
    table = {(kinds.qualified(item["apiVersion"], item["kind"]), object_key(item)): item for item in manifests.objects}
    return lambda kind, namespace, name: table.get((kind, f"{namespace}/{name}"))


def selects(service: Object, workload: Object) -> bool:
    """Whether a Service's selector matches a workload's pods."""
    if service["metadata"].get("namespace") != workload["metadata"].get("namespace"):
        return False
    selector = service["spec"].get("selector") or {}
    return bool(selector) and selector.items() <= pod_labels(workload).items()


def pod_labels(workload: Object) -> Mapping[str, str]:
    """The labels a workload's pods carry."""
    return (workload["spec"]["template"].get("metadata") or {}).get("labels") or {}


def _own_services(workload: Object, manifests: Manifests) -> frozenset[str]:
    return frozenset(object_key(item) for item in manifests.of_kind("Service") if selects(item, workload))


@dataclass(frozen=True, slots=True)
class _Namer:
    services: frozenset[str]
    own: Mapping[str, frozenset[str]]

    def addresses(self, evidence: _Evidence) -> list[tuple[str, int | None]]:
        setting, namespace = evidence.setting, evidence.reader.partition("/")[0]
        found = parse_address(setting.value, self.services, namespace, setting.name)
        beside = sibling_port(setting.name, setting.siblings)
        return [(key, beside if port is None else port) for key, port in found]

    def calls(self, evidence: _Evidence) -> Iterator[Call]:
        source, via, container = evidence.reader, evidence.via, evidence.container
        for key, port in self.addresses(evidence):
            if key not in self.own[source]:
                observing = is_telemetry(key.partition("/")[2], port) or is_telemetry(source.partition("/")[2])
                hard = not observing and port not in FLAG_PORTS
                yield Call(*call_ends(source, key), port, via, container, hard)


def _direct(key: str, workload: Object, lookup: Lookup) -> Iterator[_Evidence]:
    for container in workload["spec"]["template"]["spec"]["containers"]:
        env, _ = resolve_env(container, _pod_meta(workload), lookup)
        for name in sorted(env):
            yield _Evidence(f"env:{name}", Setting(name, env[name], env), key, container["name"])
        for part in ("command", "args"):
            words = [expand(word, env) for word in container.get(part) or ()]
            for index, setting in enumerate(argument_settings(words)):
                yield _Evidence(f"{part}:{index}", setting, key, container["name"])


def _pod_meta(workload: Object) -> dict[str, Any]:
    metadata = workload["spec"]["template"].get("metadata") or {}
    return {
        **metadata,
        "name": workload["metadata"]["name"],
        "namespace": workload["metadata"].get("namespace"),
    }


def _mounted(key: str, workload: Object, lookup: Lookup) -> Iterator[_Evidence]:
    namespace, _, _ = key.partition("/")
    spec = workload["spec"]["template"]["spec"]
    volumes = {volume["name"]: volume for volume in spec.get("volumes") or ()}
    for container in spec["containers"]:
        for mount in container.get("volumeMounts") or ():
            for name, entry, text in _files(volumes.get(mount["name"]) or {}, mount, namespace, lookup):
                for setting in read_settings(text):
                    yield _Evidence(f"configmap:{name}/{entry}", setting, key, container["name"])


def _files(
    volume: Mapping[str, Any], mount: Mapping[str, Any], namespace: str, lookup: Lookup
) -> Iterator[tuple[str, str, str]]:
    """(ConfigMap, key, text) of each file a mount shows."""
    parts = (volume.get("projected") or {}).get("sources") or ()
    for source in filter(None, [volume.get("configMap"), *(part.get("configMap") for part in parts)]):
        data = (lookup("ConfigMap", namespace, source.get("name") or "") or {}).get("data") or {}
        paths = {item["key"]: item["path"] for item in source.get("items") or ()} or {key: key for key in data}
        for key in sorted(paths.keys() & data.keys()):
            if (mount.get("subPath") or paths[key]).split("/")[0] == paths[key].split("/")[0]:
                yield str(source.get("name") or ""), key, data[key]


def _without_directories(evidence: Iterable[_Evidence], named: _Namer) -> list[_Evidence]:
    evidence = list(evidence)
    files = _by_file(evidence)
    contents = {file: _content(members, named) for file, members in files.items()}
    directories = {content for (reader, _), content in contents.items() if _is_directory(content, reader, named)}
    return [e for e in evidence if contents[e.reader, e.via] not in directories]


def _is_directory(content: frozenset[tuple[str, int | None]], reader: str, named: _Namer) -> bool:
    keys = {key for key, _ in content}
    return 2 * len(keys) > len(named.services) and not keys.isdisjoint(named.own[reader])


def _content(evidence: Iterable[_Evidence], named: _Namer) -> frozenset[tuple[str, int | None]]:
    return frozenset(address for e in evidence for address in named.addresses(e))


def _by_file(evidence: Iterable[_Evidence]) -> dict[tuple[str, str], list[_Evidence]]:
    groups: dict[tuple[str, str], list[_Evidence]] = {}
    for e in evidence:
        groups.setdefault((e.reader, e.via), []).append(e)
    return groups


_PREFERENCE = ("env", "args", "command", "configmap")


def _distinct(calls: Iterable[Call]) -> tuple[Call, ...]:
    """One call per caller, container, Service and port: of several places the one set closest to the process
    wins. An address without a port says nothing where the same container states one."""
    ranked = sorted(calls, key=lambda c: (_PREFERENCE.index(c.via.partition(":")[0]), c.via))
    first = {replace(c, via="", hard=True): c for c in reversed(ranked)}
    stated = {_line(c) for c in first.values() if c.port is not None}
    kept = [c for c in first.values() if c.port is not None or _line(c) not in stated]
    return sorted_calls(kept)


def _line(call: Call) -> tuple[str, str, str]:
    return call.source_key, call.container, call.target_key
