"""Case studies: where the published driver breaks its own assumptions, found by the tools."""

from .catalogue import CASES, Case
from .studies import Study, as_json, lines, page, study

__all__ = ["CASES", "Case", "Study", "as_json", "lines", "page", "study"]
