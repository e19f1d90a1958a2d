"""Prompts are files: Markdown, with a head that says whose it is, which tools it has and what bounds it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec
import yaml

from stratus_agents.tools import TOOLS, Tool
from stratus_sim.errors import UserError, unknown_name

FOLDER = Path(__file__).parent
Role = Literal["detection", "diagnosis", "mitigation", "undo", "react"]
ROLES: tuple[Role, ...] = ("detection", "diagnosis", "mitigation", "undo", "react")
WRITERS: tuple[Role, ...] = ("mitigation", "react")
"""The roles that may be given tools that write."""


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`replies` of the model until an agent must be done; `result_chars` of any one tool's answer."""

    replies: int = 15
    result_chars: int = 6000


class Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The head of a prompt file."""

    role: Role
    tools: tuple[str, ...]
    limits: Limits = Limits()


class Prompt(msgspec.Struct, frozen=True):
    """One agent's instructions. `body` is what the model is told, and what training changes."""

    head: Head
    body: str

    @property
    def offered(self) -> dict[str, Tool]:
        """The tools the agent has, by name."""
        return {name: TOOLS[name] for name in self.head.tools}

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def text(self) -> str:
        """The prompt as a file that `read_prompt` reads back."""
        head = yaml.safe_dump(msgspec.to_builtins(self.head), sort_keys=False, default_flow_style=None)
        return f"---\n{head}---\n{self.body}"

    def with_body(self, body: str) -> Prompt:
        """The same agent, told something else."""
        return Prompt(self.head, body)


Prompts = Mapping[Role, Prompt]


def load_prompts(folder: Path | None = None) -> Prompts:
    """A prompt for every role: from `folder` where it has one, else the one that ships.

    Raises:
        UserError: the folder has no prompts, or one cannot be used.
    """
    if folder is not None and not any((folder / f"{role}.md").is_file() for role in ROLES):
        raise UserError(f"{folder}: no prompts here; expected files like {ROLES[2]}.md")
    return {role: _for_role(role, folder) for role in ROLES}


def _for_role(role: Role, folder: Path | None) -> Prompt:
    own = folder / f"{role}.md" if folder else None
    path = own if own and own.is_file() else FOLDER / f"{role}.md"
    prompt = read_prompt(path)
    if prompt.head.role != role:
        raise UserError(f"{path}: field role is {prompt.head.role!r}: expected {role!r}, as the file is called")
    return prompt


def read_prompt(path: Path) -> Prompt:
    """The prompt in a file.

    Raises:
        UserError: there is no such file, its head is missing or wrong, or a role has tools it may not have.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as a prompt: {error}") from None
    return parse_prompt(text, str(path))


def parse_prompt(text: str, path: str) -> Prompt:
    """The prompt in the text of a file. Raises UserError as `read_prompt`; `path` is how messages call it."""
    fence, head, body = [*text.split("---\n", 2), "", ""][:3]
    if fence or not body.strip():
        raise UserError(f"{path}:1: expected a head between two lines `---`, then the text of the prompt")
    prompt = Prompt(_head(path, head), body)
    _check_tools(path, prompt.head)
    return prompt


def _head(path: str, text: str) -> Head:
    try:
        return msgspec.convert(yaml.safe_load(text), Head)
    except yaml.YAMLError as error:
        line = getattr(getattr(error, "problem_mark", None), "line", 0) + 2
        raise UserError(f"{path}:{line}: the head is not YAML: {getattr(error, 'problem', error)}") from None
    except msgspec.ValidationError as error:
        raise UserError(f"{path}: head: {error}; expected role, tools and limits") from None


def _check_tools(path: str, head: Head) -> None:
    for name in head.tools:
        if name not in TOOLS:
            raise unknown_name(f"tool in {path},", name, TOOLS)
        if TOOLS[name].writes and head.role not in WRITERS:
            raise UserError(f"{path}: tool {name!r} writes, and {head.role} only reads: take it out of field tools")
    if not {"submit", "verdict"} & {*head.tools}:
        raise UserError(f"{path}: without submit or verdict the agent can never be done: add one to field tools")
    if head.limits.replies < 1 or head.limits.result_chars < 100:
        raise UserError(f"{path}: field limits: expected replies >= 1 and result_chars >= 100")
