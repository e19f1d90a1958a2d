"""Drawing with Hypothesis: the same cases everywhere, from the same version of it.

Among its random draws Hypothesis strews constants from the sources of *local* modules. Which modules those are depends
on how this package was installed and on what else is imported, so the same seed would try other scenarios on another
machine. There is no setting for it: for as long as scenarios are drawn, nothing counts as local.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar
from unittest.mock import patch

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.internal.cache import LRUCache
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants

Case = TypeVar("Case")


def explore(
    cases: st.SearchStrategy[Case], body: Callable[[Case], None], examples: int, base_seed: int, *, shrink: bool
) -> None:
    """Run `body` on `examples` cases; the first it raises on ends the run, made as small as it goes with `shrink`."""

    @seed(base_seed)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink) if shrink else (Phase.generate,),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
    )
    @given(cases)
    def run(case: Case) -> None:
        body(case)

    with same_everywhere():
        run()


@contextmanager
def same_everywhere() -> Iterator[None]:
    """Draw from the seed alone; what others have drawn before in this process does not count either."""
    with (
        patch.object(providers.HypothesisProvider, "_local_constants", Constants()),
        patch.object(providers, "CONSTANTS_CACHE", LRUCache(1024)),
    ):
        yield
