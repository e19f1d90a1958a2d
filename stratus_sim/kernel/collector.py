"""Python's collector of cyclic garbage and worlds.

What a run lets go of is in no cycle, so reference counts free it at once and there is nothing to collect; but the
collector walks over all objects of the process whenever a quarter as many have been made, and a world has millions.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def still() -> Iterator[None]:
    """Hold the collector still meanwhile, and leave it as it was found."""
    held = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if held:
            gc.enable()
