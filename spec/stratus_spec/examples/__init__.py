"""Specifications other than STRATUS's own, in the same language: see `stratus prove --spec`."""
