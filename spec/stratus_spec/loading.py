"""A user's own specification, by address: `module:attribute`."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from types import ModuleType

from .checks import check_property
from .compile import source
from .errors import MachineError, UnsupportedTermError
from .specification import Specification

BUILT_IN = "stratus_spec:SPECIFICATION"


def load(address: str) -> Specification:
    """The `Specification` an address such as `mine.locks:SPECIFICATION` names; the working folder is searched too.

    Raises MachineError, in one line that names the definition and the mend, when there is none or it is badly written.
    """
    module_name, colon, attribute = address.partition(":")
    if not (module_name and colon and attribute):
        raise MachineError(f"{address!r} is no address of a specification: write MODULE:ATTRIBUTE, such as {BUILT_IN}")
    found = getattr(_module(module_name), attribute, None)
    if found is None:
        raise MachineError(f"module {module_name!r} has no {attribute!r}: assign a Specification to it")
    if not isinstance(found, Specification):
        kind = type(found).__name__
        raise MachineError(f"{address} is a {kind}: make it Specification(machine, properties), from stratus_spec")
    for prop in found.properties:
        check_property(found.subject(prop.setting), prop)
    _executable(found)
    return found


def _module(name: str) -> ModuleType:
    here = os.getcwd()  # noqa: PTH109  # what sys.path holds are strings
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except MachineError:
        raise
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            raise MachineError(f"no module {error.name!r}: run where it can be imported, or install it") from error
        raise MachineError(f"{name} imports {error.name!r}, which is not installed") from error
    except Exception as error:  # whatever a user's module raises is the user's to mend
        raise MachineError(f"{name} cannot be imported: {_place(error)}: {_reason(error)}") from error


def _place(error: Exception) -> str:
    """The last line of the user's own code in a traceback; libraries are not theirs to mend."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "site-packages" not in frame.filename and "importlib" not in frame.filename]
    return f"{own[-1].filename}:{own[-1].lineno}: `{own[-1].line}`"


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    hint = "; both sides of an operator must have one sort" if "sort" in text.lower() else ""
    return f"{type(error).__name__}: {text}{hint}"


def _executable(specification: Specification) -> None:
    """Raise MachineError unless every term can be executed, which the replay of counterexamples needs."""
    machine = specification.machine
    try:
        source(machine)
    except UnsupportedTermError as error:
        raise MachineError(f"{machine.name}: {error}; use quantifier-free terms without division") from error
