"""Draws for what is only made when somebody looks: the same whenever, and in whichever fork, it is looked at."""

from __future__ import annotations

from stratus_sim.kernel.streams import draw_bits, uniform


class Luck:
    """The stream of one thing that happened, named by whom it happened to and what it was."""

    def __init__(self, seed: int, entity: str, purpose: str) -> None:
        self._seed, self._entity, self._purpose, self._drawn = seed, entity, purpose, 0

    def draw(self, low: int, high: int) -> int:
        """The next integer in [low, high]."""
        return uniform(self._bits(), low, high)

    def holds(self, permille: int) -> bool:
        """Whether something of this probability happens."""
        return self.draw(0, 999) < permille

    def about(self, mean: int) -> int:
        """A whole number around a mean: from half of it to half as much again."""
        return self.draw(mean - mean // 2, mean + mean // 2)

    def name(self, digits: int) -> str:
        """An identifier of so many hexadecimal digits, a multiple of 16."""
        return "".join(f"{self._bits():016x}" for _ in range(digits // 16))

    def _bits(self) -> int:
        self._drawn += 1
        return draw_bits(self._seed, self._entity, self._purpose, self._drawn)
