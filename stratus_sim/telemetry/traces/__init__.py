"""Distributed traces: a sample of the requests of the present epoch, made when somebody asks for them."""

from stratus_sim.telemetry.traces.jaeger import jaeger
from stratus_sim.telemetry.traces.requests import OVERLOADED
from stratus_sim.telemetry.traces.sampling import find, logged, traces
from stratus_sim.telemetry.traces.spans import Span, Trace

__all__ = ["OVERLOADED", "Span", "Trace", "find", "jaeger", "logged", "traces"]
