"""A specification: a machine, what is claimed of it, and the settings in which more is claimed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from .errors import MachineError
from .language import ANY, Machine, Property, Term


@dataclass(frozen=True, eq=False)
class Specification:
    """A machine and its properties.

    `settings` are the machine in kinder environments: each is a restriction of `machine` (transitions left out, guards
    and axioms added, a variable's initial value fixed), so whatever holds of `machine` holds in every setting too.
    Raises MachineError when a setting is no restriction, or a property names an unknown one or a name is used twice.
    """

    machine: Machine
    properties: tuple[Property, ...]
    settings: Mapping[str, Machine] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, setting in self.settings.items():
            check_restriction(self.machine, name, setting)
        for index, prop in enumerate(self.properties):
            if prop.setting not in (ANY, *self.settings):
                raise MachineError(
                    f"{prop.name}: unknown setting {prop.setting!r}; there are {', '.join(self.settings)}"
                )
            if any(prop.name == other.name for other in self.properties[:index]):
                raise MachineError(f"{self.machine.name}: property {prop.name!r} is stated twice")

    def subject(self, setting: str) -> Machine:
        """The machine in a setting."""
        return self.machine if setting == ANY else self.settings[setting]

    def claimed(self, setting: str) -> tuple[Property, ...]:
        """The properties claimed in a setting and in no other."""
        return tuple(p for p in self.properties if p.setting == setting)

    @cached_property
    def prop(self) -> dict[str, Property]:
        """Properties by name."""
        return {prop.name: prop for prop in self.properties}

    def without_guard(self, address: str) -> Specification:
        """The specification with one guard removed in every setting. Raises KeyError if there is none."""
        settings = {name: drop_guard(machine, address) for name, machine in self.settings.items()}
        return Specification(self.machine.without_guard(address), self.properties, settings)


def check_property(specification: Specification, prop: Property) -> None:
    """Raise MachineError unless the property speaks of a setting there is, for all values of names of its own."""
    if prop.setting not in (ANY, *specification.settings):
        settings = ", ".join(specification.settings) or "none"
        raise MachineError(f"{prop.name}: unknown setting {prop.setting!r}; there are {settings}")
    bound = {str(constant) for constant in prop.over}
    for transition in filter(prop.where, specification.subject(prop.setting).transitions):
        if taken := bound & set(transition.param_names):
            raise MachineError(f"{prop.name}: over {sorted(taken)} is a parameter of {transition.name}; rename it")


def drop_guard(setting: Machine, address: str) -> Machine:
    """A setting without the guard, if it still has the transition."""
    return setting.without_guard(address) if address in setting.guard_addresses else setting


def check_restriction(machine: Machine, name: str, setting: Machine) -> None:
    """Raise MachineError unless every behaviour of `setting` is one of `machine`."""
    same = setting.variables == machine.variables and set(machine.axioms) <= set(setting.axioms)
    if not (same and _includes(setting.init, machine.init)):
        raise MachineError(f"setting {name!r}: it must keep the variables, axioms and initial values of {machine.name}")
    for transition in setting.transitions:
        original = machine.transition.get(transition.name)
        if original is None or not _includes(transition.guards, original.guards):
            raise MachineError(
                f"setting {name!r}: {transition.name} must be a transition of {machine.name} with its guards"
            )
        if transition.param_names != original.param_names or not _same(transition.updates, original.updates):
            raise MachineError(f"setting {name!r}: {transition.name} must do what it does in {machine.name}")


def _includes(larger: Mapping[str, Term], smaller: Mapping[str, Term]) -> bool:
    return all(key in larger and larger[key].eq(term) for key, term in smaller.items())


def _same(left: Mapping[str, Term], right: Mapping[str, Term]) -> bool:
    return _includes(left, right) and _includes(right, left)
