"""Invariants found instead of stated: lemmas from a grammar, thinned to what induction needs."""
