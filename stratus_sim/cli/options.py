"""Options that several commands share."""

from __future__ import annotations

import json
from collections.abc import Iterable
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from stratus_sim import extensions


class Format(str, Enum):  # noqa: UP042  # typer shows the values of a (str, Enum)
    """How results are printed."""

    text = "text"
    json = "json"


HOTEL = "hotel"
"""The embedded application of whoever names none."""

FormatOption = Annotated[Format, typer.Option("--format", help="text for people, json for programs")]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="same seed, same result")]
ManifestsOption = Annotated[Path | None, typer.Option("--manifests", help="file or folder of Kubernetes YAML")]
TopologyOption = Annotated[Path | None, typer.Option("--topology", help="file that declares calls nobody can infer")]
NamespaceOption = Annotated[str | None, typer.Option("--namespace", help="for objects that name none")]
ModelOption = Annotated[str | None, typer.Option("--model", help="model of OPENAI_BASE_URL, for policies that ask one")]
OutputOption = Annotated[str, typer.Option("--output", help="how the model answers: auto, tools or json")]
PromptsOption = Annotated[Path | None, typer.Option("--prompts", help="folder of prompt files, instead of ours")]
NoiseOption = Annotated[bool, typer.Option("--noise", help="two short disturbances every five minutes")]
AppOption = Annotated[
    str | None, typer.Option("--app", help=f"embedded application, instead of --manifests; {HOTEL} unless given")
]


def _load(specs: list[str]) -> list[str]:
    for spec in specs:
        extensions.load(spec)
    return specs


WithOption = Annotated[
    list[str],
    typer.Option("--with", callback=_load, is_eager=True, help="module or file.py that adds faults, controllers, ..."),
]

_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}


def visible(text: str) -> str:
    """Text in which control characters are spelt out: nothing a manifest or a policy says commands the terminal."""
    return text.translate(_CONTROL)


class Terminal(Console):
    """A console for text others wrote. Styles come as `rich.text.Text`: square brackets are just brackets."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text))


out = Terminal(highlight=False, markup=False, emoji=False)
err = Terminal(stderr=True, highlight=False, markup=False, emoji=False)


def print_json(data: Any) -> None:
    """One JSON document on standard output."""
    print(json.dumps(data, indent=2, sort_keys=True, default=str))
