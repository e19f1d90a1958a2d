"""The baseline every other policy is measured against."""

from __future__ import annotations

from stratus_sim.telemetry.observation import Observation
from stratus_sim.testing.policy import Answer, Submit


class DoNothing:
    """Looks and goes home."""

    def act(self, observation: Observation) -> Answer:  # noqa: ARG002  # the protocol names the parameter
        return Submit("left alone")
