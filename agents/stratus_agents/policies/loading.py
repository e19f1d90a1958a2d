"""From what a user types to a policy: a built-in name, `package.module:attr`, or `path/file.py:attr`."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from stratus_agents.policies.builtin import POLICIES
from stratus_agents.rivals import DRIVEN
from stratus_sim.errors import UserError, unknown_name
from stratus_sim.telemetry.observation import Observation
from stratus_sim.testing.policy import Answer, Policy, PolicyFactory

_FORMS = "expected a built-in name, package.module:attr or path/file.py:attr"


def load_policy(spec: str) -> PolicyFactory:
    """What makes a fresh policy from a seed.

    `attr` is a class with a method `act(observation)`, constructed with the seed if its constructor takes an argument,
    or a plain function from an observation to an answer.

    Raises:
        UserError: no such built-in, file, module or attribute; the module raises; `attr` is no policy.
    """
    place, colon, attribute = spec.rpartition(":")
    if not colon:
        return _built_in(spec)
    if not place or not attribute:
        raise UserError(f"policy {spec!r}: {_FORMS}")
    module = _load_file(Path(place)) if place.endswith(".py") else _load_module(place)
    return _factory(spec, _attribute(spec, module, attribute))


def _built_in(name: str) -> PolicyFactory:
    if name in POLICIES:
        return POLICIES[name].factory
    if name in DRIVEN:
        raise UserError(f"policy {name!r} asks a model: add --model NAME, and set OPENAI_BASE_URL")
    if name.endswith(".py"):
        raise UserError(f"policy {name!r}: say which object of the file is the policy, as in {name}:MyPolicy")
    raise unknown_name("policy", name, {*POLICIES, *DRIVEN})


def _load_file(file: Path) -> ModuleType:
    if not file.is_file():
        raise UserError(f"policy file {file}: no such file; {_FORMS}")
    found = importlib.util.spec_from_file_location(f"stratus_policy_{file.stem}", file)
    if found is None or found.loader is None:
        raise UserError(f"policy file {file}: cannot be read as Python; {_FORMS}")
    module = importlib.util.module_from_spec(found)
    sys.modules[module.__name__] = module  # dataclasses and pickle look their module up there
    with _blamed(str(file), file.stem), _importable(file.parent), redirect_stdout(sys.stderr):
        found.loader.exec_module(module)
    return module


def _load_module(name: str) -> ModuleType:
    with _importable(Path.cwd()), _blamed(name, name.rpartition(".")[2]), redirect_stdout(sys.stderr):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{name}.".startswith(f"{error.name}."):
                raise
            raise UserError(f"policy module {name!r}: no module named {error.name!r} can be imported") from None


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
    """Report whatever the body's code raises as the fault of the policy's author, with the line."""
    try:
        yield
    except (UserError, KeyboardInterrupt):
        raise
    except BaseException as error:  # importing runs a stranger's code
        where = _line(error, stem)
        raise UserError(f"policy {what}: importing it raised {type(error).__name__}: {error} ({where})") from error


def _line(error: BaseException, stem: str) -> str:
    """The innermost line of the policy's own file, even where what raised is a library it called."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).stem == stem]
    last = own[-1] if own else frames[-1]
    return f"{last.filename}:{last.lineno}"


def _attribute(spec: str, module: ModuleType, name: str) -> Any:
    if hasattr(module, name):
        return getattr(module, name)
    public = [n for n, v in vars(module).items() if callable(v) and getattr(v, "__module__", "") == module.__name__]
    raise unknown_name(f"attribute of policy {spec!r},", name, public)


def _factory(spec: str, found: Any) -> PolicyFactory:
    if inspect.isclass(found):
        return _of_class(spec, found)
    if not callable(found):
        kind = type(found).__name__
        raise UserError(f"policy {spec!r} is a {kind}: expected a class with act(observation), or a function")
    if not _accepts(found, 1):
        raise UserError(f"policy {spec!r}: the function must take one argument, the observation")
    return lambda _seed: _FunctionPolicy(found)


def _of_class(spec: str, found: type) -> PolicyFactory:
    if not callable(getattr(found, "act", None)):
        raise UserError(f"policy {spec!r}: class {found.__name__} has no method act(observation)")
    if _accepts(found, 1):
        return lambda seed: _made(found, seed)
    if _accepts(found, 0):
        return lambda _seed: _made(found)
    raise UserError(f"policy {spec!r}: the constructor must take a seed or nothing")


def _made(found: type, *arguments: int) -> Policy:
    policy: Policy = found(*arguments)
    return policy


def _accepts(found: Callable[..., Any], count: int) -> bool:
    """Whether a call with `count` positional arguments fits; a signature nobody can read is given the benefit."""
    try:
        inspect.signature(found).bind(*range(count))
    except TypeError:
        return False
    except ValueError:
        return True
    return True


@dataclass(frozen=True)
class _FunctionPolicy:
    function: Callable[[Observation], Answer]

    def act(self, observation: Observation) -> Answer:
        return self.function(observation)
