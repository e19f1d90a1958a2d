"""The policies a model drives: the crew, and the two it is compared with on the same model, tools and budget."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from stratus_agents.agent import BUDGET, Budget
from stratus_agents.crew import Alone, Crew
from stratus_agents.endpoint import SETTINGS, Endpoint, Settings
from stratus_agents.models import Model, Recorded
from stratus_agents.prompts import ROLES, Prompts, load_prompts, parse_prompt
from stratus_sim.errors import UserError, unknown_name
from stratus_sim.testing.episode import Limits
from stratus_sim.testing.policy import Policy
from stratus_sim.testing.provenance import Origin
from stratus_sim.testing.trial import Mode


class Kind(NamedTuple):
    """How a policy is made of a model, and how it is run: as transactions or on its own, and how often it may try."""

    make: Callable[[Model, Prompts, int, Budget], Policy]
    mode: Mode
    attempts: int
    summary: str


DRIVEN: Mapping[str, Kind] = MappingProxyType(
    {
        "stratus": Kind(Crew, "protected", 3, "detection, diagnosis, mitigation and undo agents, as transactions"),
        "retry": Kind(Crew, "own", 3, "the same crew without the runtime: tries again, undoes nothing"),
        "react": Kind(Alone, "own", 1, "one agent with all tools and one conversation, without the runtime"),
    }
)
"""The policies that need a model, by the names the command line uses."""


_ENDPOINT_S = 900
"""Longer than an endpoint takes to give up: its time-out, retries included."""


@dataclass(frozen=True)
class Driven:
    """Makes policies of one kind on one model; `model_name` is for the record."""

    kind: Kind
    model_name: str
    model: Model
    prompts: Prompts
    budget: Budget = BUDGET

    def __call__(self, seed: int) -> Policy:
        return self.kind.make(self.model, self.prompts, seed, self.budget)

    @property
    def mode(self) -> Mode:
        return self.kind.mode

    @property
    def limits(self) -> Limits:
        """Budget and endpoint bound an answer themselves: the alarm is for neither."""
        return Limits(attempts=self.kind.attempts, steps=30, answer_s=float(self.budget.seconds + _ENDPOINT_S))

    @property
    def origin(self) -> Origin:
        """What the answers came from, for the header of a recording."""
        hashes: dict[str, str] = {role: prompt.sha256 for role, prompt in self.prompts.items()}
        texts: dict[str, str] = {role: prompt.text for role, prompt in self.prompts.items()}
        return Origin(self.model_name, hashes, texts, self.budget._asdict(), {"openai": _version("openai")})


def drive(
    name: str,
    model: str,
    *,
    output: str = "auto",
    prompts: Path | None = None,
    budget: Budget = BUDGET,
    settings: Settings = SETTINGS,
) -> Driven:
    """The policy `name` on the model `model` of the endpoint in the environment.

    Raises:
        UserError: no such policy, no endpoint, no client, or prompts that cannot be used.
    """
    endpoint = Endpoint(model, settings._replace(output=output))
    return Driven(_kind(name), model, endpoint, load_prompts(prompts), budget)


def from_recording(name: str, origin: Origin, events: Iterable[dict[str, Any]]) -> Driven:
    """The policy that gave these events, answering from them instead of a model, with the prompts and budget it had.

    Raises:
        UserError: no such policy, or its origin is damaged.
    """
    prompts = {role: parse_prompt(origin.texts.get(role, ""), f"the recorded prompt of {role}") for role in ROLES}
    for role, prompt in prompts.items():
        if prompt.sha256 != origin.prompts.get(role):
            raise UserError(f"the recorded prompt of {role} is not the one its SHA-256 is of: the file was changed")
    return Driven(_kind(name), origin.model, Recorded(events), prompts, BUDGET._replace(**origin.budget))


def _kind(name: str) -> Kind:
    if name not in DRIVEN:
        raise unknown_name("policy for a model", name, DRIVEN)
    return DRIVEN[name]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
