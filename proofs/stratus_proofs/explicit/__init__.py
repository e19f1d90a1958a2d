"""Finite instances: every reachable state visited, counted three ways, each bound stated."""
