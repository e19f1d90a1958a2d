"""Faults: steps with an off switch and a proof of effect. Importing this package fills the catalogue."""

from stratus_sim.faults import backing, database, inject, network, noise, passwords, traffic, workload
from stratus_sim.faults.catalogue import FAULTS, SERVER_FAULTS, Fault, choose_target, everything, find

REGISTERED = (inject, noise, network, workload, database, passwords, backing, traffic)

__all__ = ["FAULTS", "REGISTERED", "SERVER_FAULTS", "Fault", "choose_target", "everything", "find"]
