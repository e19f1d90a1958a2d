"""Log lines of a container, made when somebody reads them from what happened to its pod and to its requests."""

from stratus_sim.telemetry.logs.reading import lines, refusal

__all__ = ["lines", "refusal"]
