"""The proof for other checkers: obligations as SMT-LIB 2, finite instances as TLA+."""

from .files import INDEX, files
from .smtlib import scripts
from .tla import module

__all__ = ["INDEX", "files", "module", "scripts"]
