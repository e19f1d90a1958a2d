"""A file or folder of Kubernetes manifests, as `kubectl apply -f` reads it, into plain objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stratus_sim.errors import UserError
from stratus_sim.manifests import kinds
from stratus_sim.manifests.reader import Document, is_template, read_documents, template_error
from stratus_sim.manifests.shapes import expect_namespace, read_shape

Object = Mapping[str, Any]

_SUFFIXES = {".yaml", ".yml", ".json"}
_KUSTOMIZATION = {"kustomization.yaml", "kustomization.yml"}
_TEMPLATES_ALLOWED = {"ConfigMap", "Secret"}


@dataclass(frozen=True, slots=True)
class Manifests:
    """API objects in file order, each plain JSON data with its namespace filled in, and what looked odd."""

    objects: tuple[Object, ...]
    warnings: tuple[str, ...] = ()

    def of_kind(self, *wanted: str) -> tuple[Object, ...]:
        """The objects of these kinds, in file order."""
        return tuple(item for item in self.objects if kinds.qualified(item["apiVersion"], item["kind"]) in wanted)


def load(path: Path, namespace: str | None = None) -> Manifests:
    """Read a file, or every *.yaml, *.yml and *.json below a folder in sorted order.

    `namespace` is where objects go that name none, as `kubectl apply --namespace`. Without it they go to
    the one Namespace the manifests declare, if they declare exactly one (with a warning), else to `default`.
    Raises UserError for a `namespace` that cannot be one, a path that cannot be read, files that are not YAML, YAML
    that is not Kubernetes, templates nobody rendered, and fields of the wrong type.
    """
    if namespace is not None:
        expect_namespace(namespace)
    warnings: list[str] = []
    documents = [found for file in _files(path) for found in _kubernetes_documents(file, path, warnings)]
    if not documents:
        raise UserError(f"{path}: no Kubernetes objects found; expected YAML with 'apiVersion' and 'kind'")
    items = [_checked(document, warnings) for document in documents]
    home = namespace or _home_namespace(items, warnings)
    return Manifests(_distinct([_placed(item, home) for item in items], warnings), tuple(warnings))


def identity(item: Object) -> tuple[str, str, str, str]:
    """What makes an object one and the same for the API server: (group, kind, namespace, name)."""
    metadata = item["metadata"]
    group = str(item["apiVersion"]).rpartition("/")[0]
    return group, str(item["kind"]), str(metadata.get("namespace") or ""), str(metadata["name"])


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        below = sorted(path.rglob("*"))
        return [file for file in below if _is_manifest(file.relative_to(path)) and file.is_file()]
    if not path.exists():
        raise UserError(f"{path}: no such file or folder; expected Kubernetes manifests")
    return [path]


def _is_manifest(relative: Path) -> bool:
    hidden = any(part.startswith(".") for part in relative.parts)
    return relative.suffix.lower() in _SUFFIXES and not hidden


def _kubernetes_documents(file: Path, root: Path, warnings: list[str]) -> Iterator[Document]:
    documents = read_documents(file)
    strangers = [document for document in documents if not _is_object(document.value)]
    reason = _skip_reason(file, documents, strangers)
    if reason and file != root:
        warnings.append(f"{file.relative_to(root)}: skipped: {reason}")
        return
    if reason or strangers:
        raise UserError(f"{strangers[0].where if strangers else file}: {reason or _NOT_KUBERNETES}")
    for document in documents:
        yield from _unpacked(document)


_NOT_KUBERNETES = "not a Kubernetes object: expected a mapping with 'apiVersion' and 'kind' and a name"


def _skip_reason(file: Path, documents: list[Document], strangers: list[Document]) -> str:
    if file.name.lower() in _KUSTOMIZATION:
        return "a kustomization is not applied; build it first: kubectl kustomize DIR > app.yaml"
    return _NOT_KUBERNETES if documents and len(strangers) == len(documents) else ""


def _is_object(value: Any) -> bool:
    """Tool configuration (Skaffold, kind, Kustomize) borrows apiVersion and kind, but names no object."""
    if not isinstance(value, dict) or not all(isinstance(value.get(k), str) for k in ("apiVersion", "kind")):
        return False
    named = isinstance(value.get("metadata"), dict) and "name" in value["metadata"]
    return named or _is_list(value) or kinds.is_known(value["apiVersion"], value["kind"])


def _is_list(value: Object) -> bool:
    return bool(value["kind"].endswith("List")) and isinstance(value.get("items"), list)


def _unpacked(document: Document) -> Iterator[Document]:
    """The items of a List; kubectl writes `List`, the API server `DeploymentList`, whose items omit kind."""
    value = document.value
    if not _is_list(value):
        yield document
        return
    defaults = {} if value["kind"] == "List" else _item_type(value)
    for item in value["items"]:
        whole = defaults | item if isinstance(item, dict) else item
        if not _is_object(whole):
            raise UserError(f"{document.where}: item of {value['kind']} is {_NOT_KUBERNETES}")
        yield from _unpacked(replace(document, value=whole))


def _item_type(value: Object) -> dict[str, Any]:
    return {"apiVersion": value["apiVersion"], "kind": value["kind"].removesuffix("List")}


def _checked(document: Document, warnings: list[str]) -> Object:
    item: dict[str, Any] = document.value
    kind, api_version = item["kind"], item["apiVersion"]
    if kind not in _TEMPLATES_ALLOWED and is_template(item):
        raise template_error(document.where)
    if not kinds.is_known(api_version, kind):
        read_shape(item | {"kind": f"{kind}.{api_version}"}, document.where)
        warnings.append(f"{document.where}: {kind} ({api_version}) is no built-in kind: kept without effect")
        return item
    read_shape(item, document.where)
    if not kinds.is_served(api_version, kind):
        served = kinds.SERVED[kind]
        warnings.append(f"{document.where}: {kind} {api_version} is no longer served; read as {served}")
        return item | {"apiVersion": served}
    return item


def _home_namespace(items: Iterable[Object], warnings: list[str]) -> str:
    items = list(items)
    declared = [item["metadata"]["name"] for item in items if item["kind"] == "Namespace"]
    homeless = kinds.missing_namespace(i["kind"] for i in items if not i["metadata"].get("namespace"))
    if len(declared) != 1 or not homeless:
        return "default"
    warnings.append(
        f"{homeless} objects name no namespace: placed in {declared[0]!r}, the only Namespace declared here"
        " (choose another with --namespace)"
    )
    return str(declared[0])


def _placed(item: Object, home: str) -> Object:
    metadata = {key: value for key, value in item["metadata"].items() if key != "namespace"}
    given = item["metadata"].get("namespace")
    built_in = kinds.is_known(item["apiVersion"], item["kind"])
    if built_in and item["kind"] in kinds.CLUSTER_SCOPED:
        return {**item, "metadata": metadata}
    if not built_in and not given:
        return item
    return {**item, "metadata": {**metadata, "namespace": given or home}}


def _distinct(items: Iterable[Object], warnings: list[str]) -> tuple[Object, ...]:
    kept: dict[tuple[str, str, str, str], Object] = {}
    for item in items:
        key = identity(item)
        if key in kept and kept[key] != item:
            name = "/".join(part for part in key[2:] if part)
            warnings.append(f"{key[1]} {name} is defined more than once: the last one counts")
        kept[key] = item
    return tuple(kept.values())
