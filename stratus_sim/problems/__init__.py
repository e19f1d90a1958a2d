"""Named problems: an embedded application, a fault, a target. The catalogue grows with the benchmarks it follows."""

from stratus_sim.problems.catalogue import PROBLEMS, Problem, find_problem

__all__ = ["PROBLEMS", "Problem", "find_problem"]
