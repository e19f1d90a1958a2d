"""The command line: `stratus prove | run | check | replay | recover | problems | policies | faults | demo`.

This is the one place in the simulator that knows proofs and agents, and it imports them only when asked for them.
"""

from stratus_sim.cli.app import main

__all__ = ["main"]
