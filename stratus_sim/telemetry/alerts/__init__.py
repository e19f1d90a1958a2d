"""Alerts: which rules there are, and which of them fire."""

from stratus_sim.telemetry.alerts import health, mixin, mixin_workloads
from stratus_sim.telemetry.alerts.rules import RULES, Alert, Rule, Symptom, alert_rule, counted, firing, pending

REGISTERED = (health, mixin, mixin_workloads)
"""Importing them fills the table of rules, in this order."""

__all__ = ["REGISTERED", "RULES", "Alert", "Rule", "Symptom", "alert_rule", "counted", "firing", "pending"]
