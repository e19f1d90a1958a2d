"""Role-based access control: who may do what, as a pure function of roles and bindings.

Follows kubernetes.io/docs/reference/access-authn-authz/rbac ("API objects", "Aggregated ClusterRoles", "Referring to
resources", "Referring to subjects"). Rules only add; there are none that deny.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from stratus_sim.cluster.admission.registry import forbidden
from stratus_sim.cluster.objects import Manifest, ObjectKey, Resource
from stratus_sim.cluster.rbac_defaults import RULES as DEFAULTS
from stratus_sim.cluster.selectors import matches
from stratus_sim.manifests.kinds import SERVED, plural
from stratus_sim.manifests.selector_shapes import LabelSelector

if TYPE_CHECKING:
    from stratus_sim.world import World

MASTERS = "system:masters"
_ACCOUNT = "system:serviceaccount"
_GROUP = "rbac.authorization.k8s.io"


class User(NamedTuple):
    """Who asks; `groups` beside those that follow from being a service account, and from being known at all."""

    name: str
    groups: tuple[str, ...] = ()

    @property
    def all_groups(self) -> frozenset[str]:
        prefix, _, rest = self.name.partition(f"{_ACCOUNT}:")
        namespace = rest.partition(":")[0] if not prefix else ""
        accounts = (f"{_ACCOUNT}s", f"{_ACCOUNT}s:{namespace}") if namespace else ()
        return frozenset((*self.groups, *accounts, "system:authenticated"))


class Access(NamedTuple):
    """What is asked for: `resource` is a plural, with a subresource as in `pods/log`."""

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""


def service_account(namespace: str, name: str) -> User:
    """The user a pod's processes are."""
    return User(f"{_ACCOUNT}:{namespace}:{name}")


def can(world: World, user: User, access: Access) -> bool:
    """Whether some rule bound to the user allows what is asked for."""
    return MASTERS in user.all_groups or any(permits(rule, access) for rule in rules(world, user, access.namespace))


def authorize(world: World, user: User, verb: str, key: ObjectKey) -> None:
    """Raise Denied, with the message kubectl prints, unless the user may do this to an object."""
    group, resource = SERVED.get(key.kind, "").rpartition("/")[0], plural(key.kind)
    named = "" if verb == "create" else key.name
    if can(world, user, Access(verb, group, resource, key.namespace, named)):
        return
    raise forbidden(key, denial(world, user, Access(verb, group, resource, key.namespace)))


def denial(world: World, user: User, access: Access) -> str:
    """What the API server says that does not let somebody do something, and of bindings of his that lead nowhere."""
    where = f'in the namespace "{access.namespace}"' if access.namespace else "at the cluster scope"
    what = f'resource "{access.resource}" in API group "{access.group}"'
    said = f'User "{user.name}" cannot {access.verb} {what} {where}'
    lost = _dangling(world, user, access.namespace)
    lost = lost if len(lost) < 2 else [f"[{', '.join(lost)}]"]
    return ": RBAC: ".join((said, *lost))


def _dangling(world: World, user: User, namespace: str) -> list[str]:
    """What a user's bindings refer to that is not there."""
    keys = [role_key(one.manifest["roleRef"], one.key.namespace) for one in _bindings(world, user, namespace)]
    lost = [key for key in keys if world.store.get(key) is None and key.name not in _defaults(key.kind)]
    return [f'{key.kind.lower()}.{_GROUP} "{key.name}" not found' for key in dict.fromkeys(lost)]


def rules(world: World, user: User, namespace: str) -> Iterator[Manifest]:
    """The rules that hold for a user in a namespace; with none, at the cluster scope."""
    for binding in _bindings(world, user, namespace):
        yield from rules_of(world, binding.manifest["roleRef"], binding.key.namespace)


def _bindings(world: World, user: User, namespace: str) -> list[Resource]:
    """The bindings of a user that count in a namespace."""
    there = world.store.list("ClusterRoleBinding")
    there += world.store.list("RoleBinding", namespace) if namespace else []
    return [one for one in there if any(_is_subject(subject, user) for subject in one.manifest.get("subjects") or ())]


def permits(rule: Manifest, access: Access) -> bool:
    """Whether one rule allows what is asked for."""
    names = rule.get("resourceNames") or ()
    return (
        _lists(rule, "verbs", access.verb)
        and _lists(rule, "apiGroups", access.group)
        and (_lists(rule, "resources", access.resource) or _any_sub(rule, access.resource))
        and (not names or access.name in names)
    )


def permits_url(rule: Manifest, verb: str, url: str) -> bool:
    """Whether one rule allows a verb on a path that is no resource, as `/healthz`."""
    paths = rule.get("nonResourceURLs") or ()
    known = any(path in ("*", url) or (path.endswith("*") and url.startswith(path[:-1])) for path in paths)
    return known and _lists(rule, "verbs", verb)


def _lists(rule: Manifest, field: str, value: str) -> bool:
    found = rule.get(field) or ()
    return "*" in found or value in found


def _any_sub(rule: Manifest, resource: str) -> bool:
    _, _, subresource = resource.partition("/")
    return bool(subresource) and f"*/{subresource}" in (rule.get("resources") or ())


def _is_subject(subject: Manifest, user: User) -> bool:
    match subject.get("kind"):
        case "User":
            return bool(subject["name"] == user.name)
        case "Group":
            return subject["name"] in user.all_groups
        case "ServiceAccount":
            return service_account(str(subject.get("namespace", "")), str(subject["name"])).name == user.name
    return False


def role_key(reference: Manifest, namespace: str) -> ObjectKey:
    """The role that a binding in a namespace refers to."""
    kind = str(reference["kind"])
    return ObjectKey(kind, "" if kind == "ClusterRole" else namespace, str(reference["name"]))


def rules_of(world: World, reference: Manifest, namespace: str) -> Iterator[Manifest]:
    """The rules of a role; a binding to one that is not there grants nothing."""
    key = role_key(reference, namespace)
    role = world.store.get(key)
    if role is not None:
        yield from _rules(world, role, frozenset())
    else:
        yield from _defaults(key.kind).get(key.name, ())


def _defaults(kind: str) -> Mapping[str, Sequence[Manifest]]:
    return DEFAULTS if kind == "ClusterRole" else {}


def _rules(world: World, role: Resource, above: frozenset[ObjectKey]) -> Iterator[Manifest]:
    """What a role grants: of one that aggregates others their rules alone, which the control plane writes into it."""
    selectors = (role.manifest.get("aggregationRule") or {}).get("clusterRoleSelectors")
    if selectors is None:
        yield from role.manifest.get("rules") or ()
        return
    wanted = [msgspec.convert(selector, LabelSelector) for selector in selectors]
    for other in world.store.list("ClusterRole"):
        if other.key not in above | {role.key} and any(matches(one, other.labels) for one in wanted):
            yield from _rules(world, other, above | {role.key})
