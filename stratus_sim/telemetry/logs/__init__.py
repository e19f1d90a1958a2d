"""Log lines of a container, made when somebody reads them from what happened to its pod and to its requests."""

from stratus_sim.telemetry.logs.lives import status_of
from stratus_sim.telemetry.logs.reading import entries, lines, refusal, serving_container

__all__ = ["entries", "lines", "refusal", "serving_container", "status_of"]
