"""Modules from outside that register controllers, faults, behaviours or alert rules (docs/extending.md).

A world is data that names its handlers, so it goes wherever the module that registered them has been loaded: a fork is
in the same process, a recording names its extensions, a worker process loads them first (`load_all`).
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from types import ModuleType

import msgspec

from stratus_sim.errors import UserError


class Extension(msgspec.Struct, frozen=True):
    """A module as it was named, `package.module` or `path/file.py`, and what was in it."""

    spec: str
    sha256: str


_LOADED: dict[str, Extension] = {}


def load(spec: str) -> Extension:
    """Import an extension, which registers what it brings; once in a process, however often it is asked for.

    Raises:
        UserError: there is no such file or module; importing it raises, as where a name is taken already.
    """
    if spec not in _LOADED:
        source = import_module(spec, "extension").__file__
        _LOADED[spec] = Extension(spec, hashlib.sha256(Path(source).read_bytes() if source else b"").hexdigest())
    return _LOADED[spec]


def load_all(extensions: Iterable[Extension]) -> None:
    """Load what a recording or another process had.

    Raises:
        UserError: one cannot be loaded, or is another one by now.
    """
    for extension in extensions:
        if load(extension.spec) != extension:
            raise UserError(f"extension {extension.spec}: it has changed since: expected the file as it was then")


def loaded() -> tuple[Extension, ...]:
    """The extensions of this process, in order of loading."""
    return tuple(_LOADED.values())


def blamed(error: BaseException) -> UserError | None:
    """The error for something an extension's own code raised long after it was loaded; None where none was at work."""
    for spec in _LOADED:
        module = sys.modules.get(_name(Path(spec)) if spec.endswith(".py") else spec)
        lines = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == getattr(module, "__file__", "")]
        if lines:
            where = f"{lines[-1].filename}:{lines[-1].lineno}"
            return UserError(f"extension {spec}: it raised {type(error).__name__}: {error} ({where})")
    return None


def import_module(place: str, what: str) -> ModuleType:
    """The module `package.module` or `path/file.py`, imported as a script's own folder would let it.

    `what` leads the messages. A file is executed anew each time, but for one that is an extension: its names are taken.

    Raises:
        UserError: there is none, or importing it raises; the message names the line.
    """
    return _load_file(Path(place), what) if place.endswith(".py") else _load_module(place, what)


def _name(file: Path) -> str:
    return f"stratus_plugged_{file.stem}_{hashlib.sha256(str(file.resolve()).encode()).hexdigest()[:8]}"


def _load_file(file: Path, what: str) -> ModuleType:
    if _name(file) in {_name(Path(spec)) for spec in _LOADED}:
        return sys.modules[_name(file)]
    if not file.is_file():
        raise UserError(f"{what} file {file}: no such file; expected package.module or path/file.py")
    found = importlib.util.spec_from_file_location(_name(file), file.resolve())
    if found is None or found.loader is None:
        raise UserError(f"{what} file {file}: cannot be read as Python")
    module = importlib.util.module_from_spec(found)
    sys.modules[module.__name__] = module  # dataclasses and pickle look their module up there
    try:
        with _blamed(f"{what} {file}", file.stem), _importable(file.parent), redirect_stdout(sys.stderr):
            found.loader.exec_module(module)
    except UserError:
        del sys.modules[module.__name__]
        raise
    return module


def _load_module(name: str, what: str) -> ModuleType:
    with _importable(Path.cwd()), _blamed(f"{what} {name}", name.rpartition(".")[2]), redirect_stdout(sys.stderr):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{name}.".startswith(f"{error.name}."):
                raise
            raise UserError(f"{what} module {name!r}: no module named {error.name!r} can be imported") from None


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Let the body import from `folder`, as a script may from its own."""
    before = list(sys.path)
    sys.path.insert(0, str(folder.resolve()))
    try:
        yield
    finally:
        sys.path[:] = before


@contextmanager
def _blamed(what: str, stem: str) -> Iterator[None]:
    """Report whatever the body's code raises as the fault of its author, with the line."""
    try:
        yield
    except (UserError, KeyboardInterrupt):
        raise
    except BaseException as error:  # importing runs a stranger's code
        where = _line(error, stem)
        raise UserError(f"{what}: importing it raised {type(error).__name__}: {error} ({where})") from error


def _line(error: BaseException, stem: str) -> str:
    """The innermost line of the author's own file, even where what raised is a library it called."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).stem == stem]
    last = own[-1] if own else frames[-1]
    return f"{last.filename}:{last.lineno}"
