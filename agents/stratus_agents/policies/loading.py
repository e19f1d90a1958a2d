"""From what a user types to a policy: a built-in name, `package.module:attr`, or `path/file.py:attr`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from stratus_agents.policies.builtin import POLICIES
from stratus_agents.rivals import DRIVEN
from stratus_sim.errors import UserError, unknown_name
from stratus_sim.extensions import import_module
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
    return _factory(spec, _attribute(spec, import_module(place, "policy"), attribute))


def _built_in(name: str) -> PolicyFactory:
    if name in POLICIES:
        return POLICIES[name].factory
    if name in DRIVEN:
        raise UserError(f"policy {name!r} asks a model: add --model NAME, and set OPENAI_BASE_URL")
    if name.endswith(".py"):
        raise UserError(f"policy {name!r}: say which object of the file is the policy, as in {name}:MyPolicy")
    raise UserError(f"{unknown_name('policy', name, {*POLICIES, *DRIVEN})}; {_FORMS}")


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
