"""Indexes of a Job as its fields write them: `0-2,5,7,8`.

Source: Kubernetes API reference v1.33, "JobStatus" (`completedIndexes`) and "SuccessPolicyRule".
"""

from __future__ import annotations

from collections.abc import Iterable


def write(indexes: Iterable[int]) -> str:
    """The text for these indexes: three or more in a row are a span.

    >>> write({8, 0, 1, 2, 5, 7})
    '0-2,5,7,8'
    """
    spans: list[list[int]] = []
    for number in sorted(indexes):
        if spans and spans[-1][-1] == number - 1:
            spans[-1].append(number)
        else:
            spans.append([number])
    return ",".join(f"{s[0]}-{s[-1]}" if len(s) > 2 else ",".join(map(str, s)) for s in spans)


def parse(text: str, completions: int) -> frozenset[int]:
    """The indexes a text names, in increasing order and all below `completions`.

    Raises:
        ValueError: it is no such text.
    """
    found: list[int] = []
    for span in text.split(","):
        first, last = _ends(span)
        if last < first or (found and first <= found[-1]):
            raise ValueError(f"non-increasing order, previous: {found[-1] if found else first}, current: {span}")
        if last >= completions:
            raise ValueError(f'too large index: "{last}"')
        found += range(first, last + 1)
    return frozenset(found)


def _ends(span: str) -> tuple[int, int]:
    first, dash, last = span.partition("-")
    if not first.isdecimal() or (dash and not last.isdecimal()):
        raise ValueError(f'cannot convert string to integer for index: "{span}"')
    return int(first), int(last) if dash else int(first)
