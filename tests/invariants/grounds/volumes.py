"""Claims, volumes and classes of all sorts, and pods that want them on three nodes."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from hypothesis import strategies as st

from stratus_sim.cluster import api
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.snapshot import Snapshot
from stratus_sim.world import World
from tests.cluster.workloads import Spec, cluster, workload
from tests.invariants.grounds.ground import Ground, common, deleted, held, let_go, made, patched, spec_of, write
from tests.invariants.steps import Choice
from tests.invariants.worlds import machines

CLASSES = ("now", "later", "none")
"""One that makes volumes at once, one that makes them for pods, one that makes none and waits for pods."""
MODES = ("ReadWriteOnce", "ReadWriteOncePod", "ReadWriteMany")
POLICIES = ("Retain", "Delete", "Recycle")
CLAIMS = ("x", "y", "z")


class Plan(NamedTuple):
    """Volumes, claims and users, each by a number that says what it is like."""

    volumes: tuple[int, ...] = (0,)
    claims: tuple[int, ...] = (0,)
    users: tuple[int, ...] = (0,)
    seed: int = 0


NUMBERS = st.integers(0, 323)
PLANS = st.builds(Plan, *[st.lists(NUMBERS, max_size=3).map(tuple)] * 3, st.integers(0, 9))


def volume(name: str, number: int) -> Spec:
    """A disk, or a directory of a node."""
    at, size, mode, policy = number % 3, number // 3 % 2, number // 6 % 3, number // 18 % 3
    class_name = (*CLASSES, "")[number // 54 % 4]
    terms = [{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [f"n{at}"]}]}]
    spec: dict[str, Any] = {
        "capacity": {"storage": ("1Gi", "3Gi")[size]},
        "accessModes": ["ReadWriteOnce", MODES[mode]] if mode else ["ReadWriteOnce"],
        "storageClassName": class_name,
        "persistentVolumeReclaimPolicy": POLICIES[policy],
    }
    if number % 5 < 2:
        spec |= {"nodeAffinity": {"required": {"nodeSelectorTerms": terms}}, "local": {"path": "/mnt"}}
    elif number % 5 == 2:
        spec |= {"claimRef": {"namespace": "default", "name": CLAIMS[number % 3]}}
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec}


def claim(number: int) -> Spec:
    class_name = (*CLASSES, "")[number // 3 % 4]
    spec: dict[str, Any] = {
        "accessModes": [MODES[number // 12 % 3]],
        "resources": {"requests": {"storage": ("1Gi", "2Gi")[number // 36 % 2]}},
        "storageClassName": class_name,
    }
    if number // 72 == 3:
        spec["volumeName"] = "v0"
    metadata = {"name": CLAIMS[number % 3], "namespace": "default"}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}


def user(name: str, number: int) -> Spec:
    """A Deployment whose pods mount one or two of the claims, side by side or on other nodes."""
    wanted = [CLAIMS[number % 3]] + ([CLAIMS[(number + 1) % 3]] if number % 7 == 0 else [])
    mounts = [{"name": one, "persistentVolumeClaim": {"claimName": one}} for one in wanted]
    container = {"name": "c", "image": "w:1", "resources": {"requests": {"cpu": "300m", "memory": "64Mi"}}}
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container], "volumes": mounts}}
    return workload("Deployment", name, replicas=number // 3 % 3, template=template)


def _class(name: str, provisioner: str, mode: str, policy: str) -> Spec:
    head = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name}}
    return {**head, "provisioner": provisioner, "volumeBindingMode": mode, "reclaimPolicy": policy}


CLASS_OBJECTS = (
    _class("now", "csi.example.org", "Immediate", "Delete"),
    _class("later", "csi.example.org", "WaitForFirstConsumer", "Retain"),
    _class("none", "kubernetes.io/no-provisioner", "WaitForFirstConsumer", "Delete"),
)


def world_of(plan: Plan) -> World:
    return World(_begun(plan))


@lru_cache(maxsize=64)
def _begun(plan: Plan) -> Snapshot:
    volumes = [volume(f"v{n}", found) for n, found in enumerate(plan.volumes)]
    users = [user(f"u{n}", found) for n, found in enumerate(plan.users)]
    claims = {found % 3: claim(found) for found in plan.claims}
    objects = (*machines(3), *CLASS_OBJECTS, *volumes, *claims.values(), *users)
    return cluster(*objects, nodes=0, seed=plan.seed).snapshot()


def _free(world: World, choice: Choice) -> None:
    """Somebody has looked after a volume and offers it again."""
    target = choice.of(world, "PersistentVolume")
    if target is not None:
        spec = {name: value for name, value in target.manifest["spec"].items() if name != "claimRef"}
        write(world, {**target.manifest, "spec": spec})


def _force(world: World, choice: Choice) -> None:
    """A pod is gone at once, whatever its kubelet does."""
    target = choice.of(world, "Pod")
    if target is not None:
        api.delete(world, target.key, "user", grace_s=0)


def _replace_class(world: World, choice: Choice) -> None:
    key = ObjectKey("StorageClass", "", CLASSES[choice.number % 3])
    if world.store.get(key) is None:
        write(world, CLASS_OBJECTS[choice.number % 3])
    else:
        api.delete(world, key, "user")


VOLUMES = Ground(
    "volumes",
    PLANS,
    world_of,
    {
        **common("kill", "scale", "crash", "restore", "drain", "cordon", "uncordon", "swap node", "starve"),
        "volume": made(lambda number: volume(f"v{number % 4}", 5 * number)),
        "claim": made(lambda number: claim(5 * number)),
        "user": made(lambda number: user(f"u{number % 3}", number)),
        "drop": deleted("PersistentVolume", "PersistentVolumeClaim", "Deployment"),
        "forget": common("forget")["forget"],
        "keep": patched(
            "PersistentVolume", to=spec_of([{"persistentVolumeReclaimPolicy": policy} for policy in POLICIES])
        ),
        "hold": patched("PersistentVolume", "PersistentVolumeClaim", "Pod", to=held),
        "let go": let_go,
        "free": _free,
        "force": _force,
        "class": _replace_class,
    },
)
