"""The catalogue of actions: every write an agent can ask for, what it touches, what it loses, and its class."""

from .conditions import CONDITIONS
from .fields import Guarded, guarded, refusal
from .footprint import Footprint, Path
from .losses import Loss, class_of
from .rows import CATALOGUE, CUSTOM, Classification, Row, Rule, classify, rows
from .verbs import VERB, VERBS, Scope, Verb

__all__ = [
    "CATALOGUE",
    "CONDITIONS",
    "CUSTOM",
    "VERB",
    "VERBS",
    "Classification",
    "Footprint",
    "Guarded",
    "Loss",
    "Path",
    "Row",
    "Rule",
    "Scope",
    "Verb",
    "class_of",
    "classify",
    "guarded",
    "refusal",
    "rows",
]
