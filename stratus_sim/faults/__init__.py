"""Faults: steps with an off switch and a proof of effect. Importing this package fills the catalogue."""

from stratus_sim.faults import inject, network, workload
from stratus_sim.faults.catalogue import FAULTS, Fault, choose_target, find

REGISTERED = (inject, network, workload)

__all__ = ["FAULTS", "REGISTERED", "Fault", "choose_target", "find"]
