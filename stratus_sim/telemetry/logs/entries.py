"""One line of a log, and what makes it safe to print."""

from __future__ import annotations

from typing import NamedTuple

from stratus_sim.telemetry.render import timestamp

MAX_TEXT = 1_000
"""Longer lines are cut, as container runtimes split them."""


class Entry(NamedTuple):
    """What was written when (microseconds since the world began); the shell's own words carry no time."""

    at_us: int
    text: str
    stamped: bool = True

    def line(self) -> str:
        """The entry as one printable line, whatever names and values it quotes."""
        text = printable(self.text)
        return f"{timestamp(self.at_us)} {text}" if self.stamped else text


def printable(text: str) -> str:
    r"""The text with everything that would not stay on its line, or hide there, written as an escape.

    >>> printable("no such host: a\nb")
    'no such host: a\\nb'
    """
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[:MAX_TEXT])
    return shown if len(text) <= MAX_TEXT else f"{shown}..."
