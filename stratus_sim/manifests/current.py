"""Where a call goes now: the address a container was given, read again after somebody changed it."""

from __future__ import annotations

from collections.abc import Mapping
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
        settings = _file_settings(call.namespace, where, lookup)
    elif place == "env":
        settings = [Setting(where, env.get(where, ""), env)]
    else:
        words = [expand(word, env) for word in container.get(place) or ()]
        settings = argument_settings(words)[int(where) : int(where) + 1]
    found = [a for s in settings for a in addresses_of(s.value, s.name, s.siblings)]
    intact = [a for a in found if resolve_host(a[0], call.namespace, {call.target_key})]
    exact = [a for a in intact if a[1] == call.port]
    return next(iter(exact or intact or ([] if place == "configmap" else found)), None)


def _file_settings(namespace: str, file: str, lookup: Lookup) -> list[Setting]:
    name, _, key = file.partition("/")
    data = (lookup("ConfigMap", namespace, name) or {}).get("data") or {}
    return read_settings(data.get(key, ""))
