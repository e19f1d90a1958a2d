"""Where a caller's password stands: the objects a container takes its environment from, and those with another one."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from stratus_sim.application.behaviours.images import main
from stratus_sim.cluster.objects import Manifest, ObjectKey
from stratus_sim.faults.catalogue import Writes

if TYPE_CHECKING:
    from stratus_sim.world import World


def rewritten(world: World, workload: ObjectKey, container: str, old: str, new: str) -> Writes:
    """The Secrets and ConfigMaps a container reads `old` from with `new` in its place, else the workload itself."""
    manifest = world.store.state.objects[workload].manifest
    found = main(manifest["spec"]["template"], container)
    keys = [ObjectKey(kind, workload.namespace, name) for kind, name in dict.fromkeys(_sources(found))]
    held = [(key, resource.manifest) for key in keys if (resource := world.store.get(key)) is not None]
    changed = [(key, _replaced(key, manifest, old, new)) for key, manifest in held]
    writes: Writes = [(key, after) for (key, after), (_, before) in zip(changed, held, strict=True) if after != before]
    return writes or _literal(workload, manifest, container, old, new)


def _sources(container: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(kind, name) of what a container's environment is taken from."""
    for variable in container.get("env") or ():
        origin = variable.get("valueFrom") or {}
        for kind, field in (("Secret", "secretKeyRef"), ("ConfigMap", "configMapKeyRef")):
            if origin.get(field):
                yield kind, str(origin[field].get("name"))
    for bundle in container.get("envFrom") or ():
        for kind, field in (("Secret", "secretRef"), ("ConfigMap", "configMapRef")):
            if bundle.get(field):
                yield kind, str(bundle[field].get("name"))


def _replaced(key: ObjectKey, manifest: Manifest, old: str, new: str) -> Manifest:
    encoded = {"data"} if key.kind == "Secret" else set()
    fields = {f: manifest[f] for f in ("data", "stringData") if manifest.get(f)}
    return {**manifest, **{f: _swapped(values, old, new, coded=f in encoded) for f, values in fields.items()}}


def _swapped(values: Mapping[str, str], old: str, new: str, *, coded: bool) -> dict[str, str]:
    plain = {name: _decoded(value) if coded else value for name, value in values.items()}
    changed = {name: _put(text, old, new) for name, text in plain.items() if _put(text, old, new) != text}
    return {**values, **{name: _encoded(text) if coded else text for name, text in changed.items()}}


def _put(text: str, old: str, new: str) -> str:
    """A text with a word in it replaced, as in `postgres://user:old@host`."""
    return re.sub(rf"(?<![\w-]){re.escape(old)}(?![\w-])", lambda _: new, text)


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _literal(workload: ObjectKey, manifest: Manifest, container: str, old: str, new: str) -> Writes:
    def changed(variable: Mapping[str, Any]) -> Mapping[str, Any]:
        value = variable.get("value") or ""
        return {**variable, "value": _put(value, old, new)} if _put(value, old, new) != value else variable

    template = manifest["spec"]["template"]
    containers = [
        {**c, "env": [changed(v) for v in c.get("env") or ()]} if c["name"] == container else c
        for c in template["spec"]["containers"]
    ]
    after = {**template, "spec": {**template["spec"], "containers": containers}}
    return [(workload, {**manifest, "spec": {**manifest["spec"], "template": after}})] if after != template else []
