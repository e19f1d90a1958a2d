"""What StatefulSets and DaemonSets promise.

From kubernetes.io/docs/concepts/workloads/controllers/statefulset ("Deployment and Scaling Guarantees", "Pod Identity",
"Update strategies", "Partitioned rolling updates", "PersistentVolumeClaim retention") and
kubernetes.io/docs/tasks/manage-daemon/update-daemon-set ("Performing a Rolling Update").
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from stratus_sim.cluster import pods
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.workloads import availability
from stratus_sim.cluster.workloads.bounds import portion
from stratus_sim.cluster.workloads.daemonset import eligible
from stratus_sim.world import World
from tests.invariants.promises.look import Look, active_pods, label, owned_pods

NAME, ORDINAL, REVISION = (
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
    "controller-revision-hash",
)


def _ordinal(pod: ObjectKey) -> int:
    return int(pod.name.rpartition("-")[2])


def _start(stateful: Resource) -> int:
    return (stateful.spec.ordinals and stateful.spec.ordinals.start) or 0


def _wanted(stateful: Resource) -> range:
    count = 1 if stateful.spec.replicas is None else stateful.spec.replicas
    return range(_start(stateful), _start(stateful) + count)


def _partition(stateful: Resource) -> int:
    rolling = stateful.spec.update_strategy and stateful.spec.update_strategy.rolling_update
    return _start(stateful) + ((rolling and rolling.partition) or 0)


def _ordered(stateful: Resource) -> bool:
    return bool(stateful.spec.pod_management_policy != "Parallel")


def _owner(look: Look, pod: Resource, kind: str) -> Resource | None:
    owner = pod.owner if pod.owner is not None and pod.owner.kind == kind else None
    return look.world.store.get(owner) if owner is not None and not look.by_user else None


def hasty_ordinals(look: Look) -> Iterator[str]:
    """In an ordered set a pod comes when all before it are there and available."""
    for pod in look.made("Pod"):
        stateful = _owner(look, pod, "StatefulSet")
        if stateful is None or not _ordered(stateful):
            continue
        there = {_ordinal(one.key): one for one in owned_pods(look.world, stateful)}
        for number in range(_start(stateful), _ordinal(pod.key)):
            before = there.get(number)
            if before is None or before.deleting or not availability.available(look.world, before, stateful):
                yield f"{pod.key} has come before {number} was available"


def mistaken_identities(look: Look) -> Iterator[str]:
    """A pod of a set has the name, the labels and the claims of its ordinal, and is one of those wanted."""
    for pod in look.made("Pod"):
        stateful = _owner(look, pod, "StatefulSet")
        if stateful is None:
            continue
        number = _ordinal(pod.key)
        if (label(pod, NAME), label(pod, ORDINAL)) != (pod.key.name, str(number)) or number not in _wanted(stateful):
            yield f"{pod.key} is {label(pod, NAME)} and {label(pod, ORDINAL)} of {_wanted(stateful)}"
        mounted = {v.persistent_volume_claim.claim_name for v in pod.spec.volumes or () if v.persistent_volume_claim}
        templates = stateful.manifest["spec"].get("volumeClaimTemplates") or ()
        if missing := {f"{one['metadata']['name']}-{pod.key.name}" for one in templates} - mounted:
            yield f"{pod.key} does not mount {sorted(missing)}"


def strange_revisions(look: Look) -> Iterator[str]:
    """Below the partition a pod comes as it was, from there on as it shall be."""
    for pod in look.made("Pod"):
        stateful = _owner(look, pod, "StatefulSet")
        before = look.before.get(stateful.key) if stateful is not None else None
        if stateful is None or before is None or _strategy(stateful) == "OnDelete":
            continue
        low, came = _ordinal(pod.key) < _partition(stateful), label(pod, REVISION)
        current = before.status.current or stateful.status.update
        if came != (current if low else stateful.status.update):
            yield f"{pod.key} has come as {came}, {'below' if low else 'above'} {_partition(stateful)}"


def _strategy(stateful: Resource) -> str:
    strategy = stateful.spec.update_strategy
    return str(strategy.type or "RollingUpdate") if strategy is not None else "RollingUpdate"


def unruly_deletions(look: Look) -> Iterator[str]:
    """A set takes its highest pod first, one at a time if ordered; to update it, none below the partition, and only
    when all above are updated and ready. Who has ended goes at any time."""
    for event in look.told("StatefulSet", "SuccessfulDelete"):
        stateful = look.world.store.get(event.involved)
        old = look.before.get(ObjectKey("Pod", event.involved.namespace, event.message.split(" ")[2]))
        if stateful is None or old is None or pods.ended(old):
            continue
        number, wanted = _ordinal(old.key), _wanted(stateful)
        above = [one for one in owned_pods(look.world, stateful) if _ordinal(one.key) > number]
        alike = [one for one in above if (_ordinal(one.key) in wanted) is (number in wanted)]
        if number not in wanted:
            if _ordered(stateful) and alike:
                yield f"{old.key} is taken before {[one.key.name for one in alike]}"
        elif _strategy(stateful) == "OnDelete" or number < _partition(stateful):
            yield f"{old.key} is taken below the partition {_partition(stateful)}"
        elif late := [one.key.name for one in alike if not _updated(stateful, one)]:
            yield f"{old.key} is taken before {late} are updated and ready"


def _updated(stateful: Resource, pod: Resource) -> bool:
    fresh = label(pod, REVISION) == stateful.status.update
    return fresh and bool(pod.status.ready) and pods.active(pod)


class LostClaims:
    """A claim of a set stays, unless the set says that it goes with a pod scaled away or with the set itself."""

    def __init__(self) -> None:
        self._policies: dict[ObjectKey, tuple[bool, bool]] = {}

    def __call__(self, look: Look) -> Iterator[str]:
        for claim in self._going(look):
            parts = claim.key.name.split("-")
            stateful = ObjectKey("StatefulSet", claim.key.namespace, "-".join(parts[1:-1]))
            there = look.world.store.get(stateful)
            deleted, scaled = self._policies.get(stateful, (True, True))
            if deleted and there is not None and claim.uid < there.uid:
                continue  # it goes with a set that had the name before
            inside = there is not None and not there.deleting and int(parts[-1]) in _wanted(there)
            if inside or not (scaled if there is not None and not there.deleting else deleted or scaled):
                yield f"{claim.key} goes, {stateful.name} has {deleted=} {scaled=}"
        for stateful_set in look.world.store.list("StatefulSet"):
            policy = stateful_set.spec.persistent_volume_claim_retention_policy
            said = (policy.when_deleted, policy.when_scaled) if policy is not None else (None, None)
            self._policies[stateful_set.key] = (said[0] == "Delete", said[1] == "Delete")

    def _going(self, look: Look) -> Iterator[Resource]:
        for old, new in look.of("PersistentVolumeClaim"):
            if old is not None and old.made and not old.deleting and (new is None or new.deleting) and not look.by_user:
                yield old


def crowded_nodes(look: Look) -> Iterator[str]:
    """A DaemonSet has one pod on a node, and while it surges an old one beside it."""
    for daemon in look.world.store.list("DaemonSet") if look.settled else ():
        found: dict[str, list[Resource]] = defaultdict(list)
        for pod in active_pods(look.world, daemon):
            found[pod.status.node or str(pod.spec.node_name)].append(pod)
        for node, there in found.items():
            revisions = [label(pod, REVISION) for pod in there]
            if len(there) > 1 and not (_surge(daemon) and len(there) == 2 and len({*revisions}) == 2):
                yield f"{daemon.key}: {len(there)} pods on {node}, of {revisions}"


def _rolling(daemon: Resource, field: str, default: int) -> int:
    rolling = daemon.spec.update_strategy and daemon.spec.update_strategy.rolling_update
    value = getattr(rolling, field) if rolling is not None else None
    return portion(default if value is None else value, daemon.status.wanted, up=True)


def _surge(daemon: Resource) -> int:
    return _rolling(daemon, "max_surge", 0)


def dark_nodes(look: Look) -> Iterator[str]:
    """An update of a DaemonSet takes no more serving pods than `maxUnavailable` nodes may lack."""
    taken = defaultdict(list)
    for event in look.told("DaemonSet", "SuccessfulDelete"):
        old = look.before.get(ObjectKey("Pod", event.involved.namespace, event.message.rpartition(" ")[2]))
        daemon = look.world.store.get(event.involved)
        if old is not None and daemon is not None and availability.available(look.world, old, daemon):
            taken[daemon.key].append(old.status.node)
    for key, nodes in taken.items():
        daemon = look.world.store.state.objects[key]
        dark = _dark(look.world, daemon)
        most = 0 if _surge(daemon) else max(1, _rolling(daemon, "max_unavailable", 1))
        if dark & {*nodes} and len(dark) > most:
            yield f"{key}: took pods of {nodes}, {sorted(dark)} have none that serves and {most} may have none"


def _dark(world: World, daemon: Resource) -> set[str]:
    """The nodes that should have a pod and have none that serves."""
    wanted = {node.key.name for node in world.store.list("Node") if eligible(daemon, node)[0]}
    found = active_pods(world, daemon)
    return wanted - {pod.status.node for pod in found if availability.available(world, pod, daemon)}


PROMISES = (
    hasty_ordinals, mistaken_identities, strange_revisions, unruly_deletions, LostClaims, crowded_nodes, dark_nodes,
)  # fmt: skip
