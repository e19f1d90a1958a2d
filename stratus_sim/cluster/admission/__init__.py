"""Admission: what the API server makes of an object before it stores it, or why it does not store it.

One module a plug-in; who imports `stratus_sim.cluster.admission.plugins` has them registered.
"""
