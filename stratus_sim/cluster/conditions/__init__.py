"""Side conditions of compensable actions, evaluated on the cluster as it is (`stratus_spec.catalogue.CONDITIONS`).

Outside its condition a compensable action counts as irreversible and is refused.
"""

from stratus_sim.cluster.conditions.permission import classification, holds, permitted, subject

__all__ = ["classification", "holds", "permitted", "subject"]
