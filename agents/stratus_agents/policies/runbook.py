"""A table from symptom to repair, as an on-call engineer keeps one. It reads observations only."""

from __future__ import annotations

from stratus_agents.policies import remedies_network as network
from stratus_agents.policies import remedies_nodes as nodes
from stratus_agents.policies import remedies_pods as pods
from stratus_agents.policies.hypotheses import Hypothesis, Rule
from stratus_agents.policies.scene import Scene
from stratus_sim.telemetry.observation import Observation
from stratus_sim.testing.policy import Answer, Submit, Wait

TABLE: tuple[Rule, ...] = (
    nodes.node_is_lost,
    pods.image_cannot_be_pulled,
    pods.no_node_matches,
    pods.out_of_memory,
    pods.probe_never_succeeds,
    pods.scaled_to_zero,
    network.traffic_is_cut,
    network.address_is_wrong,
    network.service_port_is_wrong,
    pods.configuration_missing,
)
"""Causes that make others look sick come first."""

_SETTLE_S = 30
_LOOKS = 2


class Runbook:
    """One hypothesis per attempt, none twice. Without one it looks twice more, half a minute apart, and gives up."""

    def __init__(self) -> None:
        self._tried: set[str] = set()
        self._attempt = 0
        self._looks = 0

    def act(self, observation: Observation) -> Answer:
        if observation.attempt != self._attempt:
            self._attempt, self._looks = observation.attempt, 0
        scene = Scene(observation)
        untried = [h for h in _hypotheses(scene) if str(h) not in self._tried]
        mendable = next((h for h in untried if h.actions), None)
        if mendable is not None:
            self._tried.add(str(mendable))
            return [*mendable.actions, Wait(_SETTLE_S), Submit(mendable.cause)]
        return self._look_again(untried) if scene.symptoms else Submit("nothing is wrong")

    def _look_again(self, untried: list[Hypothesis]) -> Answer:
        self._looks += 1
        if self._looks <= _LOOKS:
            return Wait(_SETTLE_S)
        return Submit("; ".join(h.cause for h in untried) or "no remedy known")


def _hypotheses(scene: Scene) -> list[Hypothesis]:
    return [hypothesis for rule in TABLE for hypothesis in rule(scene)]
