"""The catalogue of actions, proved: that undo restores what it says, and that nothing milder could be said."""

from .check import Answer, Entry, Report, check
from .question import Question
from .render import as_json, render

__all__ = ["Answer", "Entry", "Question", "Report", "as_json", "check", "render"]
