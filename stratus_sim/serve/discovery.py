"""What the server says it can do: API groups, their resources, and the least OpenAPI that kubectl asks for.

Sources: kubernetes.io/docs/concepts/overview/kubernetes-api ("Discovery API", "OpenAPI interface definition").
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from stratus_sim.serve.answers import NOT_FOUND, Answer, Refusal, Request
from stratus_sim.serve.kinds import Kind
from stratus_sim.telemetry.completing import KUBELET_VERSION
from stratus_sim.telemetry.render import Json

VERSION = {
    "major": "1", "minor": "33", "gitVersion": KUBELET_VERSION, "gitCommit": "", "gitTreeState": "clean",
    "buildDate": "2025-01-01T00:00:00Z", "goVersion": "", "compiler": "", "platform": "linux/amd64",
}  # fmt: skip
_AGGREGATED = "g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_SUBRESOURCES = {
    "eviction": ("Eviction", "policy", "v1", ["create"]),
    "log": ("Pod", "", "v1", ["get"]),
    "scale": ("Scale", "autoscaling", "v1", ["get", "patch", "update"]),
}


def answer(request: Request, kinds: tuple[Kind, ...]) -> Answer:
    """What a GET of anything but objects finds. Raises Refusal, 404, where that is nothing."""
    match request.path:
        case ("api" | "apis" as where,) if _AGGREGATED in request.header("accept"):
            return Answer(aggregated(kinds, core=where == "api"), content_type=f"application/json;{_AGGREGATED}")
        case ("healthz" | "livez" | "readyz",):
            return Answer("ok", content_type="text/plain")
        case ("version",):
            return Answer(dict(VERSION))
        case ("openapi", "v3", *rest):
            return Answer(_documents(kinds, rest))
    return Answer(_groups(kinds, request.path))


def _groups(kinds: tuple[Kind, ...], path: tuple[str, ...]) -> Json:
    match path:
        case ("api",):
            return core_versions()
        case ("apis",):
            return groups(kinds)
        case ("api", version):
            return resources(kinds, "", version)
        case ("apis", name):
            return group(kinds, name)
        case ("apis", name, version):
            return resources(kinds, name, version)
    raise Refusal(404, NOT_FOUND)


def _documents(kinds: tuple[Kind, ...], path: list[str]) -> Json:
    match path:
        case []:
            return openapi_index(kinds)
        case ["api", version]:
            return openapi(kinds, "", version)
        case ["apis", name, version]:
            return openapi(kinds, name, version)
    raise Refusal(404, NOT_FOUND)


def core_versions() -> Json:
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}


def groups(kinds: Iterable[Kind]) -> Json:
    """Legacy discovery of all named groups."""
    found = [_group(group, versions) for group, versions in _by_group(kinds) if group]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": found}


def group(kinds: Iterable[Kind], name: str) -> Json:
    """Raises Refusal, 404, for a group nobody serves."""
    for found, versions in _by_group(kinds):
        if found == name:
            return {"kind": "APIGroup", "apiVersion": "v1", **_group(found, versions)}
    raise Refusal(404, NOT_FOUND)


def aggregated(kinds: Iterable[Kind], *, core: bool) -> Json:
    """All groups with their resources in one document; the core group alone, or all but it."""
    items = []
    for name, members in _by_group(k for k in kinds if (not k.group) == core):
        versions = [
            {"version": version, "freshness": "Current", "resources": [_aggregated_resource(k) for k in of_version]}
            for version, of_version in _by_version(members)
        ]
        items.append({"metadata": {"name": name, "creationTimestamp": None}, "versions": versions})
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}


def resources(kinds: Iterable[Kind], group_name: str, version: str) -> Json:
    """Legacy discovery of one group and version. Raises Refusal, 404."""
    found = [k for k in kinds if (k.group, k.version) == (group_name, version)]
    if not found:
        raise Refusal(404, NOT_FOUND)
    listed = [entry for kind in found for entry in _resource(kind)]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": found[0].api_version, "resources": listed}


def openapi_index(kinds: Iterable[Kind]) -> Json:
    """The OpenAPI v3 documents there are, one a group and version."""
    paths = {root(k): {"serverRelativeURL": f"/openapi/v3/{root(k)}"} for k in kinds}
    return {"paths": paths}


def openapi(kinds: Iterable[Kind], group_name: str, version: str) -> Json:
    """Which kinds a group and version has and that their fields can be validated; their schemas stay open."""
    found = [k for k in kinds if (k.group, k.version) == (group_name, version)]
    if not found:
        raise Refusal(404, NOT_FOUND)
    schemas = {_schema(k): {"type": "object", "x-kubernetes-group-version-kind": [_gvk(k)]} for k in found}
    paths = {_item_path(k): {"patch": _operation(k, "patch"), "get": _operation(k, "get")} for k in found}
    info = {"title": "Kubernetes", "version": VERSION["gitVersion"]}
    return {"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": schemas}}


def root(kind: Kind) -> str:
    """The path of a kind's group and version, without a leading slash."""
    return f"apis/{kind.api_version}" if kind.group else f"api/{kind.version}"


