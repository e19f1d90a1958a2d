"""Transactions on a cluster: lock, journal, undo, validation, commit or abort, recovery."""
