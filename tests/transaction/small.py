"""A tiny application, and worlds made of it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import yaml

from stratus_sim.adapters.simulated import SimulatedCluster
from stratus_sim.cluster import api, lease
from stratus_sim.cluster.actions import Action
from stratus_sim.cluster.configuration import Field, Value, flatten, is_configuration
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.genesis import deploy
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.application import describe
from stratus_sim.manifests.load import Manifests
from stratus_sim.snapshot import Snapshot
from stratus_sim.transaction.cluster import Cluster, Grant
from stratus_sim.transaction.journal import Journal, MemoryJournal
from stratus_sim.transaction.limits import Limits
from stratus_sim.transaction.manager import TransactionManager
from stratus_sim.transaction.recovery import recover
from stratus_sim.world import World

NAMESPACE = "shop"
LIMITS = Limits(actions=4, window_us=600 * SECOND_US, settle_us=90 * SECOND_US, attempts=2)

_YAML = """
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: web, namespace: shop}
data: {greeting: hello}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: shop/web:1
        ports: [{containerPort: 8080}]
        envFrom: [{configMapRef: {name: web}}]
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  type: LoadBalancer
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080}]
"""

WEB = ObjectKey("Deployment", NAMESPACE, "web")
SETTINGS = ObjectKey("ConfigMap", NAMESPACE, "web")
REPLICAS = Field(WEB, ("spec", "replicas"))
GREETING = Field(SETTINGS, ("data", "greeting"))


@lru_cache(maxsize=1)
def _snapshot() -> Snapshot:
    manifests = Manifests(tuple(yaml.safe_load_all(_YAML)))
    return deploy(manifests, describe(manifests)).snapshot()


def world() -> World:
    """The application as it stands, healthy."""
    return World(_snapshot())


def begun(
    cluster: Cluster,
    journal: Journal | None = None,
    kind: type[TransactionManager] = TransactionManager,
    limits: Limits = LIMITS,
) -> TransactionManager:
    """A manager with an open transaction."""
    manager = kind(cluster, MemoryJournal() if journal is None else journal, limits)
    manager.start()
    manager.localise()
    manager.begin()
    return manager


def scale(replicas: int) -> Action:
    return Action("scale", "deployment/web", {"replicas": replicas}, NAMESPACE)


def greet(text: str) -> Action:
    return Action("patch", "configmap/web", {"patch": {"data": {"greeting": text}}}, NAMESPACE)


def delete(target: str) -> Action:
    return Action("delete", target, {}, NAMESPACE)


def create_settings(name: str, **data: str) -> Action:
    manifest = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "data": data,
    }
    return Action("create", f"configmap/{name}", {"manifest": manifest}, NAMESPACE)


def everything(world: World) -> dict[Field, Value]:
    """The whole configuration, field by field."""
    objects = [found for found in world.store.everything() if is_configuration(found)]
    return {Field(o.key, path): value for o in objects for path, value in flatten(o.manifest).items()}


def human(world: World, key: ObjectKey, **changes: Any) -> None:
    """Somebody changes top-level sections of an object by hand."""
    api.put(world, {**world.store.state.objects[key].manifest, **changes}, "human")


def simulated() -> SimulatedCluster:
    return SimulatedCluster(world())


def scaled(cluster: SimulatedCluster, replicas: int) -> dict[str, Any]:
    """The Deployment's manifest with another size."""
    manifest = cluster.world.store.state.objects[WEB].manifest
    return {**manifest, "spec": {**manifest["spec"], "replicas": replicas}}


def lock_is_free(cluster: SimulatedCluster) -> bool:
    grant = cluster.acquire("probe")
    if grant is not None:
        cluster.release(grant)
    return grant is not None


class Rivalled(SimulatedCluster):
    """Before the first write its holder's lease runs out, and another agent takes over and undoes."""

    def __init__(self, world: World, journal: MemoryJournal) -> None:
        super().__init__(world)
        self._journal = journal
        self._rival_comes = True

    def perform(self, action: Action, grant: Grant) -> None:
        if self._rival_comes:
            self._rival_comes = False
            lease.expire(self.world)
            recover(self._journal.reopen(), SimulatedCluster(self.world))
        super().perform(action, grant)
