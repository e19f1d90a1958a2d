"""The application on the cluster: call graph, routes, flows.

Importing this package registers what makes flows follow the cluster.
"""

from stratus_sim.application import epochs

WATCHING = (epochs,)

__all__ = ["WATCHING"]
