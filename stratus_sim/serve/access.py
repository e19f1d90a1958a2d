"""Who asks, and what they may: impersonation, and the reviews by which clients ask what they may.

Everybody who reaches this server is an administrator, but for whom they say they act: `kubectl --as`. Sources:
kubernetes.io/docs/reference/access-authn-authz/authentication ("User impersonation") and .../authorization ("Checking
API access"); authorization.k8s.io/v1 and authentication.k8s.io/v1 of the API reference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from stratus_sim.cluster import escalation, rbac
from stratus_sim.cluster.rbac import Access, User
from stratus_sim.serve.answers import Refusal, Request
from stratus_sim.serve.kinds import Kind
from stratus_sim.serve.showing import View
from stratus_sim.telemetry.render import Json, plain

if TYPE_CHECKING:
    from stratus_sim.world import World

ADMIN = User("kubernetes-admin", (rbac.MASTERS,))
_AUTHORIZATION, _AUTHENTICATION = "authorization.k8s.io", "authentication.k8s.io"
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_EVERYTHING = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}


def user_of(request: Request) -> User:
    """Who a request is made for. Several groups come as one header, with commas between."""
    name = request.header("impersonate-user")
    groups = tuple(group.strip() for group in request.header("impersonate-group").split(",") if group.strip())
    return User(name, groups) if name else ADMIN


def verb_of(request: Request, name: str) -> str:
    """The verb of RBAC a request stands for; without `name` it is about a collection."""
    if request.method == "GET":
        return "get" if name else "watch" if request.flag("watch") else "list"
    verb = _VERBS.get(request.method, request.method.lower())
    return "deletecollection" if verb == "delete" and not name else verb


def authorize(world: World, request: Request, kind: Kind, namespace: str, rest: tuple[str, ...]) -> None:
    """Raises Refusal, 403, unless who asks may; the message is the one kubectl prints.

    `rest` are the name and the subresource in the path, if any. What they may themselves anybody may ask.
    """
    user, (name, part) = user_of(request), (*rest, "", "")[:2]
    if user == ADMIN or (kind in REVIEWS and kind.name.startswith("Self")):
        return
    resource = f"{kind.plural}/{part}" if part else kind.plural
    home = name if kind.name == "Namespace" else namespace
    asked = Access(verb_of(request, name), kind.group, resource, home, name)
    if not rbac.can(world, user, asked):
        named = f' "{name}"' if name else ""
        raise Refusal(403, f"{kind.resource}{named} is forbidden: {rbac.denial(world, user, asked)}")


def guarded(world: World, request: Request, write: Callable[[View], Json]) -> Callable[[View], Json]:
    """A write that fails where somebody would give away by it what he had not before."""
    user = user_of(request)
    if user == ADMIN:
        return write
    before = world.fork()

    def checked(view: View) -> Json:
        written = write(view)
        escalation.check(before, user, written)
        return written

    return checked


def _self_access(world: World, user: User, spec: Json) -> Json:
    attributes = spec.get("resourceAttributes")
    if not isinstance(attributes, Mapping):
        return {"allowed": rbac.MASTERS in user.all_groups}
    found = {name: str(attributes.get(name) or "") for name in ("verb", "group", "resource", "namespace", "name")}
    if attributes.get("subresource"):
        found["resource"] += f"/{attributes['subresource']}"
    return {"allowed": rbac.can(world, user, Access(**found))}


def _access(world: World, _user: User, spec: Json) -> Json:
    groups = tuple(str(group) for group in spec.get("groups") or ())
    return _self_access(world, User(str(spec.get("user") or ""), groups), spec)


def _rules(world: World, user: User, spec: Json) -> Json:
    found = [plain(rule) for rule in rbac.rules(world, user, str(spec.get("namespace") or ""))]
    found += [_EVERYTHING] if rbac.MASTERS in user.all_groups else []
    resources = [rule for rule in found if "resources" in rule]
    others = [{k: rule[k] for k in ("verbs", "nonResourceURLs")} for rule in found if "nonResourceURLs" in rule]
    return {"resourceRules": resources, "nonResourceRules": others, "incomplete": False}


def _who(_world: World, user: User, _spec: Json) -> Json:
    return {"userInfo": {"username": user.name, "groups": sorted(user.all_groups)}}


def _review(name: str, group: str, *, namespaced: bool = False) -> Kind:
    return Kind(name, group, "v1", f"{name.lower()}s", namespaced, verbs=("create",))


REVIEWS: Mapping[Kind, Callable[[World, User, Json], Json]] = {
    _review("SelfSubjectAccessReview", _AUTHORIZATION): _self_access,
    _review("SubjectAccessReview", _AUTHORIZATION): _access,
    _review("LocalSubjectAccessReview", _AUTHORIZATION, namespaced=True): _access,
    _review("SelfSubjectRulesReview", _AUTHORIZATION): _rules,
    _review("SelfSubjectReview", _AUTHENTICATION): _who,
}
"""Kinds that are asked, not stored, and what the status of the answer follows from."""


def review(world: World, request: Request, kind: Kind, body: Any) -> Json:
    """The submitted review with its status.

    Raises:
        Refusal: 400, the body is no object.
    """
    spec = body.get("spec") if isinstance(body, Mapping) else None
    if not isinstance(body, Mapping) or not isinstance(spec or {}, Mapping):
        raise Refusal(400, "the body is not an object")
    status = REVIEWS[kind](world, user_of(request), dict(spec or {}))
    return {**body, "kind": kind.name, "apiVersion": kind.api_version, "status": status}
