"""Footprints: which fields of an object a write may touch, as patterns over paths.

A path is a tuple of steps as configuration has them: `containers`, `[web]` for the item named web of a keyed list,
`[]` for the order of such a list, `{}` for the mark of an empty mapping. A pattern is written as steps with spaces
between them; `*` stands for any one step, `[*]` for any item of a keyed list, `**` at the end for any steps, or none.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

Path = tuple[str, ...]
ANY, ITEM, REST = "*", "[*]", "**"
EMPTY = "{}"


@dataclass(frozen=True)
class Footprint:
    """A set of paths: those that match one of the patterns, and what is put where a mapping around them is missing.

    To set `spec replicas` where there is no `spec`, or an empty one, changes the leaf `spec`, or its mark `spec {}`:
    with `around`, these belong to the footprint too. A set of fields to keep away from has none of them.
    """

    patterns: tuple[str, ...]
    around: bool = True

    @cached_property
    def steps(self) -> tuple[Path, ...]:
        """The patterns, as tuples of steps."""
        return tuple(tuple(pattern.split()) for pattern in self.patterns)

    @cached_property
    def exact(self) -> tuple[Path, ...]:
        """All patterns whose matches make up the footprint, those of the mappings around included."""
        found = dict.fromkeys(self.steps)
        for pattern in self.steps if self.around else ():
            for length in range(1, len(pattern)):
                found |= dict.fromkeys((pattern[:length], (*pattern[:length], EMPTY)))
        return tuple(found)

    def covers(self, path: Path) -> bool:
        """Whether a path belongs to the footprint."""
        return any(matches(pattern, path) for pattern in self.exact)


def matches(pattern: Path, path: Path) -> bool:
    """Whether a path is one of those a pattern stands for.

    >>> matches(("spec", "[*]", "image"), ("spec", "[web]", "image")), matches(("spec", "**"), ("metadata",))
    (True, False)
    """
    if pattern and pattern[-1] == REST:
        head = pattern[:-1]
        return len(path) >= len(head) and matches(head, path[: len(head)])
    return len(pattern) == len(path) and all(map(_fits, pattern, path))


def _fits(step: str, actual: str) -> bool:
    return step in (ANY, actual) or (step == ITEM and actual[:1] == "[" and actual != "[]")
