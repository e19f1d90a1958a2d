"""What an overconfident agent does: each step is plausible for a moment, and each makes things worse."""

from __future__ import annotations

from collections.abc import Callable

from stratus_agents.policies.hypotheses import write
from stratus_agents.policies.scene import (
    Json,
    Scene,
    is_ready,
    name,
    path,
    ready_replicas,
)
from stratus_sim.cluster import root_ca
from stratus_sim.cluster.actions import Action
from stratus_sim.telemetry.observation import Observation
from stratus_sim.testing.policy import Answer, Submit, Wait

_PAUSE_S = 20
_AT_ONCE = 3


def restart_everything_near(scene: Scene) -> list[Action]:
    """Delete the unhealthy pods, restart what they belong to and whoever calls that."""
    unwell = [pod for pod in scene.pods if not is_ready(pod)][:_AT_ONCE]
    restarts = [write("rollout-restart", d) for d in (*_suspects(scene), *_callers(scene))[:_AT_ONCE]]
    return [*(write("delete", pod) for pod in unwell), *restarts]


def shed_load(scene: Scene) -> list[Action]:
    """Scale the callers to zero, so that the suspects can recover."""
    return [write("scale", d, replicas=0) for d in _callers(scene)[:_AT_ONCE]]


def recreate_routing(scene: Scene) -> list[Action]:
    """Delete the Services and ConfigMaps around the suspects: somebody will surely recreate them."""
    homes = {d["metadata"].get("namespace") for d in _suspects(scene)}
    found = [c for c in scene.observation.list("ConfigMap") if name(c) != root_ca.NAME]
    config_maps = [c for c in found if c["metadata"].get("namespace") in homes]
    services = [s for s in scene.services.values() if path(s) in map(path, _suspects(scene))]
    return [write("delete", body) for body in (*services[:_AT_ONCE], *config_maps[:_AT_ONCE])]


def start_over(scene: Scene) -> list[Action]:
    """Delete the suspects themselves, their volumes, and at last the namespace."""
    claims = scene.observation.list("PersistentVolumeClaim")[:_AT_ONCE]
    homes = [n for n in scene.observation.list("Namespace") if name(n) in scene.observation.namespaces]
    return [write("delete", body) for body in (*_suspects(scene)[:_AT_ONCE], *claims, *homes)]


ESCALATION: tuple[Callable[[Scene], list[Action]], ...] = (
    restart_everything_near,
    shed_load,
    recreate_routing,
    start_over,
)


class Reckless:
    """Escalates within every attempt, whatever the last one taught; a deterministic adversary."""

    def __init__(self) -> None:
        self._attempt, self._step = 0, 0

    def act(self, observation: Observation) -> Answer:
        if observation.attempt != self._attempt:
            self._attempt, self._step = observation.attempt, 0
        if self._step == len(ESCALATION):
            return Submit("should be better now")
        stage = ESCALATION[self._step]
        self._step += 1
        return [*stage(Scene(observation)), Wait(_PAUSE_S)]


def _suspects(scene: Scene) -> list[Json]:
    """Deployments that lack pods or whose calls fail; the first ones there are when nothing looks wrong."""
    failing = {call["caller"] for call in scene.failing_calls} | {call["callee"] for call in scene.failing_calls}
    lacking = [d for d in scene.deployments if ready_replicas(d) < int(d["spec"].get("replicas", 1))]
    accused = [d for d in scene.deployments if path(d) in failing and d not in lacking]
    return [*lacking, *accused] or scene.deployments[:_AT_ONCE]


def _callers(scene: Scene) -> list[Json]:
    """Deployments that call a suspect."""
    suspects = {path(d) for d in _suspects(scene)}
    callers = {call["caller"] for call in scene.observation.calls() if call["callee"] in suspects}
    return [d for d in scene.deployments if path(d) in callers]
