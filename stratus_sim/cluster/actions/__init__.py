"""Actions: writes an agent proposes, as data, and what they would do to the objects there are.

An action names a verb of the catalogue (`stratus_spec.catalogue`) and an object the way kubectl does, for example
`Action("scale", "deployment/geo", {"replicas": 2}, namespace="hotel")`.
"""

from stratus_sim.cluster.actions.action import Action, InvalidAction
from stratus_sim.cluster.actions.effects import Write, admitted, effect, effects, outside_catalogue

__all__ = ["Action", "InvalidAction", "Write", "admitted", "effect", "effects", "outside_catalogue"]
