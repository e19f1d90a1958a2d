"""Feature flags: flagd's definitions read as data, and what the OpenTelemetry demo's flags make its services do.

Sources: flagd.dev/reference/flag-definitions (`state`, `variants`, `defaultVariant`; targeting is not evaluated),
opentelemetry.io/docs/demo/feature-flags. A client that does not reach flagd goes on with the default in its code: off.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from immutables import Map

from stratus_sim.application.behaviours.images import main
from stratus_sim.application.behaviours.registry import FLAGGED, Caller, Offered, Served, behaviour
from stratus_sim.cluster.objects import ObjectKey, Resource

if TYPE_CHECKING:
    from stratus_sim.world import World


FLOOD = "loadGeneratorFloodHomepage"
FLOODING_PERMILLE = 172
"""The share of the load generator's tasks that ask for the home page as often as the flag says: 5 of 29 by weight."""


_MOST = 1_000_000
"""No flag has a use for more."""


class Flags(NamedTuple):
    """The value of each flag that is in force, as read by the process in the pod of this uid."""

    pod: int
    values: Map[str, float]


class Effect(NamedTuple):
    """What a flag makes a workload do: a share of requests that fail so, CPU and latency of all.

    A share or latency of None is the flag's own value (milliseconds for the latency).
    """

    share: float | None = 0.0
    error: str = ""
    cpu_permille: int = 1000
    latency_us: int | None = 0


EFFECTS: Mapping[tuple[str, str], Effect] = {
    ("productCatalogFailure", "productcatalog"): Effect(
        0.1, "rpc error: code = Internal desc = Error: Product Catalog Fail Feature Flag Enabled"
    ),
    ("adFailure", "ad"): Effect(0.1, "14 UNAVAILABLE"),
    ("adHighCpu", "ad"): Effect(cpu_permille=8000),
    ("adManualGc", "ad"): Effect(cpu_permille=2000, latency_us=200_000),
    ("cartFailure", "cart"): Effect(
        0.1, "rpc error: code = FailedPrecondition desc = Can't access cart storage. Wasn't able to connect to redis"
    ),
    ("paymentFailure", "payment"): Effect(None, "Payment request failed. Invalid token."),
    ("paymentUnreachable", "checkout"): Effect(
        1.0, "rpc error: code = Unavailable desc = name resolver error: produced zero addresses"
    ),
    ("recommendationCacheFailure", "recommendation"): Effect(cpu_permille=3000, latency_us=50_000),
    ("imageSlowLoad", "imageprovider"): Effect(latency_us=None),
}
"""By flag and workload, the latter without hyphens and without `service` at its end."""


@behaviour("flags")
def flags(world: World, offered: Offered, memory: Flags | None) -> Served:
    """Flagd answers what its file says: a mounted ConfigMap as it is now, a copy as it was when the pod started."""
    if not offered.pods:
        return Served(memory=None)
    pod = min(offered.pods, key=lambda one: (one.created_us, one.key))
    copied = not _mounts(main(pod.manifest, offered.workload.container), config_maps(pod.manifest["spec"]))
    if copied and memory is not None and memory.pod == pod.uid:
        return Served(memory=memory)
    now = Flags(pod.uid, _defined(world, pod))
    return Served(memory=now, restless=memory is None or now.values != memory.values)


@behaviour(FLAGGED)
def flagged(world: World, offered: Offered, memory: Any) -> Served:
    """A service that asks flagd does what its flags say."""
    name = offered.workload.name.replace("-", "").removesuffix("service")
    values = _values(world, offered.workload.key)
    found = [(EFFECTS[flag, name], values[flag]) for flag in sorted(values) if (flag, name) in EFFECTS and values[flag]]
    if not found:
        return Served(memory=memory)
    errors = {e.error: min(1.0, value) if e.share is None else e.share for e, value in found if e.error}
    return Served(
        success=max(0.0, 1.0 - sum(errors.values())),
        errors=errors,
        latency_us=sum(round(value * 1000) if e.latency_us is None else e.latency_us for e, value in found),
        cpu_permille=max(e.cpu_permille for e, _ in found),
        memory=memory,
    )


def load_permille(world: World) -> int:
    """How much load users make against the declared one, with what a load generator adds that a flag has flood."""
    declared = world.traffic.load_permille
    floods = [_values(world, name).get(FLOOD, 0.0) for name in world.application.generators]
    return declared * (1000 + FLOODING_PERMILLE * int(sum(floods))) // 1000


def value_of(world: World, callers: Iterable[Caller], flag: str) -> float:
    """The value a flag has for the first of these callers that asks flagd, 0 when none does."""
    return next((v for c in callers if (v := _values(world, c.call.source_key).get(flag)) is not None), 0.0)


def number(value: Any) -> float:
    """A flag's value as its client takes it: of another type than expected or out of all bounds it is the default, off.

    >>> number(True), number(0.25), number("on"), number(float("nan")), number(-3), number(None)
    (1.0, 0.25, 0.0, 0.0, 0.0, 0.0)
    """
    return float(value) if isinstance(value, int | float) and 0 <= value <= _MOST else 0.0


def servers(world: World, workload: str) -> list[str]:
    """The flagd workloads (`namespace/name`) that a workload asks."""
    application = world.application
    callees = [w for call in application.calls_from(workload) for w in application.services.get(call.target_key, ())]
    return [name for name in callees if isinstance(world.traffic.memory.get(name), Flags)]


def config_maps(pod_spec: Mapping[str, Any]) -> dict[str, str]:
    """The ConfigMaps of a pod by the volume they are mounted from."""
    volumes = pod_spec.get("volumes") or ()
    return {v["name"]: str(v["configMap"].get("name") or "") for v in volumes if v.get("configMap")}


def _values(world: World, workload: str) -> Mapping[str, float]:
    if not world.traffic.memory:
        return {}
    return next((world.traffic.memory[name].values for name in servers(world, workload)), {})


def _mounts(container: Mapping[str, Any], volumes: Mapping[str, str]) -> bool:
    return any(mount["name"] in volumes for mount in container.get("volumeMounts") or ())


def _defined(world: World, pod: Resource) -> Map[str, float]:
    keys = [ObjectKey("ConfigMap", pod.key.namespace, name) for name in config_maps(pod.manifest["spec"]).values()]
    found = [resource.manifest for key in keys if (resource := world.store.get(key)) is not None]
    texts = [text for manifest in found for text in (manifest.get("data") or {}).values() if isinstance(text, str)]
    return Map({name: number(value) for text in texts for name, value in read(text).items()})


@lru_cache(maxsize=256)
def read(text: str) -> Mapping[str, Any]:
    """The values of the enabled flags a definition gives by default; none for a text that is no definition.

    >>> read('{"flags": {"a": {"state": "ENABLED", "defaultVariant": "on", "variants": {"on": 7}}}}')
    {'a': 7}
    """
    try:
        flags_ = json.loads(text).get("flags") or {}
        return {name: f["variants"][f["defaultVariant"]] for name, f in flags_.items() if f.get("state") == "ENABLED"}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}
