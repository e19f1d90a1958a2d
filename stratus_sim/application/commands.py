"""What a command line says about how its process ends: `sleep`, `exit`, `true` and `false`, alone or in a shell script.

Anything else is taken to do its work and end well, after as long as such things take.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import lru_cache

from stratus_sim.cluster.process import Exit
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests import quantity

_SLEEP = re.compile(r"(?:^|[\s;&|/(])sleep\s+(\d+)(?:\.\d+)?(?=$|[\s;&|)s])")
_EXIT = re.compile(r"(?:^|[\s;&|(])exit\s+(\d+)")
_LAST = re.compile(r"(?:^|[\s;&|/])(true|false)\s*;?\s*$")


_ALLOCATED = re.compile(r"\bfallocate\s+(?:-\S+\s+)*?-l\s*(\d+[KMGT]?)(?:i?B)?\b")
_COPIED = re.compile(r"\bdd\b(?=[^;&|]*\bbs=(\d+[kKMG]?))(?=[^;&|]*\bcount=(\d+))")


@lru_cache(maxsize=4096)
def written_mib(words: tuple[str, ...]) -> int:
    """What a command line writes to disk by `fallocate -l` and `dd bs= count=`, in MiB, rounded up.

    >>> written_mib(("sh", "-c", "dd if=/dev/zero of=/data/f bs=1M count=300; fallocate -l 2G /data/g"))
    2348
    """
    text = " ".join(words)
    sizes = [quantity.amount(_binary(size)) for size in _ALLOCATED.findall(text)]
    sizes += [quantity.amount(_binary(block)) * int(count) for block, count in _COPIED.findall(text)]
    return math.ceil(sum(sizes) / 2**20)


def _binary(size: str) -> str:
    """A size as these tools write it: their K, M and G are powers of 1024."""
    return size.upper() + ("" if size.isdigit() else "i")


def exit_of(words: Sequence[str]) -> Exit:
    """How a process with this command line ends.

    >>> exit_of(["sh", "-c", "sleep 5; exit 3"]), exit_of(["/bin/false"]).code, exit_of(["perl", "pi.pl"])
    (Exit(code=3, after_us=5000000), 1, Exit(code=0, after_us=None))
    """
    text = " ".join(words)
    slept = [int(seconds) for seconds in _SLEEP.findall(text)]
    stated, last = _EXIT.findall(text), _LAST.findall(text)
    code = int(stated[-1]) if stated else int(last == ["false"])
    known = bool(slept or stated or last)
    return Exit(code, sum(slept) * SECOND_US if known else None)
