"""Runs from an initial state: the shortest on which a weakened specification breaks, told and replayed."""
