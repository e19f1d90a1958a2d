"""Errors that are the user's to mend; the command line prints them as one line and exits 2."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Bad input. The message names the file, line or field, what was expected, and how to mend it."""


def unknown_name(what: str, name: str, known: Iterable[str]) -> UserError:
    """The error for a name nobody knows, with the nearest known one as the mend.

    >>> str(unknown_name("policy", "runbok", ["runbook", "random"]))
    "unknown policy 'runbok': did you mean 'runbook'? known: random, runbook"
    """
    names = sorted(known)
    if not names:
        return UserError(f"unknown {what} {name!r}: there is none here")
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return UserError(f"unknown {what} {name!r}: {hint}known: {', '.join(names)}")
