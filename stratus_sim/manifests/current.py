"""Where a call goes now: the address a container was given, read again after somebody changed it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from stratus_sim.manifests.addresses import Address, addresses_of, resolve_host
from stratus_sim.manifests.calls import Call
from stratus_sim.manifests.expand import Lookup, expand
from stratus_sim.manifests.settings import Setting, argument_settings, read_settings


def current_address(call: Call, container: Mapping[str, Any], env: Mapping[str, str], lookup: Lookup) -> Address | None:
    """Host and port (None: not stated) that a call uses now; None when its place holds no address any more.

    `container` is the container as the running pod has it, `env` its resolved environment, `lookup` finds
    ConfigMaps. Of several addresses in one place the one that still names the call's Service is taken, else
    the first: that is what a wrong value looks like. A file holds many addresses, so there nothing stands for
    a name that is gone.
    """
    place, _, where = call.via.partition(":")
    if place == "declared":
        return call.target, call.port
    if place == "configmap":
        return _in_file(call, _file(call.namespace, where, lookup))
    if place == "env":
        return _choose(call, [Setting(where, env.get(where, ""), env)])
    words = [expand(word, env) for word in container.get(place) or ()]
    return _choose(call, argument_settings(words)[int(where) : int(where) + 1])


def _choose(call: Call, settings: Iterable[Setting], *, alone: bool = True) -> Address | None:
    """The address among settings that is the call's; `alone` says that whatever stands there is."""
    found = [a for s in settings for a in addresses_of(s.value, s.name, s.siblings)]
    intact = [a for a in found if resolve_host(a[0], call.namespace, {call.target_key})]
    exact = [a for a in intact if a[1] == call.port]
    return next(iter(exact or intact or (found if alone else [])), None)


@lru_cache(maxsize=4096)
def _in_file(call: Call, text: str) -> Address | None:
    """Files are long and seldom change, and every solution of the flows asks again."""
    return _choose(call, read_settings(text), alone=False)


def _file(namespace: str, file: str, lookup: Lookup) -> str:
    name, _, key = file.partition("/")
    text: str = ((lookup("ConfigMap", namespace, name) or {}).get("data") or {}).get(key, "")
    return text
