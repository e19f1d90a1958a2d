"""Which code and which model an episode came from."""

from __future__ import annotations

import subprocess
import sys
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

_HERE = Path(__file__).resolve()


class Build(msgspec.Struct, frozen=True):
    """The code at work. `commit` is empty outside a checkout; `dirty`: the checkout differs from it."""

    version: str = ""
    python: str = ""
    commit: str = ""
    dirty: bool = False


class Origin(msgspec.Struct, frozen=True):
    """What a model-driven policy's answers come from, and all that a replay needs beside the replies.

    By role, `prompts` has the SHA-256 of each prompt file and `texts` the file; `budget` is what the model might cost;
    `versions` are by package.
    """

    model: str
    prompts: dict[str, str]
    texts: dict[str, str]
    budget: dict[str, int]
    versions: dict[str, str] = {}


@lru_cache(maxsize=1)
def build() -> Build:
    """The code that runs now."""
    try:
        release = version("stratus-tnr")
    except PackageNotFoundError:
        release = ""
    python = ".".join(map(str, sys.version_info[:3]))
    if not _git("ls-files", "--error-unmatch", "policy.py"):  # installed into somebody else's checkout
        return Build(release, python)
    changes = _git("status", "--porcelain", "--untracked-files=no")
    return Build(release, python, _git("rev-parse", "HEAD"), bool(changes))


def _git(*words: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(_HERE.parent), *words], capture_output=True, text=True, check=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
