"""The application on the cluster: call graph, routes, flows.

Importing this package registers what makes flows follow the cluster.
"""

from stratus_sim.application import epochs
from stratus_sim.application.behaviours import changes

WATCHING = (epochs, changes)

__all__ = ["WATCHING"]
