"""Random numbers by name: one stream per entity and purpose.

A draw depends only on (seed, entity, purpose, how many came before in this stream). Two forks of a world
therefore see the same luck (common random numbers), and one more entity does not reshuffle the others.
"""

from __future__ import annotations

from hashlib import blake2b

_BITS = 64


def draw_bits(seed: int, entity: str, purpose: str, index: int) -> int:
    """The `index`-th 64-bit draw of the stream (entity, purpose), the same on every machine."""
    text = f"{seed}\x1f{entity}\x1f{purpose}\x1f{index}"
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def uniform(bits: int, low: int, high: int) -> int:
    """Map a 64-bit draw to an integer in [low, high] without floating point."""
    return low + ((bits * (high - low + 1)) >> _BITS)
