"""What the search is told about a prompt: the truth, or, as a control, chance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from stratus_sim.kernel.streams import draw_bits


class Rewards(Protocol):
    """What becomes of the true scores of a batch before the search sees them."""

    def __call__(self, scores: Sequence[float]) -> list[float]:
        """As many rewards as scores."""


def faithful(scores: Sequence[float]) -> list[float]:
    """The true scores."""
    return list(scores)


class Shuffled:
    """True scores of other prompts and other examples, drawn by chance from all there were so far.

    Values and budget are as in training, but they say nothing about a prompt: what is gained all the same is not owed
    to the metric.
    """

    def __init__(self, seed: int) -> None:
        self._seed, self._drawn = seed, 0
        self._pool: list[float] = []

    def __call__(self, scores: Sequence[float]) -> list[float]:
        self._pool += scores
        return [self._draw() for _ in scores]

    def _draw(self) -> float:
        bits = draw_bits(self._seed, "training", "reward", self._drawn)
        self._drawn += 1
        return self._pool[bits % len(self._pool)]
