"""What tests of policies share: playing on a world and on its fork, and a shop with names of its own."""

from __future__ import annotations

from typing import Any

from stratus_agents.policies import load_policy
from stratus_sim.cluster import api
from stratus_sim.cluster.merge import strategic_merge
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.genesis import deploy
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.load import Manifests
from stratus_sim.telemetry.severity import Severity, measure
from stratus_sim.testing.episode import Episode, play
from stratus_sim.testing.execution import Unprotected
from stratus_sim.world import World
from tests.conftest import stage

SETTLED_US = 300 * SECOND_US


def outcome(world: World, policy: str = "runbook", seed: int = 0) -> tuple[Episode, Severity, Severity]:
    """(what happened, severity with the policy, severity without), both settled."""
    without = world.fork()
    episode = play(world, load_policy(policy), seed, Unprotected, watch=False)
    world.run_for(SETTLED_US)
    without.run_until(world.now_us)
    return episode, measure(world), measure(without)


def actions(episode: Episode) -> list[str]:
    return [str(action) for attempt in episode.attempts for action, _ in attempt.actions]


def deployed_with(deployment: str, mistake: dict[str, Any]) -> World:
    """The embedded application, one of whose pod templates was wrong from the beginning."""
    patch = {"spec": {"template": {"spec": mistake}}}
    named = ("Deployment", deployment)
    objects = [
        strategic_merge(o, patch) if (o["kind"], o["metadata"]["name"]) == named else o
        for o in stage().manifests.objects
    ]
    return deploy(Manifests(tuple(objects)), stage().application, seed=1)


def change(world: World, deployment: str, pod_spec: dict[str, Any]) -> None:
    """Somebody rolls out a changed template, and half a minute passes."""
    key = ObjectKey("Deployment", "hotel", deployment)
    patch = {"spec": {"template": {"spec": pod_spec}}}
    api.put(world, strategic_merge(world.store.state.objects[key].manifest, patch), "user")
    world.run_for(30 * SECOND_US)


SHOP = """
apiVersion: v1
kind: Service
metadata: {name: till, namespace: shop}
spec: {type: LoadBalancer, selector: {app: till}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: till, namespace: shop}
spec:
  selector: {matchLabels: {app: till}}
  template:
    metadata: {labels: {app: till}}
    spec:
      containers:
        - name: till
          image: shop/till:1
          ports: [{containerPort: 8080}]
          env: [{name: STOCK_ADDR, value: "stock:90"}]
---
apiVersion: v1
kind: Service
metadata: {name: stock, namespace: shop}
spec: {selector: {app: stock}, ports: [{port: 90}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: stock, namespace: shop}
spec:
  selector: {matchLabels: {app: stock}}
  template:
    metadata: {labels: {app: stock}}
    spec:
      containers: [{name: stock, image: "shop/stock:1", ports: [{containerPort: 90}]}]
"""
