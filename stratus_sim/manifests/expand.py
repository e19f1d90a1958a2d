"""A container's environment as the kubelet builds it.

Source: https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/
and the kubelet's `makeEnvironment`: `envFrom` first, in order; then `env`, in order, overriding; `$(VAR)` in
a literal value sees what is defined before it, `$$` is a literal `$`, an undefined reference stays as it is.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stratus_sim.manifests import quantity

Lookup = Callable[[str, str, str], Mapping[str, Any] | None]
"""(kind, namespace, name) → the object as a plain mapping, or None when the cluster has none."""

_REFERENCE = re.compile(r"\$\$|\$\(([^)]*)\)")
_ENV_NAME = re.compile(r"[ -<>-~]+")
"""Printable ASCII without `=` (KEP-4369, on by default since 1.32)."""
_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['(.+)'\]")
_CONFIG_MAP, _SECRET = "ConfigMap", "Secret"


@dataclass(frozen=True, slots=True, order=True)
class Missing:
    """A ConfigMap or Secret, or one key of it, that a container refers to and the cluster lacks."""

    kind: str
    namespace: str
    name: str
    key: str | None = None

    @property
    def message(self) -> str:
        """What the kubelet reports."""
        if self.key is None:
            return f'{self.kind.lower()} "{self.name}" not found'
        return f"couldn't find key {self.key} in {self.kind} {self.namespace}/{self.name}"


def resolve_env(
    container: Mapping[str, Any], pod_meta: Mapping[str, Any], lookup: Lookup
) -> tuple[dict[str, str], tuple[Missing, ...]]:
    """The variables a container starts with, and what keeps it from starting.

    `container` is a plain container of a pod spec; `pod_meta` the pod's metadata (`name`, `namespace`,
    `labels`, `annotations`, and `podIP`, `hostIP`, `nodeName`, `serviceAccountName`, and what its node has to
    give as `allocatable`, where known). Any problem means `CreateContainerConfigError` in a cluster; the variables
    that do resolve are returned all the same.
    """
    source = _Source(str(pod_meta.get("namespace") or "default"), lookup)
    env: dict[str, str] = {}
    problems: list[Missing] = []
    for bundle in container.get("envFrom") or ():
        env.update(_bundle(bundle, source, problems))
    for variable in container.get("env") or ():
        origin = variable.get("valueFrom")
        if variable.get("value") or not origin:
            env[variable["name"]] = expand(variable.get("value") or "", env)
            continue
        value, missing = _referenced(origin, container, pod_meta, source)
        problems.extend(missing)
        if value is not None:
            env[variable["name"]] = value
    return env, tuple(dict.fromkeys(problems))


def expand(text: str, env: Mapping[str, str]) -> str:
    """Replace `$(VAR)` by its value, `$$` by `$`; leave references to unknown variables as they are.

    >>> expand("http://$(HOST):80 $$(HOST) $(NONE)", {"HOST": "cart"})
    'http://cart:80 $(HOST) $(NONE)'
    """

    def value(match: re.Match[str]) -> str:
        return "$" if match[0] == "$$" else env.get(match[1], match[0])

    return _REFERENCE.sub(value, text)


def missing_mounts(pod_spec: Mapping[str, Any], namespace: str, lookup: Lookup) -> tuple[Missing, ...]:
    """ConfigMaps, Secrets and keys that a pod's volumes need and the cluster lacks: the pod stays in
    `ContainerCreating` with `FailedMount`."""
    source = _Source(namespace, lookup)
    problems: list[Missing] = []
    for kind, name, volume in _mounted(pod_spec):
        data = source.data(kind, name, bool(volume.get("optional")), problems)
        for item in volume.get("items") or ():
            if data is not None and item["key"] not in data and not volume.get("optional"):
                problems.append(Missing(kind, namespace, name, item["key"]))
    return tuple(dict.fromkeys(problems))


@dataclass(frozen=True, slots=True)
class _Source:
    namespace: str
    lookup: Lookup

    def data(self, kind: str, name: str, optional: bool, problems: list[Missing]) -> dict[str, str] | None:
        found = self.lookup(kind, self.namespace, name)
        if found is not None:
            return _config_data(found) if kind == _CONFIG_MAP else _secret_data(found)
        if not optional:
            problems.append(Missing(kind, self.namespace, name))
        return None

    def key(self, kind: str, ref: Mapping[str, Any], problems: list[Missing]) -> str | None:
        name, key, optional = str(ref.get("name") or ""), ref["key"], bool(ref.get("optional"))
        data = self.data(kind, name, optional, problems)
        if data is not None and key not in data and not optional:
            problems.append(Missing(kind, self.namespace, name, key))
        return None if data is None else data.get(key)


def _mounted(pod_spec: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for volume in pod_spec.get("volumes") or ():
        if volume.get("configMap"):
            yield _CONFIG_MAP, str(volume["configMap"].get("name") or ""), volume["configMap"]
        if volume.get("secret"):
            yield _SECRET, str(volume["secret"].get("secretName") or ""), volume["secret"]
        for part in (volume.get("projected") or {}).get("sources") or ():
            if part.get("configMap"):
                yield _CONFIG_MAP, str(part["configMap"].get("name") or ""), part["configMap"]
            if part.get("secret"):
                yield _SECRET, str(part["secret"].get("name") or ""), part["secret"]


def _bundle(bundle: Mapping[str, Any], source: _Source, problems: list[Missing]) -> dict[str, str]:
    prefix = bundle.get("prefix") or ""
    for kind, field in ((_CONFIG_MAP, "configMapRef"), (_SECRET, "secretRef")):
        ref = bundle.get(field)
        if ref:
            data = source.data(kind, str(ref.get("name") or ""), bool(ref.get("optional")), problems) or {}
            named = {prefix + key: value for key, value in data.items()}
            return {name: value for name, value in named.items() if _ENV_NAME.fullmatch(name)}
    return {}


def _referenced(
    origin: Mapping[str, Any], container: Mapping[str, Any], pod_meta: Mapping[str, Any], source: _Source
) -> tuple[str | None, list[Missing]]:
    problems: list[Missing] = []
    if origin.get("configMapKeyRef"):
        return source.key(_CONFIG_MAP, origin["configMapKeyRef"], problems), problems
    if origin.get("secretKeyRef"):
        return source.key(_SECRET, origin["secretKeyRef"], problems), problems
    if origin.get("fieldRef"):
        return _field(origin["fieldRef"]["fieldPath"], pod_meta), problems
    if origin.get("resourceFieldRef"):
        return _resource(origin["resourceFieldRef"], container, pod_meta.get("allocatable")), problems
    return "", problems


def _field(path: str, pod_meta: Mapping[str, Any]) -> str:
    subscript = _SUBSCRIPT.fullmatch(path)
    if subscript:
        return str((pod_meta.get(subscript[1]) or {}).get(subscript[2], ""))
    # The pod's address is not known before it is scheduled: a placeholder shows what would stand there.
    return str(pod_meta.get(path.rpartition(".")[2]) or f"<{path}>")


def _resource(ref: Mapping[str, Any], container: Mapping[str, Any], allocatable: Mapping[str, Any] | None) -> str:
    """An amount of a container in units of the divisor; a missing request is the limit, a missing limit the node's."""
    side, _, name = str(ref["resource"]).partition(".")
    resources = container.get("resources") or {}
    amount = (resources.get(side) or {}).get(name)
    if amount is None and side == "requests":
        amount = (resources.get("limits") or {}).get(name, 0)
    elif amount is None:
        amount = (allocatable or {}).get(name)
    if amount is None:
        return f"<{ref['resource']}>"
    divisor = ref.get("divisor")
    unit = quantity.amount(1 if divisor in (None, "", 0, "0") else divisor)
    return str(math.ceil(quantity.amount(amount) / unit))


def _config_data(config_map: Mapping[str, Any]) -> dict[str, str]:
    return dict(config_map.get("data") or {}) | dict.fromkeys(config_map.get("binaryData") or {}, "")


def _secret_data(secret: Mapping[str, Any]) -> dict[str, str]:
    decoded = {key: _decoded(value) for key, value in (secret.get("data") or {}).items()}
    return decoded | dict(secret.get("stringData") or {})


def _decoded(value: str) -> str:
    try:
        return base64.b64decode("".join(value.split()), validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return value
