"""What databases, caches, queues and feature flags do with requests; importing this package registers it."""

from stratus_sim.application.behaviours import cache, database, flags, queue

REGISTERED = (cache, database, flags, queue)

__all__ = ["REGISTERED"]