def _by_group(kinds: Iterable[Kind]) -> Iterator[tuple[str, list[Kind]]]:
    ordered = sorted(kinds, key=lambda k: k.group)
    return ((name, list(members)) for name, members in groupby(ordered, key=lambda k: k.group))


def _by_version(kinds: Iterable[Kind]) -> Iterator[tuple[str, list[Kind]]]:
    ordered = sorted(kinds, key=lambda k: k.version)
    return ((name, list(members)) for name, members in groupby(ordered, key=lambda k: k.version))


def _group(name: str, kinds: list[Kind]) -> Json:
    versions = [{"groupVersion": f"{name}/{version}", "version": version} for version, _ in _by_version(kinds)]
    return {"name": name, "versions": versions, "preferredVersion": versions[0]}


def _resource(kind: Kind) -> Iterator[Json]:
    entry: Json = {
        "name": kind.plural, "singularName": kind.name.lower(), "namespaced": kind.namespaced, "kind": kind.name,
        "verbs": list(kind.verbs),
    }  # fmt: skip
    if kind.short:
        entry["shortNames"] = list(kind.short)
    if kind.categories:
        entry["categories"] = list(kind.categories)
    yield entry
    for name in kind.subresources:
        shown, group_name, version, verbs = _SUBRESOURCES[name]
        entry = {"name": f"{kind.plural}/{name}", "singularName": "", "namespaced": kind.namespaced, "kind": shown}
        yield entry | {"verbs": verbs} | ({"group": group_name, "version": version} if group_name else {})


def _aggregated_resource(kind: Kind) -> Json:
    entry: Json = {
        "resource": kind.plural, "responseKind": _gvk(kind), "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.name.lower(), "verbs": list(kind.verbs),
    }  # fmt: skip
    if kind.short:
        entry["shortNames"] = list(kind.short)
    if kind.categories:
        entry["categories"] = list(kind.categories)
    if kind.subresources:
        entry["subresources"] = [_aggregated_subresource(name) for name in kind.subresources]
    return entry


def _aggregated_subresource(name: str) -> Json:
    kind, group_name, version, verbs = _SUBRESOURCES[name]
    response = {"group": group_name, "version": version, "kind": kind}
    return {"subresource": name, "responseKind": response, "verbs": verbs}


def _gvk(kind: Kind) -> Json:
    return {"group": kind.group, "version": kind.version, "kind": kind.name}


def _schema(kind: Kind) -> str:
    return f"{kind.group or 'core'}.{kind.version}.{kind.name}"


def _item_path(kind: Kind) -> str:
    place = "namespaces/{namespace}/" if kind.namespaced else ""
    return f"/{root(kind)}/{place}{kind.plural}/{{name}}"


def _operation(kind: Kind, action: str) -> Json:
    """kubectl validates on the server only if `patch` has a `fieldValidation` parameter."""
    names = ("dryRun", "fieldManager", "fieldValidation", "force") if action == "patch" else ()
    parameters = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in names]
    return {
        "operationId": f"{action}{_schema(kind)}", "parameters": parameters,
        "responses": {"200": {"description": "OK"}},
        "x-kubernetes-action": action, "x-kubernetes-group-version-kind": _gvk(kind),
    }  # fmt: skip
