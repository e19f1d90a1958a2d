"""Runs from an initial state: the shortest on which a weakened specification breaks, told step by step."""
