"""Privilege escalation: who writes a role or binds one may give away no more than he has himself.

Follows kubernetes.io/docs/reference/access-authn-authz/rbac ("Privilege escalation prevention and bootstrapping"): the
verb `escalate` on a role, or `bind` on the role that is bound, lets somebody do it all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING

from stratus_sim.cluster import rbac
from stratus_sim.cluster.admission.registry import forbidden
from stratus_sim.cluster.objects import Manifest, key_of
from stratus_sim.manifests.kinds import plural

if TYPE_CHECKING:
    from stratus_sim.world import World

_GROUP = "rbac.authorization.k8s.io"
_ROLES, _BINDINGS = ("Role", "ClusterRole"), ("RoleBinding", "ClusterRoleBinding")
_TITLES = {
    "apiGroups": "APIGroups", "resources": "Resources", "resourceNames": "ResourceNames",
    "nonResourceURLs": "NonResourceURLs", "verbs": "Verbs",
}  # fmt: skip
_ALL: Manifest = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}


def check(world: World, user: rbac.User, manifest: Manifest) -> None:
    """Raise Denied where a role or binding would give somebody what its writer has not."""
    key = key_of(manifest)
    if key.kind in _ROLES:
        verb, about, wanted = "escalate", key, list(_stated(manifest))
    elif key.kind in _BINDINGS:
        about = rbac.role_key(manifest["roleRef"], key.namespace)
        verb, wanted = "bind", list(rbac.rules_of(world, manifest["roleRef"], key.namespace))
    else:
        return
    if rbac.can(world, user, rbac.Access(verb, _GROUP, plural(about.kind), key.namespace, about.name)):
        return
    own = list(rbac.rules(world, user, key.namespace))
    lacking = [rule for rule in wanted if not _held(rule, own)]
    if lacking:
        raise forbidden(key, _refusal(user, lacking))


def _stated(role: Manifest) -> Iterator[Manifest]:
    """The rules of a role; who has rules put in from elsewhere asks for everything."""
    yield from role.get("rules") or ()
    if role.get("aggregationRule"):
        yield _ALL


def _held(rule: Manifest, own: list[Manifest]) -> bool:
    """Whether one's own rules grant all that a rule grants, one verb on one thing at a time."""
    verbs, names = rule.get("verbs") or (), rule.get("resourceNames") or ("",)
    things = product(verbs, rule.get("apiGroups") or (), rule.get("resources") or (), names)
    wanted = [rbac.Access(verb, group, resource, name=name) for verb, group, resource, name in things]
    urls = product(verbs, rule.get("nonResourceURLs") or ())
    return all(any(rbac.permits(mine, one) for mine in own) for one in wanted) and all(
        any(rbac.permits_url(mine, verb, url) for mine in own) for verb, url in urls
    )


def _refusal(user: rbac.User, lacking: list[Manifest]) -> str:
    groups = " ".join(f'"{name}"' for name in sorted(user.all_groups))
    rules = "\n".join(_shown(rule) for rule in lacking)
    return (
        f'user "{user.name}" (groups=[{groups}]) is attempting to grant RBAC permissions not currently held:\n{rules}'
    )


def _shown(rule: Manifest) -> str:
    """A rule as the API server prints it."""
    fields = [f"{title}:{_listed(rule[name])}" for name, title in _TITLES.items() if rule.get(name)]
    return "{" + ", ".join(fields) + "}"


def _listed(values: list[str]) -> str:
    return "[" + " ".join(f'"{value}"' for value in values) + "]"
